/**
 * Defects of other ZooKeeper clients, and what ours promises instead. Each test
 * fails on a client that has the defect; the server's part is played by hand
 * where no real one misbehaves on demand. The marks stand in the names of the
 * tests; those of D1, D3, D7, D8, a, b, f, i and k in test/contract, where real
 * servers do it.
 *
 *  D1 a server frozen by SIGSTOP is never noticed
 *  D2 half a frame of a dead connection spoils the next one
 *  D3 many watches make a SetWatches that the server refuses, for ever
 *  D4 an error code that no table knows ends the process
 *  D5 a recursive delete goes one level deep
 *  D6 an IPv6 literal is taken for a name
 *  D7 seconds without writes when one of three servers dies
 *  D8 a watch is told of the failover and dropped
 *  D9 refused connections burn the CPU, and the client dies
 *
 *  a  silence is noticed after two thirds of the session timeout
 *  b  a session is lost by the client's own clock, too
 *  c  watches are set again in pieces of at most 128 KB
 *  d  what was read of one connection never meets the next
 *  e  nothing throws out of a socket's events
 *  f  a new session by itself, with its persistent nodes
 *  g  a protected create leaves no double
 *  h  the session id of the answer is compared with the one asked for
 *  i  watches can be removed
 *  j  request numbers begin at 1, wrap before 2^31 and skip negatives
 *  k  close() is idempotent and bounded in time
 *  l  "connected, then closed at once" is backed off from
 *  m  a limit for frames that come in
 *  n  IPv6 literals
 *  o  names are looked up again for each connection
 *  p  on the wire: connect, authentication, watches, then what waited
 *  q  the highest zxid seen is presented, and 0 only after every server has
 *     closed silently for a session timeout
 */
import assert from "node:assert/strict";
import dns from "node:dns";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "node:test";
import * as jute from "../../src/jute/index.ts";
import {
  connect,
  type SessionState,
  ZooKeeper,
  ZooKeeperError,
} from "../../src/zookeeper/index.ts";
import { startKeeper } from "../../src/keeper/index.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { EventReader } from "../support/event-reader.ts";
import {
  type ScriptedRequest,
  startScriptedZooKeeper,
  zeroStat,
} from "../support/scripted-zookeeper.ts";

const DATA_REPLY = jute.encode(jute.GetDataResponse, {
  data: Buffer.from("data"),
  stat: zeroStat,
});

function statesOf(zk: ZooKeeper): EventReader<SessionState> {
  return new EventReader((signal) => zk.states({ signal }));
}

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "done",
    (error: unknown) => {
      assert.ok(error instanceof ZooKeeperError, String(error));
      return error.code;
    },
  );
}

test("D2: a server that dies in the middle of a reply leaves nothing behind for the next connection", async () => {
  await using keeper = await startKeeper();
  await using proxy = await startCuttingProxy(keeper.port);
  await using zk = await connect(proxy.connectString);
  await zk.create("/large", Buffer.alloc(100_000, 1));
  for (const cutAfter of [1, 3, 4, 15, 20, 50_000]) {
    proxy.cutAfterReceiving(cutAfter);
    assert.equal(await codeOf(zk.getData("/large")), "connection-loss");
    const { data } = await zk.getData("/large");
    assert.equal(data?.length, 100_000);
  }
});

test("D4: error codes that no table knows reject the request and nothing else", async () => {
  const numbers = [-127, -118, -125, -999, 7];
  await using server = await startScriptedZooKeeper({
    onRequest(request, connection) {
      connection.reply(request.xid, { err: numbers[request.xid - 1] ?? 0 });
    },
  });
  await using zk = await connect(server.connectString);
  const codes = await Promise.all(numbers.map(() => codeOf(zk.getData("/a"))));
  assert.deepEqual(codes, [
    "throttled-op",
    "session-moved",
    "quota-exceeded",
    "unknown-error",
    "unknown-error",
  ]);
  const error: unknown = await zk
    .delete("/x")
    .catch((reason: unknown) => reason);
  assert.equal(error, undefined);
});

