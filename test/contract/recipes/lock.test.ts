import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import {
  type Hold,
  Lock,
  ReadWriteLock,
  Semaphore,
  type ZooKeeper,
} from "../../../src/zookeeper/index.ts";
import { eventually } from "../../support/eventually.ts";
import { describeOnEach } from "./ground.ts";

async function childrenOf(zk: ZooKeeper, path: string): Promise<number> {
  return (await zk.getChildren(path)).children.length;
}

describeOnEach("Lock", (ground) => {
  test("Lock lets one in at a time, in the order of coming, with growing fencing", async () => {
    await using zk = await ground.connect();
    await using zk2 = await ground.connect();
    const path = `${ground.folder()}/deep/lock`;
    const locks = [new Lock(zk, path), new Lock(zk2, path)] as const;
    const order: number[] = [];
    const fencings: bigint[] = [];
    let inside = 0;
    const first = await locks[0].acquire();
    const all = [];
    for (let n = 0; n < 6; n++) {
      all.push(
        (async () => {
          await using hold = await (locks[n % 2] ?? locks[0]).acquire();
          inside += 1;
          assert.equal(inside, 1);
          order.push(n);
          fencings.push(hold.fencing);
          await zk.sync("/");
          inside -= 1;
        })(),
      );
      // Each has its place in the queue before the next comes.
      await eventually(async () =>
        assert.equal(await childrenOf(zk, path), n + 2),
      );
    }
    await first.release();
    await Promise.all(all);
    assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
    assert.deepEqual(
      fencings,
      fencings.toSorted((left, right) => (left < right ? -1 : 1)),
    );
    assert.ok((fencings[0] ?? 0n) > first.fencing);
    assert.equal(await childrenOf(zk, path), 0);
  });

  test("Lock.tryAcquire() answers undefined while another holds it, and leaves no node", async () => {
    await using zk = await ground.connect();
    const path = ground.folder();
    const lock = new Lock(zk, path);
    const hold = await lock.tryAcquire();
    assert.ok(hold !== undefined);
    assert.equal(await lock.tryAcquire(), undefined);
    assert.equal(await childrenOf(zk, path), 1);
    await hold.release();
    await hold.release();
    await (await lock.tryAcquire())?.release();
    assert.equal(await childrenOf(zk, path), 0);
  });

  test("Lock.acquire() rejects with the reason of its signal and leaves no node", async () => {
    await using zk = await ground.connect();
    const path = ground.folder();
    await using lock = new Lock(zk, path);
    await using hold = await lock.acquire();
    const stop = new AbortController();
    const waiting = lock.acquire({ signal: stop.signal });
    await eventually(async () => assert.equal(await childrenOf(zk, path), 2));
    stop.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
    await eventually(async () => assert.equal(await childrenOf(zk, path), 1));
    assert.equal(hold.lost.aborted, false);
  });

  test("Lock that is given up before its node could be made leaves none behind", async () => {
    await using reached = await ground.reach();
    await using other = await ground.connect();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await other.create(path);
    await using lock = new Lock(zk, path);
    for (let bytes = 1; bytes < 200; bytes += 45) {
      proxy.cutAfterReceiving(bytes);
      const stop = new AbortController();
      const acquiring = lock.acquire({ signal: stop.signal });
      await zk.sync("/").catch(() => {});
      stop.abort();
      await acquiring.then(
        (hold) => hold.release(),
        () => {},
      );
      proxy.cut();
    }
    await zk.live();
    await lock.close();
    assert.equal(await childrenOf(other, path), 0);
  });

  test("Lock makes one node for one attempt, whatever answers are lost", async () => {
    await using other = await ground.connect();
    const path = ground.folder();
    await other.create(path);
    for (let bytes = 10; bytes < 300; bytes += 30) {
      await using reached = await ground.reach();
      const { zk, proxy } = reached;
      await using lock = new Lock(zk, path);
      proxy.cutAfterReceiving(bytes);
      const hold = await lock.acquire();
      assert.equal(await childrenOf(other, path), 1);
      await hold.release();
      assert.equal(await childrenOf(other, path), 0);
    }
  });

  test("Hold.lost fires when its session expires, and another gets in with a greater fencing", async () => {
    await using reached = await ground.reach();
    await using other = await ground.connect();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await using lock = new Lock(zk, path);
    const hold = await lock.acquire();
    const next = new Lock(other, path).acquire();
    const lost = once(hold.lost, "abort");
    proxy.block();
    await ground.expire(zk);
    const second = await next;
    proxy.open();
    await lost;
    assert.match(String(hold.lost.reason), /session is/);
    assert.ok(second.fencing > hold.fencing);
    await hold.release();
    await second.release();
  });

  test("Hold.lost fires by the client's own clock when no server can be reached, and what was lost is given up", async () => {
    await using reached = await ground.reach({ sessionTimeoutMs: 500 });
    await using other = await ground.connect();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await using lock = new Lock(zk, path);
    const hold = await lock.acquire();
    proxy.block();
    await once(hold.lost, "abort");
    assert.equal(zk.state.kind, "lost");
    proxy.open();
    await hold.release();
    await eventually(async () =>
      assert.equal(await childrenOf(other, path), 0),
    );
  });

  test("Hold.lost fires when somebody deletes its node", async () => {
    await using zk = await ground.connect();
    const path = ground.folder();
    await using lock = new Lock(zk, path);
    const hold = await lock.acquire();
    const lost = once(hold.lost, "abort");
    await zk.delete(hold.path);
    await lost;
    assert.match(String(hold.lost.reason), /node is gone/);
  });

  test("Hold stays over a reconnect of its session", async () => {
    await using reached = await ground.reach();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await using lock = new Lock(zk, path);
    const hold = await lock.acquire();
    for (let round = 0; round < 3; round++) {
      proxy.cut();
      await zk.sync("/").catch(() => {});
      await zk.live();
    }
    assert.equal(hold.lost.aborted, false);
    assert.equal((await zk.exists(hold.path))?.czxid, hold.fencing);
    await hold.release();
  });

  test("Lock that waits comes in after its own session has expired meanwhile", async () => {
    await using reached = await ground.reach();
    await using other = await ground.connect();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await using lock = new Lock(zk, path);
    const first = await new Lock(other, path).acquire();
    const waiting = lock.acquire();
    await eventually(async () =>
      assert.equal(await childrenOf(other, path), 2),
    );
    proxy.block();
    await ground.expire(zk);
    proxy.open();
    await eventually(async () =>
      assert.equal(await childrenOf(other, path), 2),
    );
    await first.release();
    const hold = await waiting;
    assert.equal((await other.exists(hold.path))?.ephemeralOwner, zk.sessionId);
    await hold.release();
  });

  test("Lock.acquire() rejects when its session expires and is not renewed", async () => {
    await using reached = await ground.reach({ renewSession: false });
    await using other = await ground.connect();
    const { zk, proxy } = reached;
    const path = ground.folder();
    await using first = await new Lock(other, path).acquire();
    assert.equal(first.lost.aborted, false);
    const waiting = new Lock(zk, path).acquire();
    await eventually(async () =>
      assert.equal(await childrenOf(other, path), 2),
    );
    proxy.block();
    await ground.expire(zk);
    proxy.open();
    await assert.rejects(waiting, { code: "session-expired" });
    assert.equal(await childrenOf(other, path), 1);
  });

  test("ReadWriteLock lets many read or one write, and no reader overtakes a writer", async () => {
    await using zk = await ground.connect();
    const path = ground.folder();
    await using lock = new ReadWriteLock(zk, path);
    const readers = await Promise.all([lock.acquireRead(), lock.acquireRead()]);
    assert.equal(await lock.tryAcquireWrite(), undefined);
    const came: string[] = [];
    const writing = lock.acquireWrite().then((hold) => {
      came.push("writer");
      return hold;
    });
    await eventually(async () => assert.equal(await childrenOf(zk, path), 3));
    const reading = lock.acquireRead().then((hold) => {
      came.push("reader");
      return hold;
    });
    await eventually(async () => assert.equal(await childrenOf(zk, path), 4));
    assert.equal(await lock.tryAcquireRead(), undefined);
    for (const reader of readers) await reader.release();
    await (await writing).release();
    await (await reading).release();
    assert.deepEqual(came, ["writer", "reader"]);
  });

  test("Semaphore lets so many in as it has permits", async () => {
    await using zk = await ground.connect();
    await using semaphore = new Semaphore(zk, ground.folder(), { permits: 2 });
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 7 }, async () => {
        const hold: Hold = await semaphore.acquire();
        inside += 1;
        most = Math.max(most, inside);
        await zk.sync("/");
        inside -= 1;
        await hold.release();
      }),
    );
    assert.equal(most, 2);
    assert.throws(() => new Semaphore(zk, "/x", { permits: 0 }), RangeError);
  });
});
