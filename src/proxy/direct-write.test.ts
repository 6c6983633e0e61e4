import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { directHandle } from "./direct-write.ts";
import { errorCode } from "./error-code.ts";
import { adoptAccepted, InputBuffers, SERVER_OPTIONS } from "./wire.ts";

const BLOCK = Buffer.alloc(1024 * 1024, "x");

/** Its port. */
async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A wire whose peer does not read yet, given more than the kernel takes. */
async function fullWire(t: TestContext) {
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
  assert.equal(wire.writeText(", and \xe9"), false);
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