test("D5: deleteRecursive() goes deeper than one level", async () => {
  await using keeper = await startKeeper();
  await using zk = await connect(keeper.connectString);
  await zk.ensurePath("/bug/a/b/c");
  await zk.deleteRecursive("/bug");
  assert.equal(await zk.exists("/bug"), undefined);
});

test("D6, (n): an IPv6 literal is an address", async () => {
  await using keeper = await startKeeper({ host: "::1" });
  await using zk = await connect(`[::1]:${keeper.port}`);
  assert.equal(zk.server?.host, "::1");
});

test("D9: a client outlives refused connections without turning round in circles", async () => {
  const keeper = await startKeeper();
  const { port } = keeper;
  await using zk = await connect(keeper.connectString, {
    sessionTimeoutMs: 4_000,
  });
  const states = statesOf(zk);
  await keeper.close();
  await states.next(({ kind }) => kind === "suspended");
  const before = process.cpuUsage();
  await wait(700);
  const { user, system } = process.cpuUsage(before);
  assert.ok(
    (user + system) / 1_000 < 350,
    `${(user + system) / 1_000} ms of CPU in 700 ms`,
  );
  await using again = await startKeeper({ port });
  await states.next(({ kind }) => kind === "live");
  assert.equal(again.port, port);
  assert.equal(await zk.exists("/none"), undefined);
  await states.stop();
});

test("(d, e, m) hostile bytes end the connection, never the process, and the next one works", async () => {
  const hostile = [
    "80000000",
    "7fffffff",
    "00000003aabbcc",
    "00000010000000010000000000000001000000007fffffff",
    `00000014ffffffff${"00".repeat(12)}7fffffff`,
    "000000100000002a000000000000000100000000",
  ];
  let round = 0;
  await using server = await startScriptedZooKeeper({
    onRequest(request, connection) {
      const bytes = hostile[round];
      round += 1;
      if (bytes === undefined)
        connection.reply(request.xid, { body: DATA_REPLY });
      else connection.write(Buffer.from(bytes, "hex"));
    },
  });
  await using zk = await connect(server.connectString);
  for (const bytes of hostile)
    assert.match(
      await codeOf(zk.getData("/a")),
      /^(?:connection-loss|bad-reply)$/u,
      bytes,
    );
  assert.equal((await zk.getData("/a")).data?.toString(), "data");
});

test("(g) a protected create whose answer is lost leaves one node, and finds it", async () => {
  await using keeper = await startKeeper();
  await using proxy = await startCuttingProxy(keeper.port);
  await using zk = await connect(proxy.connectString);
  await using observer = await connect(keeper.connectString);
  await zk.create("/queue");
  const arrived = Promise.withResolvers<void>();
  await observer.getChildren("/queue", { onWatch: () => arrived.resolve() });
  proxy.swallowReplies();
  const creating = zk.createProtected("/queue/n-", "x", {
    mode: "ephemeral-sequential",
  });
  await arrived.promise;
  proxy.cut();
  const { path } = await creating;
  const { children } = await observer.getChildren("/queue");
  assert.deepEqual(
    children.map((child) => `/queue/${child}`),
    [path],
  );
});

test("(h) another session id than the one asked for means that the old session has expired", async () => {
  let sessions = 0x100n;
  await using server = await startScriptedZooKeeper({
    onConnect: () => ({ sessionId: (sessions += 1n) }),
  });
  await using zk = await connect(server.connectString);
  const first = zk.sessionId;
  const states = statesOf(zk);
  await states.next();
  server.connections[0]?.end();
  await states.next(({ kind }) => kind === "expired");
  await states.next(({ kind }) => kind === "live");
  assert.notEqual(zk.sessionId, first);
  await states.stop();
});

