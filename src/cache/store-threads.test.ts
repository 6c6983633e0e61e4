import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { Worker } from "node:worker_threads";
import { moduleBeside } from "../base/index.ts";
import { StoreKeeper } from "./store-keeper.ts";
import type { HammerReport, HammerSetup } from "./store-hammer.fixture.ts";
import { createStoreMemory } from "./store-memory.ts";

const WORKERS = 3;

/** Threads that all work on one small memory. */
function stage() {
  const memory = createStoreMemory({ maxBytes: 1_200_000, workers: WORKERS });
  const keeper = new StoreKeeper(memory);
  const stop = new SharedArrayBuffer(4);
  let seed = Date.now() | 0;
  const start = (column: number) => {
    const setup: HammerSetup = { memory, column, seed: (seed += 1), stop };
    const worker = new Worker(
      moduleBeside(import.meta.url, "./store-hammer.fixture"),
      { workerData: setup },
    );
    worker.on("error", (error) => assert.fail(String(error)));
    return worker;
  };
  const reportOf = async (worker: Worker): Promise<HammerReport> => {
    const [report] = (await once(worker, "message")) as [HammerReport];
    return report;
  };
  return { memory, keeper, stop: new Int32Array(stop), start, reportOf };
}

function columns(): number[] {
  return Array.from({ length: WORKERS }, (_, index) => index + 1);
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

describe("The memory of several threads", () => {
  test("never shows one answer's bytes in another's, and loses none", async () => {
    const { memory, keeper, stop, start, reportOf } = stage();
    const workers = columns().map(start);
    const reports = workers.map(reportOf);
    const untilMs = performance.now() + 3000;
    while (performance.now() < untilMs) {
      await pause(50);
      keeper.check();
      assert.ok(keeper.size.bytes <= memory.maxBytes);
    }
    Atomics.store(stop, 0, 1);
    for (const { stored, hits, error } of await Promise.all(reports)) {
      assert.equal(error, undefined);
      assert.ok(stored > 50 && hits > 50, `${stored} stored, ${hits} hits`);
    }
    await Promise.all(workers.map((worker) => worker.terminate()));
    keeper.check();
    assert.ok(keeper.size.evicted > 0);
    assert.equal(keeper.size.pinnedBytes, 0);
    keeper.clear();
    assert.deepEqual([keeper.size.entries, keeper.size.bytes], [0, 0]);
  });

  test("stays usable, and whole, when threads end at any moment", async () => {
    const { keeper, stop, start, reportOf } = stage();
    const workers = columns().map(start);
    const counts = { repaired: 0, cleared: 0 };
    const untilMs = performance.now() + 4000;
    while (performance.now() < untilMs) {
      const index = Math.floor(Math.random() * WORKERS);
      await pause(20 + Math.random() * 150);
      await workers[index]?.terminate();
      let repair = keeper.repair(index + 1);
      for (; repair === "busy"; repair = keeper.repair(index + 1))
        await pause(1);
      counts[repair] += 1;
      keeper.check();
      workers[index] = start(index + 1);
    }
    const reports = workers.map(reportOf);
    await pause(500);
    Atomics.store(stop, 0, 1);
    for (const { error } of await Promise.all(reports))
      assert.equal(error, undefined);
    await Promise.all(workers.map((worker) => worker.terminate()));
    keeper.check();
    assert.equal(keeper.size.pinnedBytes, 0);
    keeper.clear();
    assert.deepEqual([keeper.size.entries, keeper.size.bytes], [0, 0]);
    assert.ok(counts.repaired + counts.cleared > 10, JSON.stringify(counts));
    if (process.env["HAMMER"]) console.log(counts);
  });
});
