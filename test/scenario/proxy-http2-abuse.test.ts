import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import { createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import {
  encodeFields,
  FLAG,
  FRAME,
  type Frame,
  FrameClient,
} from "../support/http2-frames.ts";
import { type DowngradeCase, DOWNGRADES } from "../vectors/http2/downgrade.ts";
import { serviceView, startProxy, targetView } from "./proxy-harness.ts";
import { ask, CA, http2Client, pair, secureProxy } from "./secure-harness.ts";

const GET = encodeFields([
  ":method",
  "GET",
  ":scheme",
  "https",
  ":path",
  "/",
  ":authority",
  "localhost",
]);

function get(stream: number): Frame {
  const flags = FLAG.END_HEADERS | FLAG.END_STREAM;
  return { type: FRAME.HEADERS, flags, stream, payload: GET };
}

function reset(stream: number, code: number): Frame {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return { type: FRAME.RST_STREAM, stream, payload };
}

async function frameClient(
  t: TestContext,
  port: number,
  settings?: Buffer<ArrayBuffer>,
): Promise<FrameClient> {
  const client = await FrameClient.open(port, { ca: CA }, settings);
  t.after(() => client[Symbol.dispose]());
  return client;
}

/** Undefined where the reset of the connection overtook the frame. */
async function goAwayCode(client: FrameClient): Promise<number | undefined> {
  const frame = await client.until(({ type }) => type === FRAME.GOAWAY);
  return frame?.payload.readUInt32BE(4);
}

/** A target that answers whatever ends in an empty line, and keeps the bytes. */
async function recordingTarget(t: TestContext) {
  const sockets = new Set<Socket>();
  const seen = { text: "" };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      seen.text += chunk.toString("latin1");
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port =
    typeof address === "object" && address !== null ? address.port : 0;
  return { port, seen };
}

function framesOf(one: DowngradeCase): Frame[] {
  const stream = 1;
  const { fields, content, trailers } = one;
  const frames: Frame[] = [
    {
      type: FRAME.HEADERS,
      flags: FLAG.END_HEADERS | (content === undefined ? FLAG.END_STREAM : 0),
      stream,
      payload: encodeFields(fields),
    },
  ];
  if (content !== undefined)
    frames.push({
      type: FRAME.DATA,
      flags: trailers === undefined ? FLAG.END_STREAM : 0,
      stream,
      payload: Buffer.from(content, "latin1"),
    });
  if (trailers !== undefined)
    frames.push({
      type: FRAME.HEADERS,
      flags: FLAG.END_HEADERS | FLAG.END_STREAM,
      stream,
      payload: encodeFields(trailers),
    });
  return frames;
}

const CALM = constants.NGHTTP2_ENHANCE_YOUR_CALM;
/** The first byte of an answer's fields that says 200 (RFC 7541 appendix A). */
const STATUS_200 = 0x88;

test("no HTTP/2 request that HTTP/1.1 would read otherwise is served, and none leaves a second one behind", async (t) => {
  const target = await recordingTarget(t);
  const { port, plane } = await startProxy(
    [serviceView([targetView(target.port)])],
    {
      listen: [{ host: "127.0.0.1", port: 0, tls: true }],
      certificates: [pair("default")],
    },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  for (const one of DOWNGRADES) {
    const before = target.seen.text.length;
    using client = await FrameClient.open(port, { ca: CA });
    client.send(...framesOf(one));
    const end = await client.until(
      ({ type, stream }) =>
        type === FRAME.GOAWAY ||
        (stream === 1 && (type === FRAME.HEADERS || type === FRAME.RST_STREAM)),
    );
    assert.ok(end, `${one.name}: no answer`);
    const isServed =
      end.type === FRAME.HEADERS && end.payload.at(0) === STATUS_200;
    assert.equal(isServed, one.isDropped === true, one.name);
    const text = target.seen.text.slice(before);
    assert.doesNotMatch(text, /hidden|\r\nx: y/i, one.name);
  }
  // A target may see content before its end turns out to be wrong: one request
  // of ours, and cut. Nothing else came but what was served.
  const heads = target.seen.text.match(/ HTTP\/1\.1\r\n/g) ?? [];
  const most = DOWNGRADES.filter(
    ({ content, isDropped }) => content !== undefined || isDropped === true,
  );
  assert.ok(heads.length <= most.length, target.seen.text);
  const session = await http2Client(t, port);
  const before = target.seen.text.length;
  assert.equal((await ask(session, { ":path": "/fine" })).status, 200);
  assert.match(
    target.seen.text.slice(before),
    /^GET \/fine HTTP\/1\.1\r\nHost: /,
  );
});

test("a client that resets its requests is cut off with ENHANCE_YOUR_CALM (CVE-2023-44487)", async (t) => {
  const { port, plane } = await secureProxy(t, () => {}, {
    limits: { http2MaxResets: 50 },
  });
  for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
    const client = await frameClient(t, port);
    for (let i = 0; i < 100 && !client.ended; i++) {
      const stream = 2 * i + 1;
      client.send(get(stream), reset(stream, code));
    }
    const told = await goAwayCode(client);
    assert.ok(told === undefined || told === CALM, `code ${code}: ${told}`);
    await client.end();
  }
  while ((await plane.stats()).targets[0]?.inFlight !== 0);
  assert.equal((await plane.stats()).totals.clientFaults["http2-flood"], 2);
});

test("a client that cancels now and then is served on", async (t) => {
  const { port } = await secureProxy(
    t,
    (request, response) => {
      if (request.url !== "/hang") response.end();
    },
    { limits: { http2MaxResets: 50 } },
  );
  const session = await http2Client(t, port);
  for (let i = 0; i < 20; i++) {
    const stream = session.request({ ":path": "/hang" });
    stream.on("error", () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    await once(stream, "close");
  }
  assert.equal((await ask(session, { ":path": "/" })).status, 200);
});

test("PING and SETTINGS floods end in ENHANCE_YOUR_CALM", async (t) => {
  const { port, plane } = await secureProxy(t, () => {}, {
    limits: { http2MaxControlFrames: 50 },
  });
  const floods: readonly Frame[] = [
    { type: FRAME.PING, payload: Buffer.alloc(8) },
    { type: FRAME.SETTINGS, payload: Buffer.from([0, 3, 0, 0, 0, 100]) },
    { type: FRAME.SETTINGS },
  ];
  for (const frame of floods) {
    const client = await frameClient(t, port);
    for (let i = 0; i < 200 && !client.ended; i++) client.send(frame);
    const told = await goAwayCode(client);
    assert.ok(told === undefined || told === CALM, `${frame.type}: ${told}`);
    await client.end();
  }
  const { totals } = await plane.stats();
  assert.equal(totals.clientFaults["http2-flood"], floods.length);
});

test("a head in endless CONTINUATION frames ends the connection", async (t) => {
  const { port, target } = await secureProxy(t, () => {});
  target.server.on("request", () => assert.fail("it reached the target"));
  const client = await frameClient(t, port);
  client.send({ type: FRAME.HEADERS, stream: 1, payload: GET });
  const payload = encodeFields(["x", "y".repeat(1000)]);
  for (let i = 0; i < 1000 && !client.ended; i++)
    client.send({ type: FRAME.CONTINUATION, stream: 1, payload });
  await client.end();
});

test("a header list above its limits is refused, and the connection serves on", async (t) => {
  const { port } = await secureProxy(t, (_request, response) => {
    response.end();
  });
  const session = await http2Client(t, port);
  const many = Object.fromEntries(
    Array.from({ length: 200 }, (_, index) => [`x-${index}`, "y"]),
  );
  assert.notEqual((await ask(session, { ":path": "/", ...many })).resetCode, 0);
  const long = await ask(session, { ":path": "/", x: "y".repeat(40_000) });
  assert.equal(long.status, 431);
  const path = await ask(session, { ":path": `/${"y".repeat(9000)}` });
  assert.equal(path.status, 414);
  assert.equal((await ask(session, { ":path": "/" })).status, 200);
});

test("more streams at a time than allowed are refused", async (t) => {
  let asked = 0;
  const { port } = await secureProxy(
    t,
    () => {
      asked += 1;
    },
    { limits: { http2MaxStreams: 5 } },
  );
  const client = await frameClient(t, port);
  for (let i = 0; i < 8; i++) client.send(get(2 * i + 1));
  const refused = await client.until(
    ({ type, stream }) => type === FRAME.RST_STREAM && stream === 15,
  );
  assert.equal(
    refused?.payload.readUInt32BE(0),
    constants.NGHTTP2_REFUSED_STREAM,
  );
  assert.ok(asked <= 5);
});

test("a client that opens no window loses its stream, and the target is free", async (t) => {
  const { port, plane } = await secureProxy(
    t,
    (_request, response) => {
      response.end(Buffer.alloc(4_000_000));
    },
    { limits: { stallTimeoutMs: 300 } },
  );
  // SETTINGS_INITIAL_WINDOW_SIZE 0
  const client = await frameClient(t, port, Buffer.from([0, 4, 0, 0, 0, 0]));
  client.send(get(1));
  const end = await client.until(({ type }) => type === FRAME.RST_STREAM);
  assert.equal(end?.stream, 1);
  while ((await plane.stats()).targets[0]?.inFlight !== 0);
});

test("content that does not come is given up with 408", async (t) => {
  const { port, plane } = await secureProxy(
    t,
    (request) => {
      request.resume();
    },
    {
      limits: { stallTimeoutMs: 300 },
    },
  );
  const session = await http2Client(t, port);
  const stream = session.request({ ":method": "POST", ":path": "/" });
  stream.on("error", () => {});
  stream.write("begun");
  const [headers] = (await once(stream, "response")) as [
    Record<string, unknown>,
  ];
  assert.equal(headers[":status"], 408);
  while ((await plane.stats()).targets[0]?.inFlight !== 0);
});

test("maxBodyBytes holds for HTTP/2 content, announced and not", async (t) => {
  const { port } = await secureProxy(
    t,
    (request, response) => {
      request.resume();
      request.on("end", () => response.end());
    },
    { limits: { maxBodyBytes: 1000 } },
  );
  const session = await http2Client(t, port);
  const post = { ":method": "POST", ":path": "/" };
  const body = Buffer.alloc(2000);
  assert.equal((await ask(session, post, body)).status, 413);
  const announced = { ...post, "content-length": body.length };
  assert.equal((await ask(session, announced, body)).status, 413);
  assert.equal((await ask(session, post, "fits")).status, 200);
});

test("an idle HTTP/2 connection is closed with GOAWAY, one at work is not", async (t) => {
  const finish = Promise.withResolvers<void>();
  const { port, plane } = await secureProxy(
    t,
    (_request, response) => {
      void finish.promise.then(() => response.end());
    },
    { limits: { idleTimeoutMs: 300 } },
  );
  const busy = await http2Client(t, port);
  const reply = ask(busy, { ":path": "/" });
  const idle = await frameClient(t, port);
  assert.equal(await goAwayCode(idle), constants.NGHTTP2_NO_ERROR);
  await idle.end();
  while ((await plane.stats()).totals.connectionsActive !== 1);
  finish.resolve();
  assert.equal((await reply).status, 200);
});

test("maxRequestsPerConnection ends an HTTP/2 connection after its last request", async (t) => {
  const { port } = await secureProxy(
    t,
    (_request, response) => {
      response.end("x".repeat(100_000));
    },
    { limits: { maxRequestsPerConnection: 3 } },
  );
  const session = await http2Client(t, port);
  const closed = once(session, "close");
  for (let i = 0; i < 3; i++)
    assert.equal((await ask(session, { ":path": "/" })).body.length, 100_000);
  await closed;
});

test("after streams that end in every way, nothing is left in flight", async (t) => {
  const { port, plane } = await secureProxy(
    t,
    (request, response) => {
      request.resume();
      request.on("error", () => {});
      const kind = Number(request.url?.slice(1)) % 4;
      if (kind === 0) response.end("x".repeat(50_000));
      else if (kind === 1) setTimeout(() => response.end("late"), 20);
      else if (kind === 2) request.socket.destroy();
      else response.write("never whole");
    },
    {
      limits: { http2MaxResets: 1_000_000 },
      definition: {
        health: {
          failures: 1_000_000,
          ejectMs: 30_000,
          maxEjectMs: 300_000,
          active: undefined,
        },
      },
    },
  );
  const session = await http2Client(t, port);
  const closings: Promise<unknown>[] = [];
  for (let i = 0; i < 400; i++) {
    const isUpload = i % 3 === 0;
    const stream = session.request(
      { ":method": isUpload ? "PUT" : "GET", ":path": `/${i}` },
      { endStream: !isUpload },
    );
    stream.on("error", () => {});
    stream.resume();
    closings.push(once(stream, "close"));
    if (isUpload) {
      stream.write("begun");
      if (i % 2 === 0) stream.end("ended");
    }
    if (i % 4 === 3 || (isUpload && i % 2 === 1))
      setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), i % 7);
    if (i % 50 === 49) await Promise.all(closings.splice(0));
  }
  await Promise.all(closings);
  while ((await plane.stats()).targets[0]?.inFlight !== 0);
  session.close();
  while ((await plane.stats()).totals.connectionsActive !== 0);
  const { totals } = await plane.stats();
  assert.equal(totals.requests, 400);
});
