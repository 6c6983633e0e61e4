import assert from "node:assert/strict";
import { test } from "node:test";
import { startKeeper } from "../../../src/keeper/index.ts";
import {
  connect,
  Mirror,
  type ZooKeeper,
} from "../../../src/zookeeper/index.ts";
import { describeOnEach } from "./ground.ts";

/** Path and data of what a mirror holds, in order. */
function held(mirror: Mirror): Record<string, string> {
  const entries = [...mirror.nodes.values()].map(
    ({ path, data }) => [path, data?.toString() ?? "null"] as const,
  );
  return Object.fromEntries(
    entries.sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}

async function plant(zk: ZooKeeper, root: string): Promise<void> {
  await zk.create(root, "root");
  await zk.create(`${root}/a`, "1");
  await zk.create(`${root}/a/b`, "2");
}

describeOnEach("Mirror", (ground) => {
  test("Mirror reads a subtree and follows it", async () => {
    await using zk = await ground.connect();
    await using writer = await ground.connect();
    const root = ground.folder();
    await plant(zk, root);
    await using mirror = new Mirror(zk, root);
    await mirror.ready();
    assert.deepEqual(held(mirror), { "": "root", a: "1", "a/b": "2" });
    await writer.setData(`${root}/a`, "1+");
    await writer.delete(`${root}/a/b`);
    await writer.create(`${root}/c`, null);
    const { stat } = await writer.create(`${root}/c/d`, "4");
    await mirror.reached(stat.czxid);
    assert.deepEqual(held(mirror), {
      "": "root",
      a: "1+",
      c: "null",
      "c/d": "4",
    });
    assert.deepEqual(mirror.nodes.get("c/d")?.stat, stat);
  });

  test("Mirror waits for a root that is not there, and lets it go", async () => {
    await using zk = await ground.connect();
    const root = ground.folder();
    await using mirror = new Mirror(zk, `${root}/deep`);
    await mirror.ready();
    assert.deepEqual(held(mirror), {});
    await zk.ensurePath(`${root}/deep/er`);
    await mirror.catchUp();
    assert.deepEqual(Object.keys(held(mirror)), ["", "er"]);
    await zk.deleteRecursive(root);
    await mirror.catchUp();
    assert.deepEqual(held(mirror), {});
  });

  test("Mirror works below a chroot, and at its root", async () => {
    await using zk = await ground.connect();
    const root = ground.folder();
    await plant(zk, root);
    await using below = await ground.connect({ chroot: root });
    await using whole = new Mirror(below, "/");
    await using part = new Mirror(below, "/a");
    await Promise.all([whole.ready(), part.ready()]);
    await zk.setData(`${root}/a/b`, "2+");
    await Promise.all([whole.catchUp(), part.catchUp()]);
    assert.deepEqual(held(whole), { "": "root", a: "1", "a/b": "2+" });
    assert.deepEqual(held(part), { "": "1", b: "2+" });
    await part.close();
    await zk.create(`${root}/a/c`, "3");
    await whole.catchUp();
    assert.equal(held(whole)["a/c"], "3", "the other mirror's watch stays");
  });

  test("Mirror of the whole tree follows it", async () => {
    await using zk = await ground.connect();
    await using mirror = new Mirror(zk, "/");
    await mirror.ready();
    const root = ground.folder();
    await plant(zk, root);
    await mirror.catchUp();
    assert.equal(held(mirror)[`${root.slice(1)}/a/b`], "2");
  });

  test("Mirror finds what changed while its connection was cut", async () => {
    await using writer = await ground.connect();
    const root = ground.folder();
    await plant(writer, root);
    await using reached = await ground.reach();
    await using mirror = new Mirror(reached.zk, root);
    await mirror.ready();
    reached.proxy.block();
    await writer.deleteRecursive(`${root}/a`);
    await writer.setData(root, "changed");
    const { stat } = await writer.create(`${root}/new`, "5");
    assert.equal(mirror.nodes.size, 3);
    reached.proxy.open();
    await mirror.reached(stat.czxid);
    assert.deepEqual(held(mirror), { "": "changed", new: "5" });
  });

  test("Mirror goes on in a new session after its own has expired", async () => {
    await using writer = await ground.connect();
    const root = ground.folder();
    await plant(writer, root);
    await using reached = await ground.reach();
    const { zk, proxy } = reached;
    await zk.create(`${root}/mine`, "gone with the session", {
      mode: "ephemeral",
    });
    await using mirror = new Mirror(zk, root);
    await mirror.ready();
    const before = zk.sessionId;
    proxy.block();
    await ground.expire(zk);
    const { stat } = await writer.create(`${root}/meanwhile`, "6");
    proxy.open();
    await mirror.reached(stat.czxid);
    assert.notEqual(zk.sessionId, before);
    assert.deepEqual(Object.keys(held(mirror)), ["", "a", "a/b", "meanwhile"]);
    await writer.create(`${root}/after`, "7");
    await mirror.catchUp();
    assert.equal(held(mirror)["after"], "7");
  });

  test("Mirror fails its readers when its session expires and is not renewed", async () => {
    await using reached = await ground.reach({ renewSession: false });
    const { zk, proxy } = reached;
    await using mirror = new Mirror(zk, ground.folder());
    await mirror.ready();
    const changes = mirror.changes();
    await changes.next();
    const next = changes.next();
    proxy.block();
    await ground.expire(zk);
    proxy.open();
    await assert.rejects(next, { code: "session-expired" });
  });

  test("Mirror.changes() tells all that makes one tree of another", async () => {
    await using zk = await ground.connect();
    const root = ground.folder();
    await plant(zk, root);
    await using mirror = new Mirror(zk, root);
    const known = new Map<string, string>();
    const reading = (async () => {
      for await (const batch of mirror.changes())
        for (const change of batch) {
          if (change.kind === "set")
            known.set(change.path, change.node.data?.toString() ?? "null");
          else if (change.kind === "deleted") known.delete(change.path);
        }
    })();
    const writes: Promise<unknown>[] = [];
    for (let n = 0; n < 200; n++) {
      writes.push(zk.create(`${root}/n${n}`, String(n)));
      if (n % 2 === 0) writes.push(zk.delete(`${root}/n${n}`));
      if (n % 3 === 0) writes.push(zk.setData(`${root}/a`, String(n)));
    }
    await Promise.all(writes);
    await mirror.catchUp();
    const at = held(mirror);
    await mirror.close();
    await reading;
    assert.equal(at["n199"], "199");
    assert.deepEqual(Object.fromEntries(known), at);
  });
});

test("Mirror follows by one-shot watches where the server has no addWatch", async () => {
  await using keeper = await startKeeper({ disableAddWatch: true });
  await using zk = await connect(keeper.connectString);
  await using writer = await connect(keeper.connectString);
  const events: string[] = [];
  await using mirror = new Mirror(zk, "/r", {
    journal: ({ level, event }) => {
      if (level !== "debug") events.push(event);
    },
  });
  await mirror.ready();
  assert.deepEqual(events, ["mirror-one-shot"]);
  await plant(writer, "/r");
  for (let n = 0; n < 50; n++) {
    await writer.setData("/r/a/b", String(n));
    await writer.create(`/r/a/c${n}`, String(n));
    if (n > 0) await writer.delete(`/r/a/c${n - 1}`);
  }
  await mirror.catchUp();
  assert.deepEqual(held(mirror), {
    "": "root",
    a: "1",
    "a/b": "49",
    "a/c49": "49",
  });
});

test("Mirror tells once of a new tree, when the server came back without its data", async () => {
  const first = await startKeeper({ tickTimeMs: 100 });
  const { port } = first;
  await using zk = await connect(first.connectString, {
    sessionTimeoutMs: 500,
  });
  await plant(zk, "/r");
  await using mirror = new Mirror(zk, "/r");
  await mirror.ready();
  await first.close();
  await using second = await startKeeper({ port, tickTimeMs: 100 });
  const told: boolean[] = [];
  for await (const batch of mirror.changes())
    for (const change of batch) {
      if (change.kind !== "synced") continue;
      told.push(change.newTree);
      if (told.length === 2) {
        // What the new tree does not have is gone.
        assert.deepEqual(held(mirror), {});
        await zk.create("/r", "anew");
      }
      if (told.length !== 3) continue;
      assert.deepEqual(told, [false, true, false]);
      assert.deepEqual(held(mirror), { "": "anew" });
      assert.equal(second.port, port);
      return;
    }
  assert.fail("the mirror ended");
});
