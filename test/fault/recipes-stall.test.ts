/** Recipes while time stands still: for the server, and for this process. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import {
  connect,
  LeaderElection,
  Lock,
  Mirror,
  PersistentNode,
} from "../../src/zookeeper/index.ts";
import {
  type ApacheZooKeeper,
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";

const session = { sessionTimeoutMs: 600 };

describe(
  "recipes while time stands still",
  { skip: apacheZooKeeperMissing },
  () => {
    let server: ApacheZooKeeper;
    before(async () => {
      server = await startApacheZooKeeper({ tickTimeMs: 200 });
    });
    after(() => server[Symbol.asyncDispose]());

    test("Hold.lost fires while the server is stopped (SIGSTOP), and the lock is got again", async () => {
      await using zk = await connect(server.connectString, session);
      await using lock = new Lock(zk, "/frozen");
      const hold = await lock.acquire();
      server.freeze();
      await once(hold.lost, "abort");
      server.thaw();
      const again = await lock.acquire();
      assert.ok(again.fencing > hold.fencing);
    });

    test("Hold.assertHeld() throws at once after the event loop was stalled beyond the timeout", async () => {
      await using zk = await connect(server.connectString, session);
      await using election = new LeaderElection(zk, "/stalled", { id: "one" });
      const term = await election.leading();
      term.assertHeld();
      stall(1_500);
      assert.equal(zk.state.kind, "live", "the news could not come yet");
      assert.throws(() => term.assertHeld(), /no server has answered/);
      assert.equal(term.lost.aborted, true);
      for await (const state of election.states())
        if (state.kind === "leading" && state.term.fencing > term.fencing)
          break;
    });

    test("Mirror and PersistentNode are right again after the event loop was stalled beyond the timeout", async () => {
      await using zk = await connect(server.connectString, session);
      await using node = new PersistentNode(zk, "/kept/node", { data: "1" });
      await using mirror = new Mirror(zk, "/kept");
      await node.present();
      await mirror.catchUp();
      const before = mirror.nodes.get("node");
      assert.equal(before?.data?.toString(), "1");
      stall(1_500);
      for await (const state of node.states())
        if (state.kind === "present" && state.czxid !== before?.stat.czxid)
          break;
      await mirror.catchUp();
      const now = mirror.nodes.get("node");
      assert.equal(now?.stat.ephemeralOwner, zk.sessionId);
      assert.equal(mirror.nodes.size, 2);
    });
  },
);

/** Blocks this thread. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
