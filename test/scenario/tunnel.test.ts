/**
 * What becomes of a connection after 101 (RFC 9110 section 7.8): bytes both
 * ways, each direction ending by itself, until both have.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import type { DataPlaneOptions } from "../../src/proxy/index.ts";
import { eventually } from "../support/eventually.ts";
import { sha256 } from "../support/websocket.ts";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
  targetView,
} from "./proxy-harness.ts";
import { CA, pair } from "./secure-harness.ts";

const ASK =
  "GET /line HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: line\r\n\r\n";
const GRANT =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: line\r\n\r\n";
/** More than the kernel's buffers on the way take. */
const MUCH = randomBytes(24 * 1024 * 1024);
/** Fits into them: whoever sends it is done before a byte of it is read. */
const SOME = MUCH.subarray(0, 1_500_000);

/** A proxy before a target that grants every upgrade, and what a test sees of it. */
async function stage(
  t: TestContext,
  options: {
    readonly secure?: boolean;
    readonly grant?: string;
    readonly limits?: DataPlaneOptions["limits"];
  } = {},
) {
  const { secure = false, grant = GRANT, limits = {} } = options;
  const server = createServer((_request, response) => response.end("plain"));
  const { promise: granted, resolve } = Promise.withResolvers<Socket>();
  server.on("upgrade", (_request: IncomingMessage, socket: Socket) => {
    socket.on("error", () => {});
    socket.allowHalfOpen = true;
    socket.write(grant, "latin1", () => resolve(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { plane, port } = await startProxy(
    [serviceView([targetView(address.port)])],
    {
      listen: [{ host: "127.0.0.1", port: 0, tls: secure }],
      ...(secure ? { certificates: [pair("default")] } : {}),
      limits,
    },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  return { plane, port, granted };
}

/** Both ends of a tunnel through the proxy, the client's behind its 101. */
async function openTunnel(
  t: TestContext,
  options: Parameters<typeof stage>[1] = {},
) {
  const place = await stage(t, options);
  const where = { host: "127.0.0.1", port: place.port, allowHalfOpen: true };
  const raw = connect(where);
  raw.on("error", () => {});
  const client =
    options.secure === true
      ? connectTls({ socket: raw, ca: CA, servername: "localhost" })
      : raw;
  t.after(() => client.destroy());
  client.on("error", () => {});
  client.write(ASK, "latin1");
  const [head] = (await once(client, "data")) as [Buffer]; // as `data` says
  assert.match(head.toString("latin1"), /^HTTP\/1\.1 101 /u);
  const target = await place.granted;
  t.after(() => target.destroy());
  return { ...place, raw, client, target };
}

/** Everything up to FIN; rejects when the connection breaks. */
function readAll(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    socket.on("end", () => resolve(Buffer.concat(pieces)));
    socket.on("error", reject);
    socket.on("close", () =>
      reject(new Error(`Cannot read on: cut after ${pieces.length} pieces`)),
    );
  });
}

for (const secure of [false, true])
  describe(`a tunnel over ${secure ? "TLS" : "HTTP/1.1"}`, () => {
    for (const first of ["client", "target"] as const)
      test(`Exchange lets the ${first} end its direction and takes all that the other sends after`, async (t) => {
        const ends = await openTunnel(t, { secure });
        const from = ends[first];
        const to = first === "client" ? ends.target : ends.client;
        const heard = readAll(to);
        const answered = readAll(from);
        from.end("that was all");
        assert.equal((await heard).toString(), "that was all");
        to.end(MUCH);
        assert.equal(sha256(await answered), sha256(MUCH));
        await eventually(async () => {
          const { totals, targets } = await ends.plane.stats();
          assert.equal(totals.connectionsActive, 0);
          assert.equal(targets[0]?.inFlight, 0);
        });
      });

    for (const first of ["client", "target"] as const)
      test(`Exchange delivers the last bytes to a slow ${first} after both directions ended`, async (t) => {
        const ends = await openTunnel(t, { secure });
        const reader = ends[first];
        const writer = first === "client" ? ends.target : ends.client;
        const atWriter = readAll(writer);
        reader.pause();
        reader.end("nothing more from here");
        await atWriter;
        writer.end(SOME);
        await once(writer, "close");
        const all = readAll(reader);
        reader.resume();
        assert.equal(sha256(await all), sha256(SOME));
      });

    for (const first of ["client", "target"] as const)
      test(`Exchange breaks off a tunnel that the ${first} breaks off, and counts it once`, async (t) => {
        const ends = await openTunnel(t, { secure });
        const breaking = first === "client" ? ends.raw : ends.target;
        const other = first === "client" ? ends.target : ends.client;
        const broken = once(other, "end");
        other.resume();
        breaking.resetAndDestroy();
        await assert.rejects(broken, { code: "ECONNRESET" });
        await eventually(async () => {
          const { totals, targets } = await ends.plane.stats();
          assert.equal(totals.connectionsActive, 0);
          assert.equal(targets[0]?.inFlight, 0);
          assert.equal(totals.statuses[101], 1);
          assert.equal(totals.upgrades, 1);
        });
      });
  });

test("Exchange passes on what a client sends before the upgrade is granted", async (t) => {
  const { port, granted } = await stage(t);
  const client = new RawClient(port).send(`${ASK}early words`);
  t.after(() => client.close());
  const target = await granted;
  const [bytes] = (await once(target, "data")) as [Buffer]; // as `data` says
  assert.equal(bytes.toString(), "early words");
  target.end("heard");
  await client.until((text) => text.endsWith("\r\n\r\nheard"));
});

test("Exchange passes on what a target sends right behind its 101", async (t) => {
  const { port } = await stage(t, { grant: `${GRANT}first words` });
  const client = new RawClient(port).send(ASK);
  t.after(() => client.close());
  await client.until((text) => text.endsWith("\r\n\r\nfirst words"));
});

test("Exchange grants no protocol that the client did not ask for (RFC 9110 section 7.8)", async (t) => {
  const other = GRANT.replace("Upgrade: line", "Upgrade: h2c");
  const { port, plane } = await stage(t, { grant: other });
  const client = new RawClient(port).send(ASK);
  t.after(() => client.close());
  await client.until((text) => text.startsWith("HTTP/1.1 502 "));
  const { totals, targets } = await plane.stats();
  assert.equal(totals.upgrades, 0);
  assert.equal(targets[0]?.inFlight, 0);
});

test("Exchange answers 502 to a client that asked for no upgrade and is granted one", async (t) => {
  const target = await startTarget(() => {});
  t.after(target.close);
  target.server.on("request", (request) => {
    request.socket.write(GRANT, "latin1");
  });
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  t.after(() => client.close());
  await client.until((text) => text.startsWith("HTTP/1.1 502 "));
});

for (const status of [200, 400, 403])
  test(`Exchange passes ${status} in place of 101 on, and the connection goes on`, async (t) => {
    const target = await startTarget((request, response) => {
      response.statusCode = request.url === "/line" ? status : 204;
      response.end(request.url === "/line" ? "not upgraded" : undefined);
    });
    t.after(target.close);
    const { plane, port } = await startProxy([serviceView([target.view()])]);
    t.after(() => plane.close({ signal: AbortSignal.abort() }));
    const client = new RawClient(port).send(ASK);
    t.after(() => client.close());
    const answer = await client.until((text) => text.endsWith("not upgraded"));
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `, "u"));
    client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until((text) => text.includes("HTTP/1.1 204 "));
    const { totals, targets } = await plane.stats();
    assert.equal(totals.upgrades, 0);
    assert.equal(targets[0]?.inFlight, 0);
  });
