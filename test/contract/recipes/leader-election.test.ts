import assert from "node:assert/strict";
import { test } from "node:test";
import { LeaderElection } from "../../../src/zookeeper/index.ts";
import { eventually } from "../../support/eventually.ts";
import { describeOnEach } from "./ground.ts";

describeOnEach("LeaderElection", (ground) => {
  test("LeaderElection has one leader, and the next when that one leaves", async () => {
    await using zk = await ground.connect();
    await using zk2 = await ground.connect();
    const path = `${ground.folder()}/deep/leader`;
    const one = new LeaderElection(zk, path, { id: "one" });
    const first = await one.leading();
    await using two = new LeaderElection(zk2, path, { id: "two" });
    assert.equal(await two.leader(), "one");
    assert.equal(two.state.kind, "waiting");
    await Promise.all([one.close(), one.close()]);
    const second = await two.leading();
    assert.ok(second.fencing > first.fencing);
    assert.equal(await two.leader(), "two");
    assert.equal(one.state.kind, "closed");
  });

  test("LeaderElection.resign() lets the others lead first", async () => {
    await using zk = await ground.connect();
    const path = ground.folder();
    await using one = new LeaderElection(zk, path, { id: "one" });
    await one.leading();
    await using two = new LeaderElection(zk, path, { id: "two" });
    await eventually(async () =>
      assert.equal((await zk.getChildren(path)).children.length, 2),
    );
    await one.resign();
    await two.leading();
    assert.equal(one.state.kind, "waiting");
    await two.resign();
    await one.leading();
  });

  test("LeaderElection loses its term when its session expires, and takes part again", async () => {
    await using reached = await ground.reach();
    await using other = await ground.connect();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await using one = new LeaderElection(zk, path, { id: "one" });
    const term = await one.leading();
    await using two = new LeaderElection(other, path, { id: "two" });
    proxy.block();
    await ground.expire(zk);
    const next = await two.leading();
    assert.ok(next.fencing > term.fencing);
    proxy.open();
    for await (const state of one.states()) if (state.kind === "waiting") break;
    assert.equal(term.lost.aborted, true);
    await two.close();
    const again = await one.leading();
    assert.ok(again.fencing > next.fencing);
  });

  test("LeaderElection.leader() is undefined where nobody leads", async () => {
    await using zk = await ground.connect();
    const path = ground.folder();
    const election = new LeaderElection(zk, path, { id: "one" });
    await election.leading();
    await election.close();
    await using other = new LeaderElection(zk, `${path}-b`, { id: "b" });
    await other.leading();
    assert.equal(await election.leader(), undefined);
  });
});
