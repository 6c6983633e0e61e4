import assert from "node:assert/strict";
import { test } from "node:test";
import {
  PersistentNode,
  type PersistentNodeState,
  type ZooKeeper,
} from "../../../src/zookeeper/index.ts";
import { describeOnEach } from "./ground.ts";

/** Resolves when the node is present and `test` holds. */
async function until(
  node: PersistentNode,
  test: (state: PersistentNodeState) => boolean,
): Promise<PersistentNodeState> {
  for await (const state of node.states()) if (test(state)) return state;
  throw new Error("Cannot wait: it was closed");
}

async function dataAt(zk: ZooKeeper, path: string): Promise<string> {
  return String((await zk.getData(path)).data);
}

describeOnEach("PersistentNode", (ground) => {
  test("PersistentNode makes its node with its parents, and deletes it on close", async () => {
    await using zk = await ground.connect();
    const path = `${ground.folder()}/deep/node`;
    const node = new PersistentNode(zk, path, { data: "1" });
    assert.equal(await node.present(), path);
    assert.equal(await dataAt(zk, path), "1");
    const stat = await zk.exists(path);
    assert.equal(stat?.ephemeralOwner, zk.sessionId);
    await Promise.all([node.close(), node.close()]);
    assert.equal(await zk.exists(path), undefined);
    assert.equal(node.state.kind, "closed");
  });

  test("PersistentNode makes its node again when somebody deletes it", async () => {
    await using zk = await ground.connect();
    await using other = await ground.connect();
    const path = ground.folder();
    await using node = new PersistentNode(zk, path, { data: "1" });
    await node.present();
    const first = await other.exists(path);
    await other.delete(path);
    const state = await until(
      node,
      (state) => state.kind === "present" && state.czxid !== first?.czxid,
    );
    const second = await other.exists(path);
    assert.equal(state.kind === "present" && state.czxid, second?.czxid);
    assert.equal(second?.ephemeralOwner, zk.sessionId);
  });

  test("PersistentNode makes its node in the new session after an expiry (f)", async () => {
    await using reached = await ground.reach();
    await using other = await ground.connect();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await using node = new PersistentNode(zk, path, { data: "1" });
    await node.present();
    const before = zk.sessionId;
    const seen: string[] = [];
    const watching = (async () => {
      for await (const state of node.states()) {
        seen.push(state.kind);
        if (seen.length === 3) return;
      }
    })();
    proxy.block();
    await ground.expire(zk);
    assert.equal(await other.exists(path), undefined);
    proxy.open();
    await watching;
    assert.deepEqual(seen, ["present", "absent", "present"]);
    const stat = await other.exists(path);
    assert.notEqual(zk.sessionId, before);
    assert.equal(stat?.ephemeralOwner, zk.sessionId);
  });

  test("PersistentNode keeps its node over a reconnect of its session", async () => {
    await using reached = await ground.reach();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await using node = new PersistentNode(zk, path, { data: "1" });
    await node.present();
    const before = await zk.exists(path);
    proxy.cut();
    await node.setData("2"); // waits for the connection
    const after = await zk.exists(path);
    assert.equal(after?.czxid, before?.czxid);
    assert.equal(await dataAt(zk, path), "2");
  });

  test("PersistentNode.setData() writes the newest data, also into a node made anew", async () => {
    await using zk = await ground.connect();
    const path = ground.folder();
    await using node = new PersistentNode(zk, path, { data: "0" });
    await Promise.all([1, 2, 3].map((n) => node.setData(String(n))));
    assert.equal(await dataAt(zk, path), "3");
    const first = await zk.exists(path);
    await zk.delete(path);
    await until(
      node,
      (state) => state.kind === "present" && state.czxid !== first?.czxid,
    );
    assert.equal(await dataAt(zk, path), "3");
  });

  test("PersistentNode is blocked by a node of another session until that is gone", async () => {
    await using zk = await ground.connect();
    await using other = await ground.connect();
    const path = ground.folder();
    await other.create(path, "other's", { mode: "ephemeral" });
    await using node = new PersistentNode(zk, path, { data: "mine" });
    const state = await until(node, (state) => state.kind === "blocked");
    assert.equal(state.kind === "blocked" && state.by, other.sessionId);
    assert.equal(await dataAt(zk, path), "other's");
    await other.delete(path);
    await node.present();
    assert.equal(await dataAt(zk, path), "mine");
  });

  test("PersistentNode that is blocked deletes nothing on close", async () => {
    await using zk = await ground.connect();
    await using other = await ground.connect();
    const path = ground.folder();
    await other.create(path, "other's", { mode: "ephemeral" });
    const node = new PersistentNode(zk, path);
    await until(node, (state) => state.kind === "blocked");
    await node.close();
    assert.equal(await dataAt(zk, path), "other's");
  });

  test("PersistentNode with a protected name is never doubled by lost answers", async () => {
    await using other = await ground.connect();
    const folder = ground.folder();
    await other.create(folder);
    let lost = 0;
    for (let bytes = 10; bytes < 200; bytes += 20) {
      await using reached = await ground.reach();
      const { zk, proxy } = reached;
      proxy.cutAfterReceiving(bytes);
      const node = new PersistentNode(zk, `${folder}/node-`, {
        mode: bytes % 40 === 10 ? "persistent-sequential" : "ephemeral",
        protect: true,
      });
      const path = await node.present();
      if (proxy.connectionCount > 1) lost += 1;
      const { children } = await other.getChildren(folder);
      assert.deepEqual(
        children.map((child) => `${folder}/${child}`),
        [path],
      );
      await node.close();
      assert.deepEqual((await other.getChildren(folder)).children, []);
    }
    assert.ok(lost > 3, `answers were cut in ${lost} rounds`);
  });

  test("PersistentNode closed by its signal while the server is away leaves nothing behind", async () => {
    await using other = await ground.connect();
    await using reached = await ground.reach();
    const { zk, proxy } = reached;
    const path = ground.folder();
    const stop = new AbortController();
    const node = new PersistentNode(zk, path, { signal: stop.signal });
    await node.present();
    proxy.block();
    stop.abort();
    await assert.rejects(
      node.close({ signal: AbortSignal.abort(new Error("no longer")) }),
      /no longer/,
    );
    proxy.open();
    await node.close();
    assert.equal(await other.exists(path), undefined);
  });
});
