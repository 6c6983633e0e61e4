/**
 * What a client does for ever must cost no memory: reconnects, watches, streams.
 * Each for a few seconds; with ZOOGATE_SOAK_SECONDS until 100,000 reconnects and
 * 1,000,000 watches were made, or so long.
 */
import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Clock, systemClock } from "../../src/base/index.ts";
import {
  connect,
  type ZooKeeper,
  ZooKeeperError,
} from "../../src/zookeeper/index.ts";
import { startKeeperProcess } from "../support/keeper-process.ts";

const soakSeconds = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? "0");
const durationMs = soakSeconds > 0 ? soakSeconds * 1_000 : 2_500;
const ALLOWED_GROWTH_BYTES = 3_000_000;
const CLIENTS = 25;

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void; // the flag above

/** Time that runs faster, so that delays between attempts cost little. */
function fasterClock(factor: number): Clock {
  return {
    nowMs: () => systemClock.nowMs() * factor,
    wallMs: () => systemClock.wallMs(),
    after: (delayMs, action, options) =>
      systemClock.after(delayMs / factor, action, options),
  };
}

/** Bytes held after everything unused was given back. */
async function heldBytes(): Promise<number> {
  // Sockets give their buffers back a turn after they were closed.
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Repeats a round up to the count or the time; memory at the end may not exceed that after the first fifth. */
async function staysFlat(
  t: TestContext,
  { what, most }: { readonly what: string; readonly most: number },
  round: () => Promise<number>,
): Promise<void> {
  const startMs = performance.now();
  let count = 0;
  const held: number[] = [];
  for (const share of [0.2, 0.6, 1]) {
    while (
      count < most * share &&
      performance.now() < startMs + durationMs * share
    )
      count += await round();
    held.push(await heldBytes());
  }
  const seconds = (performance.now() - startMs) / 1_000;
  const [first = 0, middle = 0, last = 0] = held;
  const megabytes = held.map((bytes) => (bytes / 1e6).toFixed(2)).join(", ");
  t.diagnostic(
    `${count} ${what} in ${seconds.toFixed(1)} s; MB held after a fifth, three fifths, all: ${megabytes}`,
  );
  assert.ok(last - first < ALLOWED_GROWTH_BYTES, `it grew: ${megabytes} MB`);
  assert.ok(last - middle < ALLOWED_GROWTH_BYTES, `it grew: ${megabytes} MB`);
}

describe("the memory of a ZooKeeper client", () => {
  it("stays flat over reconnects", async (t) => {
    // Sessions of ten minutes: silence is noticed after four seconds of this fast clock.
    await using keeper = await startKeeperProcess({ tickTimeMs: 30_000 });
    await using clients = new AsyncDisposableStack();
    const zks = await Promise.all(
      Array.from({ length: CLIENTS }, async () =>
        clients.use(
          await connect(keeper.cutConnectString, {
            sessionTimeoutMs: 600_000,
            clock: fasterClock(100),
          }),
        ),
      ),
    );
    const ids = zks.map((zk) => zk.sessionId);
    await zks[0]?.create("/leak");
    const stop = new AbortController();
    const streams = zks.map((zk) => countEvents(zk, stop.signal));
    await Promise.all(
      zks.map((zk) => zk.getData("/leak", { onWatch: () => {} })),
    );
    const goal = { what: "reconnects", most: 100_000 };
    await staysFlat(t, goal, async () => {
      const lost = zks.map(untilDisconnected);
      keeper.cut();
      await Promise.all(lost);
      await Promise.all(zks.map((zk) => zk.sync()));
      return CLIENTS;
    });
    assert.deepEqual(
      zks.map((zk) => zk.sessionId),
      ids,
    );
    stop.abort();
    const events = await Promise.all(streams);
    assert.ok(events.every((count) => count > 1));
  });

  it("stays flat over watches set and fired", async (t) => {
    await using keeper = await startKeeperProcess();
    await using zk = await connect(keeper.connectString);
    await zk.create("/leak");
    const watches = 500;
    const goal = { what: "watches set and fired", most: 1_000_000 };
    await staysFlat(t, goal, async () => {
      let fired = 0;
      const onWatch = () => {
        fired += 1;
      };
      await Promise.all(
        Array.from({ length: watches }, () =>
          zk.getData("/leak", { onWatch: () => onWatch() }),
        ),
      );
      await zk.setData("/leak", "x");
      assert.equal(fired, watches);
      return watches;
    });
  });

  it("stays flat over watches on many nodes, set and fired", async (t) => {
    await using keeper = await startKeeperProcess();
    await using zk = await connect(keeper.connectString);
    const paths = Array.from({ length: 250 }, (_, index) => `/leak-${index}`);
    const goal = { what: "watches set and fired", most: 1_000_000 };
    await staysFlat(t, goal, async () => {
      let fired = 0;
      const onWatch = () => {
        fired += 1;
      };
      await Promise.all(paths.map((path) => zk.exists(path, { onWatch })));
      await Promise.all(paths.map((path) => zk.create(path)));
      await Promise.all(paths.map((path) => zk.getChildren(path, { onWatch })));
      await Promise.all(paths.map((path) => zk.delete(path)));
      assert.equal(fired, 2 * paths.length);
      return 2 * paths.length;
    });
  });

  it("stays flat over streams that begin and end, and requests that are given up", async (t) => {
    await using keeper = await startKeeperProcess();
    await using zk = await connect(keeper.connectString);
    await zk.create("/leak");
    const controller = new AbortController();
    const { signal } = controller;
    await staysFlat(t, { what: "streams", most: 300_000 }, async () => {
      for (const kind of ["data", "children", "recursive"] as const)
        for await (const event of zk.watch("/leak", { kind, signal })) {
          assert.equal(event.kind, "re-synced");
          break;
        }
      await zk.getData("/leak", { signal, timeoutMs: 60_000 });
      return 3;
    });
  });
});

/** A request of each is under way when the connection breaks, whose outcome is unknown then. */
async function untilDisconnected(zk: ZooKeeper): Promise<void> {
  const waiting = zk.sync();
  for await (const state of zk.states()) if (state.kind === "suspended") break;
  await waiting.catch((error: unknown) => {
    assert.ok(error instanceof ZooKeeperError, String(error));
  });
}

/** Reads a stream to its end and keeps nothing of it. */
async function countEvents(
  zk: ZooKeeper,
  signal: AbortSignal,
): Promise<number> {
  let events = 0;
  try {
    for await (const _ of zk.watch("/leak", { kind: "recursive", signal }))
      events += 1;
  } catch {
    assert.ok(signal.aborted);
  }
  return events;
}