test("(j) request numbers begin at 1 and follow each other", async () => {
  await using server = await startScriptedZooKeeper();
  await using zk = await connect(server.connectString);
  await Promise.all([zk.sync(), zk.sync(), zk.sync()]);
  assert.deepEqual(
    server.connections[0]?.requests.map(({ xid }) => xid),
    [1, 2, 3],
  );
});

test("(l) a server that accepts sessions and drops them at once is not stormed", async () => {
  await using server = await startScriptedZooKeeper({
    onConnect(_request, connection) {
      setImmediate(() => connection.end());
      return {};
    },
  });
  await using zk = new ZooKeeper(server.connectString, {
    sessionTimeoutMs: 10_000,
  });
  await zk.live();
  await wait(700);
  assert.ok(
    server.connections.length <= 9,
    `${server.connections.length} connections`,
  );
});

test("(o) a host name is looked up again for each connection", async (context) => {
  const lookup = context.mock.method(dns, "lookup");
  await using keeper = await startKeeper();
  await using proxy = await startCuttingProxy(keeper.port);
  await using zk = await connect(`localhost:${proxy.port}`);
  const states = statesOf(zk);
  for (let round = 1; round <= 3; round++) {
    await states.next(({ kind }) => kind === "live");
    const names = lookup.mock.calls.map((call) => call.arguments[0]);
    assert.equal(names.filter((name) => name === "localhost").length, round);
    proxy.cut();
  }
  await states.stop();
});

test("(p) on a new connection come authentication, watches and only then what waited", async () => {
  const types: number[][] = [];
  await using server = await startScriptedZooKeeper({
    onConnect() {
      types.push([]);
      return {};
    },
    onRequest(request, connection) {
      types.at(-1)?.push(request.type);
      if (request.type === jute.OpCode.exists)
        connection.reply(request.xid, { err: jute.ErrorCode["no-node"] });
      else connection.reply(request.xid, {});
    },
  });
  await using zk = await connect(server.connectString, {
    auth: [{ scheme: "digest", auth: "u:p" }],
  });
  await zk.exists("/watched", { onWatch: () => {} });
  const states = statesOf(zk);
  server.connections[0]?.end();
  await states.next(({ kind }) => kind === "suspended");
  await zk.sync();
  assert.deepEqual(types[1], [
    jute.OpCode.auth,
    jute.OpCode.setWatches,
    jute.OpCode.sync,
  ]);
  await states.stop();
});

test("(c) many watches are set again in pieces of at most 128 KB", async () => {
  const pieces: ScriptedRequest[] = [];
  await using server = await startScriptedZooKeeper({
    onRequest(request, connection) {
      if (request.type === jute.OpCode.setWatches) pieces.push(request);
      const missing = request.type === jute.OpCode.exists;
      connection.reply(
        request.xid,
        missing ? { err: jute.ErrorCode["no-node"] } : {},
      );
    },
  });
  await using zk = await connect(server.connectString);
  const name = "n".repeat(100);
  await Promise.all(
    Array.from({ length: 3_000 }, (_, index) =>
      zk.exists(`/${name}${index}`, { onWatch: () => {} }),
    ),
  );
  const states = statesOf(zk);
  server.connections[0]?.end();
  await states.next(({ kind }) => kind === "suspended");
  await zk.sync();
  assert.equal(pieces.length, 3);
  let paths = 0;
  for (const { body } of pieces) {
    assert.ok(body.length <= 128 * 1_024 + 64);
    const decoded = jute.decode(jute.SetWatches, body);
    assert.ok(decoded.kind === "value");
    paths += decoded.value.existWatches.length;
  }
  assert.equal(paths, 3_000);
  await states.stop();
});

