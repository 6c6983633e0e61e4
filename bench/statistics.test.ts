import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentilesOf } from "./statistics.ts";

test("median() takes the middle, or the mean of the middle two", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("percentilesOf() takes the nearest rank, whatever the order", () => {
  const values = Float64Array.from({ length: 1000 }, (_, i) => 1000 - i);
  assert.deepEqual(percentilesOf(values), { p50: 500, p99: 990, p999: 999 });
});

test("percentilesOf() of one value is that value", () => {
  assert.deepEqual(percentilesOf(Float64Array.of(7)), {
    p50: 7,
    p99: 7,
    p999: 7,
  });
});
