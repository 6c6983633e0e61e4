import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import type { DataPlane } from "../../src/proxy/index.ts";
import { eventually } from "../support/eventually.ts";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";
import { ask, CA, http2Client, secureProxy } from "./secure-harness.ts";

const ASK = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const AT_ONCE = { signal: AbortSignal.abort() };

/** A proxy before one target, both closed at the end. */
async function openProxy(
  t: TestContext,
  options: Parameters<typeof startProxy>[1] & {
    readonly answer?: Parameters<typeof startTarget>[0];
  } = {},
) {
  const { answer = (_request, response) => response.end("ok"), ...plane } =
    options;
  const target = await startTarget(answer);
  t.after(target.close);
  const proxy = await startProxy([serviceView([target.view()])], plane);
  t.after(() => proxy.plane.close(AT_ONCE));
  return proxy;
}

async function connected(plane: DataPlane, count: number): Promise<void> {
  await eventually(async () => {
    const { totals } = await plane.stats();
    assert.equal(totals.connectionsActive, count);
  });
}

/** How a connection ended: the system's word for an error, or "end". */
function endOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code ?? "error"),
    );
    socket.once("close", () => resolve("end"));
  });
}

test("DataPlane.close() answers the request of a connection that had sent none yet", async (t) => {
  const { plane, port } = await openProxy(t);
  const client = new RawClient(port);
  await connected(plane, 1);
  const closed = plane.close();
  client.send(ASK);
  assert.match(
    await client.all(),
    /^HTTP\/1.1 200[^]*Connection: close[^]*ok$/,
  );
  client.close();
  await closed;
});

test("DataPlane.close() answers one more request of a kept connection, and tells it to close", async (t) => {
  const { plane, port } = await openProxy(t);
  const client = new RawClient(port).send(ASK);
  const first = await client.until((text) => text.endsWith("ok"));
  assert.doesNotMatch(first, /Connection: close/);
  const closed = plane.close();
  client.send(ASK);
  assert.match(await client.all(), /ok[^]*Connection: close[^]*ok$/);
  client.close();
  await closed;
});

test("DataPlane.close() ends an idle connection with FIN, and answers what comes late with no reset (RFC 9112 §9.6)", async (t) => {
  const { plane, port } = await openProxy(t, { limits: { drainIdleMs: 0 } });
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  t.after(() => socket.destroy());
  socket.resume();
  await connected(plane, 1);
  const closed = plane.close();
  await once(socket, "end");
  const end = endOf(socket);
  // A reset would come on the first of them and fail the second.
  for (let count = 0; count < 2; count++)
    await new Promise<void>((resolve, reject) => {
      socket.write(ASK, (error) => (error ? reject(error) : resolve()));
    });
  socket.end();
  assert.equal(await end, "end");
  await closed;
});

test("DataPlane.close() serves a TLS client that was in its handshake", async (t) => {
  const { plane, port } = await secureProxy(t, (_request, response) =>
    response.end("ok"),
  );
  const raw = connect({ port, host: "127.0.0.1" });
  t.after(() => raw.destroy());
  await connected(plane, 1);
  const closed = plane.close();
  const socket = connectTls({ socket: raw, ca: CA, servername: "localhost" });
  await once(socket, "secureConnect");
  socket.write(ASK);
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(socket, "end");
  assert.match(text, /^HTTP\/1.1 200[^]*Connection: close[^]*ok$/);
  await closed;
});

test("DataPlane.close() waits for no TLS client that never speaks", async (t) => {
  const { plane, port } = await secureProxy(
    t,
    (_request, response) => response.end("ok"),
    { limits: { drainIdleMs: 0 } },
  );
  const raw = connect({ port, host: "127.0.0.1" });
  t.after(() => raw.destroy());
  const end = endOf(raw.resume());
  await connected(plane, 1);
  await plane.close();
  await end;
});

test("DataPlane.close() serves one more HTTP/2 stream, and says GOAWAY before its end (RFC 9113 §6.8)", async (t) => {
  const { plane, port } = await secureProxy(t, (_request, response) =>
    response.end("ok"),
  );
  const session = await http2Client(t, port);
  await ask(session, { ":path": "/" });
  const closed = plane.close();
  let isTold = false;
  session.on("goaway", () => {
    isTold = true;
  });
  const late = await ask(session, { ":path": "/late" });
  assert.equal(late.body.toString(), "ok");
  assert.ok(isTold);
  await closed;
});

for (const protocol of ["HTTP/1.0", "HTTP/1.1"])
  test(`DataPlane.close() resets an ${protocol} answer that is unfinished at the limit`, async (t) => {
    const { plane, port } = await openProxy(t, {
      answer: (_request, response) => response.write("x".repeat(100_000)),
    });
    const socket = connect({ port, host: "127.0.0.1" });
    t.after(() => socket.destroy());
    const end = endOf(socket);
    socket.write(`GET / ${protocol}\r\nHost: a\r\n\r\n`);
    let bytes = 0;
    socket.on("data", (chunk) => {
      bytes += chunk.length;
    });
    await eventually(() => assert.ok(bytes > 100_000));
    const limit = new AbortController();
    const closed = plane.close({ signal: limit.signal });
    limit.abort();
    assert.equal(await end, "ECONNRESET");
    await closed;
  });

/** Crashes a worker: the main thread sends no such message, so it throws where it is read. */
function crash(plane: DataPlane, column: number): void {
  assert.ok(
    "workerThread" in plane && typeof plane.workerThread === "function",
  );
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  plane.workerThread(column).postMessage({ kind: "changes" });
}

test("startDataPlane() with keepsQueues lets who comes while its only worker is replaced wait, not fail", async (t) => {
  const { plane, port } = await openProxy(t, { keepsQueues: true });
  const before = JSON.stringify(plane.descriptors());
  // The spare is another number of the same socket.
  await eventually(() =>
    assert.notEqual(JSON.stringify(plane.descriptors()), before),
  );
  const first = connect({ port, host: "127.0.0.1" });
  t.after(() => first.destroy());
  await connected(plane, 1);
  const gone = endOf(first.resume());
  crash(plane, 1);
  await gone; // so the worker's own descriptor is closed, or about to be
  const client = new RawClient(port).send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  assert.match(await client.all(), /^HTTP\/1.1 200[^]*ok$/);
});

test("a worker that crashes resets what it had in work", async (t) => {
  const { plane, port } = await openProxy(t, {
    answer: (_request, response) => response.write("x".repeat(100_000)),
  });
  const socket = connect({ port, host: "127.0.0.1" });
  t.after(() => socket.destroy());
  const end = endOf(socket.resume());
  socket.write("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  await once(socket, "data");
  crash(plane, 1);
  assert.equal(await end, "ECONNRESET");
});