test("(q) a zxid that every server refuses for a session timeout is given up, and the tree called new", async () => {
  const presented: bigint[] = [];
  await using server = await startScriptedZooKeeper({
    onRequest: (request, connection) =>
      connection.reply(request.xid, { zxid: 500n }),
  });
  await using zk = await connect(server.connectString, {
    sessionTimeoutMs: 300,
  });
  await zk.sync();
  assert.equal(zk.lastZxid, 500n);
  const states = statesOf(zk);
  server.script = {
    onConnect(request) {
      presented.push(request.lastZxidSeen);
      return request.lastZxidSeen > 1n
        ? "close"
        : { sessionId: request.sessionId };
    },
  };
  server.connections[0]?.end();
  const live = await states.next(
    (state) => state.kind === "live" && state.newTree,
  );
  assert.ok(live.kind === "live" && live.newTree);
  assert.equal(presented.at(-1), 0n);
  assert.ok(presented.slice(0, -1).every((zxid) => zxid === 500n));
  // From here on the zxids of the new tree count.
  assert.equal(zk.lastZxid, 1n);
  await states.stop();
});

test("(q) a new tree that does not know the session gives a new one without another wait", async () => {
  const presented: bigint[] = [];
  await using server = await startScriptedZooKeeper({
    onRequest: (request, connection) =>
      connection.reply(request.xid, { zxid: 500n }),
  });
  await using zk = await connect(server.connectString, {
    sessionTimeoutMs: 300,
  });
  await zk.sync();
  const states = statesOf(zk);
  server.script = {
    onConnect(request) {
      presented.push(request.lastZxidSeen);
      if (request.lastZxidSeen > 1n) return "close";
      if (request.sessionId !== 0n) return { timeOut: 0, sessionId: 0n };
      return { sessionId: 0x77n };
    },
  };
  server.connections[0]?.end();
  await states.next(({ kind }) => kind === "expired");
  const live = await states.next(({ kind }) => kind === "live");
  assert.ok(live.kind === "live" && live.newTree && live.id === 0x77n);
  assert.deepEqual(presented.slice(-3), [500n, 0n, 0n]);
  await states.stop();
});

test("(q) a zxid is never given up while a server cannot be asked", async () => {
  await using refusing = await startScriptedZooKeeper({
    onRequest: (request, connection) =>
      connection.reply(request.xid, { zxid: 500n }),
  });
  const gone = await startScriptedZooKeeper();
  const { port } = gone;
  await gone[Symbol.asyncDispose]();
  await using zk = await connect(
    `127.0.0.1:${refusing.port},127.0.0.1:${port}`,
    { sessionTimeoutMs: 300 },
  );
  await zk.sync();
  const presented: bigint[] = [];
  refusing.script = {
    onConnect(request) {
      presented.push(request.lastZxidSeen);
      return "close";
    },
  };
  refusing.connections[0]?.end();
  while (presented.length < 8) await wait(20);
  assert.ok(presented.every((zxid) => zxid === 500n));
});

test("a session's password is printed nowhere", async () => {
  const records: unknown[] = [];
  await using keeper = await startKeeper();
  await using zk = await connect(keeper.connectString, {
    auth: [{ scheme: "digest", auth: "user:topsecret" }],
    journal: (record) => records.push(record),
  });
  const { inspect } = await import("node:util");
  const secret = Buffer.from(zk.sessionCredentials?.password ?? "").toString(
    "hex",
  );
  const printed = inspect([zk, records], { depth: 10, showHidden: true });
  assert.doesNotMatch(printed, /topsecret/u);
  assert.equal(printed.replaceAll(" ", "").includes(secret), false);
});

test("a session that is served read-only moves to a server that has a quorum", async () => {
  await using minority = await startScriptedZooKeeper({
    onConnect: () => ({ readOnly: true }),
    words: { isro: "ro" },
  });
  await using majority = await startScriptedZooKeeper({
    words: { isro: "ro" },
  });
  await using zk = new ZooKeeper(
    `${majority.connectString},${minority.connectString}`,
    // This shuffle puts the second first.
    { readOnly: true, random: () => 0 },
  );
  const states = statesOf(zk);
  await states.next((state) => state.kind === "live" && state.readOnly);
  majority.script = { words: { isro: "rw" } };
  await states.next((state) => state.kind === "live" && !state.readOnly);
  assert.equal(zk.server?.port, majority.port);
  await states.stop();
});
