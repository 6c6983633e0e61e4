import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { readOptions } from "../base/index.ts";
import { directHandle } from "./direct-write.ts";
import { errorCode } from "./error-code.ts";
import { PROXY_OPTIONS } from "./options.ts";
import {
  UpstreamConnection,
  type UpstreamUser,
} from "./upstream-connection.ts";
import { adoptAccepted, InputBuffers, SERVER_OPTIONS } from "./wire.ts";

const BLOCK = Buffer.alloc(1024 * 1024, "x");

/** Its port. */
async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A wire whose peer does not read yet. */
async function wirePair(t: TestContext) {
  const server = createServer(SERVER_OPTIONS);
  const port = await listening(server);
  const peer = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  peer.on("error", () => {});
  peer.pause();
  const [shell] = (await once(server, "connection")) as [Socket]; // its only argument
  const wire = adoptAccepted(new InputBuffers(), shell);
  t.after(() => {
    wire.destroy();
    peer.destroy();
    server.close();
  });
  return { wire, peer };
}

/** The same, given more than the kernel takes. */
async function fullWire(t: TestContext) {
  const { wire, peer } = await wirePair(t);
  let blocks = 1;
  while (wire.write(BLOCK)) blocks += 1;
  return { wire, peer, blocks };
}

test("directHandle() finds what it knows in this Node, once a socket is connected", async (t) => {
  const server = createServer((accepted) => accepted.destroy());
  t.after(() => server.close());
  const port = await listening(server);
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  assert.equal(directHandle(socket), undefined);
  await once(socket, "connect");
  const known = Number(process.versions.node.split(".")[0]) >= 26;
  assert.equal(directHandle(socket) !== undefined, known);
});

test("Wire.write() keeps the order of what the kernel did not take, up to the end", async (t) => {
  const { wire, peer, blocks } = await fullWire(t);
  assert.equal(wire.write(Buffer.from("second")), false);
  wire.writeLater(", and \xe9");
  wire.sendNow();
  assert.ok(wire.pendingBytes > "second, and \xe9".length);
  wire.end();
  const received = await buffer(peer);
  const after = received.toString("latin1", blocks * BLOCK.length);
  assert.equal(after, "second, and \xe9");
});

test("Wire.reset() cuts a pending write short, also once the end was asked for", async (t) => {
  const { wire, peer } = await fullWire(t);
  const fault = Promise.withResolvers<unknown>();
  peer.on("error", (error) => fault.resolve(error));
  peer.on("end", () => fault.resolve("a whole answer"));
  wire.end();
  wire.reset();
  peer.resume();
  const seen = await fault.promise;
  assert.equal(seen instanceof Error && errorCode(seen), "ECONNRESET");
});

test("Wire.write() that is pending ends with its connection", async (t) => {
  const { wire, peer } = await fullWire(t);
  const drains: unknown[] = [];
  const closed = Promise.withResolvers<string | undefined>();
  wire.handler = {
    onBytes() {},
    onEnd() {},
    onDrain: () => drains.push("drain"),
    onClose: (code) => closed.resolve(code),
  };
  peer.resetAndDestroy();
  assert.equal(await closed.promise, "ECONNRESET");
  assert.deepEqual(drains, []);
  assert.equal(wire.pendingBytes, 0);
});

test("Wire.write() to a connection that is broken closes it with the system's word", async (t) => {
  const { wire, peer } = await fullWire(t);
  wire.pause(); // or else the read would learn of it first
  const closed = Promise.withResolvers<string | undefined>();
  wire.handler = {
    onBytes() {},
    onEnd() {},
    onDrain() {},
    onClose: (code) => closed.resolve(code),
  };
  peer.resetAndDestroy();
  const code = await closed.promise;
  assert.ok(code === "EPIPE" || code === "ECONNRESET");
  assert.equal(wire.write(BLOCK), true);
});

test("Wire.writeLater() leaves at the end of the turn, before what comes after it", async (t) => {
  const { wire, peer } = await wirePair(t);
  wire.writeLater("one, ");
  assert.equal(wire.holdsText, true);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(wire.holdsText, false);
  wire.writeLater("two, ");
  wire.write(Buffer.from("three, "));
  assert.equal(wire.holdsText, false);
  wire.writeLater("four, ");
  wire.writeLater("five, ");
  wire.writeLater("six");
  wire.end();
  assert.equal(String(await buffer(peer)), "one, two, three, four, five, six");
});

test("Wire.writeLater() of a wire that is destroyed is forgotten", async (t) => {
  const { wire, peer } = await wirePair(t);
  wire.writeLater("never");
  wire.destroy();
  assert.equal(String(await buffer(peer)), "");
});

test("UpstreamConnection takes no answer to a request that has not left", async (t) => {
  const server = createServer((accepted) => accepted.on("error", () => {}));
  const port = await listening(server);
  t.after(() => server.close());
  const faults: string[] = [];
  const connected = Promise.withResolvers<void>();
  const user: UpstreamUser = {
    onConnected: () => connected.resolve(),
    onHead: () => faults.push("a head"),
    onContent() {},
    onData() {},
    onComplete: () => faults.push("an answer"),
    onTunnelData() {},
    onTunnelEnd() {},
    onFault: (fault) => faults.push(fault),
    onUpstreamDrain() {},
    onTurnEnd() {},
  };
  const connection = new UpstreamConnection(
    { host: "127.0.0.1", port, socketPath: undefined },
    {
      owner: { connectionIdle() {}, connectionGone() {} },
      limits: readOptions(PROXY_OPTIONS, {}),
      input: new InputBuffers(),
      nowMs: 0,
      introduction: undefined,
    },
  );
  connection.use(user, "GET");
  await connected.promise;
  connection.wire.writeLater("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const early = Buffer.from("HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n");
  connection.onBytes(early, early.length);
  assert.deepEqual(faults, ["cut"]);
  assert.equal(connection.closed, true);
});
