/**
 * An oracle for locks and counters: workers with several clients take a lock in
 * turn while connections are cut and blocked beyond the session timeout, and
 * servers killed. Nobody is let in while another holds the lock and has not been
 * told that it is lost; fencing numbers grow; no node is left behind; and the
 * counter has counted each success once.
 *
 * Sessions are not ended by force here: a server that ends a session before its
 * time lets the next one in before the holder can know.
 *
 * ZOOGATE_SEED repeats the decisions of a run (not its timing);
 * ZOOGATE_SOAK_SECONDS makes each run so long.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AtomicCounter,
  connect,
  type Hold,
  Lock,
  type ZooKeeper,
  ZooKeeperError,
} from "../../src/zookeeper/index.ts";
import { seededRandom } from "../../src/zookeeper/recipes/seeded-random.fixture.ts";
import { breakThings, pause, type Random, upTo } from "./oracle-actors.ts";
import { type Stage, stageKinds } from "./oracle-stage.ts";

const SECONDS = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? 2);
const SEED = Number(process.env["ZOOGATE_SEED"] ?? Date.now() % 1e9);

for (const kind of stageKinds) {
  test(
    `Lock and AtomicCounter stay exact on ${kind.name}`,
    { skip: kind.missing, timeout: SECONDS * 1_000 + 150_000 },
    async (t) => {
      t.diagnostic(`seed ${SEED}; ZOOGATE_SEED=${SEED} repeats it`);
      await using stage = await kind.open();
      t.diagnostic(JSON.stringify(await run(stage, seededRandom(SEED))));
    },
  );
}

/** Watches over the rules. */
class Referee {
  entered = 0;
  lost = 0;
  givenUp = 0;
  counted = 0;
  uncertain = 0;
  #holder: Hold | undefined;
  #fencing = 0n;

  enter(hold: Hold): void {
    this.entered += 1;
    assert.ok(
      this.#holder === undefined || this.#holder.lost.aborted,
      "let in while another holds it and does not know better",
    );
    assert.ok(hold.fencing > this.#fencing, "fencing numbers grow");
    this.#holder = hold;
    this.#fencing = hold.fencing;
  }

  leave(hold: Hold): void {
    if (hold.lost.aborted) this.lost += 1;
    if (this.#holder === hold) this.#holder = undefined;
  }
}

async function run(stage: Stage, random: Random): Promise<object> {
  const tally = { changes: 0, refused: 0, cuts: 0, expiries: 0, kills: 0 };
  const referee = new Referee();
  const stop = new AbortController();
  const { signal } = stop;
  const short = { sessionTimeoutMs: 800 };
  await using one = await connect(stage.connectString, short);
  await using two = await connect(stage.connectString, short);
  await using three = await connect(stage.connectString, short);
  const working = [one, two, three, one].map((zk) =>
    work(zk, { referee, random, stop: signal }),
  );
  const breaking = breakThings(stage, {
    random,
    tally,
    clients: [],
    blockMs: 1_500,
    stop: signal,
  });
  await pause(SECONDS * 1_000, signal);
  stop.abort();
  await breaking;
  await Promise.all(working);
  await using checker = await connect(stage.directConnectString);
  await checker.sync("/");
  assert.deepEqual((await checker.getChildren("/lock")).children, []);
  await using counter = new AtomicCounter(checker, "/count");
  const count = Number(await counter.get());
  assert.ok(count >= referee.counted, `counted ${count}`);
  assert.ok(count <= referee.counted + referee.uncertain, `counted ${count}`);
  const { entered, lost, givenUp, counted, uncertain } = referee;
  const { cuts, kills } = tally;
  return { entered, lost, givenUp, counted, uncertain, cuts, kills };
}

async function work(
  zk: ZooKeeper,
  options: {
    readonly referee: Referee;
    readonly random: Random;
    readonly stop: AbortSignal;
  },
): Promise<void> {
  const { referee, random, stop } = options;
  await using lock = new Lock(zk, "/lock");
  await using counter = new AtomicCounter(zk, "/count");
  while (!stop.aborted) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), 20 + upTo(random, 1_000));
    const patience = AbortSignal.any([stop, limit.signal]);
    try {
      const hold = await lock.acquire({ signal: patience });
      referee.enter(hold);
      await count(counter, referee);
      const longMs = random() < 0.1 ? 1_500 : 20;
      await pause(upTo(random, longMs), hold.lost);
      referee.leave(hold);
      void hold.release();
    } catch (error) {
      if (!patience.aborted) throw error;
      referee.givenUp += 1;
    } finally {
      clearTimeout(timer);
    }
  }
  await lock.close(); // waits until nothing is left
}

async function count(counter: AtomicCounter, referee: Referee): Promise<void> {
  try {
    await counter.add(1);
    referee.counted += 1;
  } catch (error) {
    assert.ok(error instanceof ZooKeeperError);
    assert.equal(error.code, "connection-loss");
    referee.uncertain += 1;
  }
}
