import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { ManualClock } from "../base/index.ts";
import {
  AddWatchRequest,
  AuthPacket,
  encode,
  ErrorCode,
  GetDataRequest,
  SetDataRequest,
} from "../jute/index.ts";
import { type Keeper, startKeeper } from "./index.ts";
import { connectBytes, RawClient } from "./raw-client.fixture.ts";

/** More under `npm run soak`. */
const IDLE = process.env["ZOOGATE_SOAK_SECONDS"] === undefined ? 500 : 5_000;

async function serves(keeper: Keeper): Promise<void> {
  await using client = await RawClient.connect(keeper.port);
  assert.equal((await client.ask("ping", Buffer.alloc(0), -2)).err, 0);
}

async function socketTo(keeper: Keeper): Promise<Socket> {
  const socket = connect({ port: keeper.port, host: "127.0.0.1" });
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** A number from 0 to 1 at a time, the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("the keeper", () => {
  test("cuts a client that never reads its watch events, and serves the others", async () => {
    await using keeper = await startKeeper({ maxQueuedBytes: 200_000 });
    await using deaf = await RawClient.connect(keeper.port);
    await deaf.ask("addWatch", encode(AddWatchRequest, { path: "/", mode: 1 }));
    deaf.socket.pause();
    await using client = await RawClient.connect(keeper.port);
    const path = `/${"x".repeat(2_000)}`;
    await client.create(path);
    const set = encode(SetDataRequest, { path, data: null, version: -1 });
    for (let round = 0; round < 2_000; round++) {
      for (let index = 0; index < 50; index++) client.send("setData", set);
      for (let index = 0; index < 50; index++)
        assert.equal((await client.next())?.err, 0);
      if (keeper.stats().cuts["reads-too-slowly"] === 1) break;
    }
    assert.equal(keeper.stats().cuts["reads-too-slowly"], 1);
    assert.equal(keeper.stats().watches, 0);
    await serves(keeper);
  });

  test("stops reading the requests of a client that does not read its answers", async () => {
    await using keeper = await startKeeper();
    await using client = await RawClient.connect(keeper.port);
    await client.create("/big", "x".repeat(500_000));
    client.socket.pause();
    const get = encode(GetDataRequest, { path: "/big", watch: false });
    for (let index = 0; index < 200; index++) client.send("getData", get);
    await serves(keeper);
    // 100 MB were asked for; what is asked for is answered once it is read.
    client.socket.resume();
    for (let index = 0; index < 200; index++)
      assert.equal((await client.next())?.err, 0);
    assert.equal(keeper.stats().connectionsCut, 1);
  });

  test("refuses connections of one address above its bound", async () => {
    await using keeper = await startKeeper({ maxConnectionsPerAddress: 2 });
    await using first = await RawClient.connect(keeper.port);
    await using second = await RawClient.connect(keeper.port);
    assert.ok(first.session && second.session);
    await using third = await RawClient.connect(keeper.port);
    assert.equal(third.session, undefined);
    await second[Symbol.asyncDispose]();
    while (keeper.stats().connections > 1)
      await first.ask("ping", Buffer.alloc(0), -2);
    await serves(keeper);
  });

  test("serves on beside many idle connections, with little memory for each", async () => {
    await using keeper = await startKeeper({ maxConnectionsPerAddress: 0 });
    const before = process.memoryUsage().rss;
    const idle: Socket[] = [];
    for (let index = 0; index < IDLE; index++) {
      const socket = await socketTo(keeper);
      socket.resume();
      const hello = connectBytes({ timeoutMs: 40_000 });
      const length = Buffer.alloc(4);
      length.writeInt32BE(hello.length);
      socket.write(Buffer.concat([length, hello]));
      idle.push(socket);
    }
    await serves(keeper);
    assert.ok(keeper.stats().sessions >= IDLE);
    // Both ends of each are in this process.
    const bytesEach = (process.memoryUsage().rss - before) / IDLE;
    assert.ok(bytesEach < 100_000, `${bytesEach} bytes each`);
    for (const socket of idle) socket.destroy();
  });

  test("refuses sessions above its bound", async () => {
    await using keeper = await startKeeper({ maxSessions: 2 });
    await using first = await RawClient.connect(keeper.port);
    await using second = await RawClient.connect(keeper.port);
    await using third = await RawClient.connect(keeper.port);
    assert.ok(first.session && second.session);
    assert.equal(third.session, undefined);
  });

  test("closes connections that never ask for a session", async () => {
    const clock = new ManualClock();
    await using keeper = await startKeeper({ clock });
    const idle = await socketTo(keeper);
    await using client = await RawClient.connect(keeper.port);
    idle.resume();
    const closed = once(idle, "close");
    for (let index = 0; index < 21; index++) {
      clock.advance(500);
      await client.ask("ping", Buffer.alloc(0), -2);
    }
    await closed;
    await serves(keeper);
  });

  test("bounds the unfinished requests of all clients together", async () => {
    await using keeper = await startKeeper({ maxUnfinishedBytes: 1_048_576 });
    const sockets: Socket[] = [];
    const begun = Buffer.alloc(300_000);
    begun.writeInt32BE(1_000_000);
    for (let index = 0; index < 5; index++) {
      const socket = await socketTo(keeper);
      socket.resume();
      socket.write(begun);
      sockets.push(socket);
    }
    while ((keeper.stats().cuts["too-much-unfinished"] ?? 0) === 0)
      await serves(keeper);
    for (const socket of sockets) socket.destroy();
    await serves(keeper);
  });

  test("bounds the identities of a connection", async () => {
    await using keeper = await startKeeper();
    await using client = await RawClient.connect(keeper.port);
    for (let index = 0; ; index++) {
      const auth = Buffer.from(`user${index}:password`);
      const body = encode(AuthPacket, { type: 0, scheme: "digest", auth });
      const reply = await client.ask("auth", body, -4);
      if (reply.err === ErrorCode["auth-failed"]) break;
      assert.ok(index < 200);
    }
    assert.equal(await client.next(), undefined);
  });

  test("stays up whatever bytes come", async (context) => {
    const seed = Math.trunc(Math.random() * 2 ** 31);
    context.diagnostic(`seed ${seed}`);
    const random = randomOf(seed);
    await using keeper = await startKeeper();
    for (let round = 0; round < 150; round++) {
      const socket = await socketTo(keeper);
      socket.resume();
      const closed = once(socket, "close");
      if (random() < 0.7) {
        const hello = connectBytes({ timeoutMs: 4_000 });
        const length = Buffer.alloc(4);
        length.writeInt32BE(hello.length);
        socket.write(Buffer.concat([length, hello]));
      }
      socket.end(garbage(random));
      await closed;
    }
    await serves(keeper);
  });

  test("answers requests that come a byte at a time", async () => {
    await using keeper = await startKeeper();
    const socket = await socketTo(keeper);
    const hello = connectBytes({});
    const bytes = Buffer.alloc(4 + hello.length);
    bytes.writeInt32BE(hello.length);
    hello.copy(bytes, 4);
    const answered = once(socket, "data");
    socket.setNoDelay(true);
    for (const byte of bytes) {
      socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await answered;
    socket.destroy();
  });
});

/** Frames with plausible headers and random bodies, and plain noise. */
function garbage(random: () => number): Buffer {
  const parts: Buffer[] = [];
  for (let count = 0; count < 20; count++) {
    const body = Buffer.alloc(Math.floor(random() * 60));
    for (let index = 0; index < body.length; index++)
      body[index] = random() < 0.5 ? 0 : Math.floor(random() * 256);
    const head = Buffer.alloc(12);
    head.writeInt32BE(8 + body.length);
    head.writeInt32BE(count, 4);
    head.writeInt32BE(Math.floor(random() * 23), 8);
    parts.push(head, body);
    if (random() < 0.03) parts.push(Buffer.from("garbage"));
  }
  return Buffer.concat(parts);
}
