import assert from "node:assert/strict";
import { test } from "node:test";
import { startScriptedZooKeeper } from "../../test/support/scripted-zookeeper.ts";
import { connect, ZooKeeper, ZooKeeperError } from "./index.ts";

test("connect() rejects with the signal's reason and leaves nothing open", async () => {
  await using server = await startScriptedZooKeeper({
    onConnect: () => "silence",
  });
  const reason = new Error("no patience");
  const controller = new AbortController();
  const connecting = connect(server.connectString, {
    signal: controller.signal,
  });
  setTimeout(() => controller.abort(reason), 20);
  await assert.rejects(connecting, reason);
  await assert.rejects(
    connect(server.connectString, { signal: AbortSignal.abort(reason) }),
    reason,
  );
});

test("ZooKeeper refuses options and connect strings that it cannot use", () => {
  const bad = (options: object) => () => new ZooKeeper("127.0.0.1:1", options);
  assert.throws(bad({ sessionTimeoutMs: 1 }), RangeError);
  assert.throws(bad({ sessionTimeout: 1_000 }), RangeError);
  assert.throws(() => new ZooKeeper("127.0.0.1:x"), {
    code: "bad-connect-string",
  });
});

test("ZooKeeper bounds what waits, and says that nothing of the rest was done", async () => {
  await using server = await startScriptedZooKeeper({
    onConnect: () => "silence",
  });
  const zk = new ZooKeeper(server.connectString, { maxQueuedRequests: 3 });
  const results = Array.from({ length: 5 }, () =>
    zk.getData("/a").catch((error: unknown) => error),
  );
  await zk.close();
  const codes = (await Promise.all(results)).map(
    (error) => error instanceof ZooKeeperError && [error.code, error.maybeDone],
  );
  assert.deepEqual(codes, [
    ["closed", false],
    ["closed", false],
    ["closed", false],
    ["queue-full", false],
    ["queue-full", false],
  ]);
});

test("ZooKeeper fails a request whose answer makes no sense, as one that may be done", async () => {
  await using server = await startScriptedZooKeeper({
    onRequest(request, connection) {
      connection.reply(request.xid, { body: Buffer.from("00000004", "hex") });
    },
  });
  await using zk = await connect(server.connectString);
  await assert.rejects(zk.getData("/a"), {
    code: "bad-reply",
    maybeDone: true,
    path: "/a",
  });
});

test("ZooKeeper.close() may be called while connecting, twice, and ends states and streams", async () => {
  await using server = await startScriptedZooKeeper({
    onConnect: () => "silence",
  });
  const zk = new ZooKeeper(server.connectString);
  const kinds: string[] = [];
  const reading = (async () => {
    for await (const { kind } of zk.states()) kinds.push(kind);
  })();
  const watching = (async () => {
    for await (const event of zk.watch("/a", { kind: "recursive" }))
      assert.fail(event.kind);
  })();
  await Promise.all([zk.close(), zk.close()]);
  await Promise.all([reading, watching]);
  assert.deepEqual(kinds, ["connecting", "closed"]);
  for await (const event of zk.watch("/a", { kind: "data" }))
    assert.fail(event.kind);
});

test("a listener that throws harms neither the client nor other listeners", async () => {
  const records: string[] = [];
  await using server = await startScriptedZooKeeper();
  await using zk = await connect(server.connectString, {
    journal: ({ event }) => records.push(event),
  });
  const told = Promise.withResolvers<void>();
  await zk.sync();
  server.script = {
    onRequest(request, connection) {
      connection.reply(request.xid, { err: -101 });
      if (request.xid !== 3) return;
      // Notification: created /a.
      connection.write(
        Buffer.from(
          "0000001effffffffffffffffffffffff000000000000000100000003000000022f61",
          "hex",
        ),
      );
    },
  };
  await zk.exists("/a", {
    onWatch() {
      throw new Error("listener");
    },
  });
  await zk.exists("/a", { onWatch: () => told.resolve() });
  await told.promise;
  assert.ok(records.includes("listener-failed"));
  assert.equal(zk.state.kind, "live");
});
