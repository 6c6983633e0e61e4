import assert from "node:assert/strict";
import { test } from "node:test";
import { AtomicCounter } from "../../../src/zookeeper/index.ts";
import { describeOnEach } from "./ground.ts";

describeOnEach("AtomicCounter", (ground) => {
  test("AtomicCounter adds every change of many clients exactly once", async () => {
    await using zk = await ground.connect();
    await using zk2 = await ground.connect();
    const path = `${ground.folder()}/deep/count`;
    await using one = new AtomicCounter(zk, path, { initial: 100n });
    await using two = new AtomicCounter(zk2, path, { initial: 100n });
    assert.equal(await one.get(), 100n);
    const sums = await Promise.all(
      Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? one : two).add(1)),
    );
    assert.equal(new Set(sums).size, 40);
    assert.equal(await two.get(), 140n);
    assert.equal(await one.add(-140n), 0n);
    assert.equal(String((await zk.getData(path)).data), "0");
  });

  test("AtomicCounter.compareAndSet() swaps only what was expected", async () => {
    await using zk = await ground.connect();
    await using counter = new AtomicCounter(zk, ground.folder());
    assert.equal(await counter.compareAndSet(0n, 7n), true);
    assert.equal(await counter.compareAndSet(0n, 9n), false);
    assert.equal(await counter.get(), 7n);
  });

  test("AtomicCounter neither loses nor doubles a change whose answer was lost", async () => {
    await using other = await ground.connect();
    const path = ground.folder();
    for (let n = 1; n <= 8; n++) {
      await using reached = await ground.reach();
      const { zk, proxy } = reached;
      await using counter = new AtomicCounter(zk, path);
      // The change is made, and its answer is cut at another byte each time.
      proxy.cutAfterReceiving(n * 30);
      assert.equal(await counter.add(1), BigInt(n));
      assert.equal(String((await other.getData(path)).data), String(n));
    }
  });

  test("AtomicCounter goes on in a new session, and leaves no marker behind", async () => {
    await using reached = await ground.reach();
    const { zk, proxy } = reached;
    const path = ground.folder();
    const counter = new AtomicCounter(zk, path);
    await counter.add(1);
    proxy.block();
    await ground.expire(zk);
    proxy.open();
    assert.equal(await counter.add(1), 2n);
    await counter.close();
    assert.deepEqual((await zk.getChildren(path)).children, []);
  });

  test("AtomicCounter refuses a node that holds no number", async () => {
    await using zk = await ground.connect();
    const path = ground.folder();
    await zk.create(path, "not a number");
    await using counter = new AtomicCounter(zk, path);
    await assert.rejects(counter.add(1), { code: "bad-reply" });
  });
});
