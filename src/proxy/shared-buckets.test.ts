import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { addressKey } from "./address-key.ts";
import { createBucketsMemory, SharedBuckets } from "./shared-buckets.ts";
import { WAYS } from "./shared-sets.ts";

function key(address: string): Int32Array {
  const found = addressKey(address, 64);
  assert.ok(found);
  return found;
}

const A = key("192.0.2.1");
const B = key("192.0.2.2");

function buckets(slots = 64): SharedBuckets {
  return new SharedBuckets(createBucketsMemory({ slots, seed: 1 }), 1);
}

test("SharedBuckets give a burst at once, then tokens at the rate", () => {
  const rate = { perSecond: 10, burst: 3 };
  const one = buckets();
  const nowMs = 1_000_000;
  for (let taken = 0; taken < 3; taken += 1)
    assert.equal(one.take(A, 0, rate, nowMs), 0);
  assert.equal(one.take(A, 0, rate, nowMs), 100);
  assert.equal(one.take(A, 0, rate, nowMs + 60), 40);
  assert.equal(one.take(A, 0, rate, nowMs + 100), 0);
  assert.equal(one.take(A, 0, rate, nowMs + 100), 100);
  assert.equal(one.take(A, 0, rate, nowMs + 10_000), 0);
});

test("SharedBuckets keep addresses and purposes apart", () => {
  const rate = { perSecond: 1, burst: 1 };
  const one = buckets();
  assert.equal(one.take(A, 0, rate, 0), 0);
  assert.equal(one.take(A, 1, rate, 0), 0);
  assert.equal(one.take(B, 0, rate, 0), 0);
  assert.equal(one.take(A, 0, rate, 0), 1000);
});

test("SharedBuckets never hold a client longer than a burst of the rate in force", () => {
  const one = buckets();
  const slow = { perSecond: 1, burst: 1000 };
  for (let taken = 0; taken < 1000; taken += 1) one.take(A, 0, slow, 0);
  const fast = { perSecond: 100, burst: 10 };
  assert.equal(one.take(A, 0, fast, 0), 10);
  assert.equal(one.take(A, 0, fast, 10), 0);
});

test("SharedBuckets let the fullest bucket give way, and never refuse a newcomer", () => {
  const rate = { perSecond: 1, burst: 2 };
  const one = buckets(WAYS);
  one.take(A, 0, rate, 0);
  one.take(A, 0, rate, 0);
  for (let number = 0; number < 100; number += 1)
    assert.equal(one.take(key(`10.0.0.${number}`), 0, rate, 0), 0);
  assert.equal(one.take(A, 0, rate, 0), 1000, "the emptiest stays");
});

test("SharedBuckets grant what a bucket would, at any times", () => {
  const gaps = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), {
    maxLength: 100,
  });
  const rates = fc.record({
    perSecond: fc.integer({ min: 1, max: 100 }),
    burst: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(gaps, rates, (times, rate) => {
      const one = buckets();
      let nowMs = 5_000;
      let tokens = rate.burst;
      for (const gapMs of times) {
        nowMs += gapMs;
        tokens = Math.min(rate.burst, tokens + (gapMs * rate.perSecond) / 1000);
        if (Math.abs(tokens - 1) < 1e-3) return; // rounding decides
        const isGranted = one.take(A, 0, rate, nowMs) === 0;
        assert.equal(isGranted, tokens > 1);
        if (isGranted) tokens -= 1;
      }
    }),
  );
});

const HAMMER = `
import { parentPort, workerData } from "node:worker_threads";
import { SharedBuckets } from ${JSON.stringify(import.meta.resolve("./shared-buckets.ts"))};
const { memory, column, rounds, key, rate } = workerData;
const view = new SharedBuckets(memory, column);
let granted = 0;
for (let round = 0; round < rounds; round += 1)
  if (view.take(key, 0, rate, round / 1000) === 0) granted += 1;
parentPort.postMessage(granted);
`;

test("SharedBuckets grant no token twice when many threads hammer one bucket", async () => {
  const threads = 6;
  const rounds = 20_000;
  const memory = createBucketsMemory({ slots: WAYS, seed: 3 });
  const rate = { perSecond: 1000, burst: 50 };
  const results = await Promise.all(
    Array.from({ length: threads }, async (_, index) => {
      const worker = new Worker(
        new URL(`data:text/javascript,${encodeURIComponent(HAMMER)}`),
        { workerData: { memory, column: index + 1, rounds, key: A, rate } },
      );
      const [granted] = (await once(worker, "message")) as [number]; // as HAMMER posts it
      return granted;
    }),
  );
  const granted = results.reduce((sum, one) => sum + one, 0);
  // Twenty milliseconds of that clock passed: 20 tokens, and the burst.
  assert.ok(granted >= 50, String(granted));
  assert.ok(granted <= 71, String(granted));
});
