import assert from "node:assert/strict";
import { test } from "node:test";
import { type LoadOutcome, verdict } from "./verdict.ts";

const good: LoadOutcome = {
  requests: 10_000,
  errors: 0,
  perSecond: 999,
  ms: { p50: 1, p99: 10, p999: 20 },
};
const thresholds = { ratePerSecond: 1000, p99Ms: 10, maxErrors: 0 };

function broken(outcome: LoadOutcome, limits = thresholds): readonly string[] {
  return verdict(outcome, limits)
    .filter(({ isKept }) => !isKept)
    .map(({ what }) => what);
}

test("verdict() passes what is exactly at its thresholds", () => {
  assert.deepEqual(broken(good), []);
  assert.deepEqual(broken({ ...good, perSecond: 950 }), []);
});

test("verdict() fails each threshold on its own", () => {
  assert.deepEqual(broken({ ...good, perSecond: 949 }), ["rate"]);
  assert.deepEqual(broken({ ...good, errors: 1 }), ["errors"]);
  assert.deepEqual(broken({ ...good, ms: { ...good.ms, p99: 10.01 } }), [
    "p99",
  ]);
});

test("verdict() allows as many errors as it is told", () => {
  assert.deepEqual(
    broken({ ...good, errors: 5 }, { ...thresholds, maxErrors: 5 }),
    [],
  );
});

test("verdict() fails a run without any answer", () => {
  const none = { p50: Number.NaN, p99: Number.NaN, p999: Number.NaN };
  assert.deepEqual(broken({ requests: 0, errors: 0, perSecond: 0, ms: none }), [
    "rate",
    "errors",
    "p99",
  ]);
});

test("verdict() asks nothing of p99 when no limit is named", () => {
  const checks = verdict(good, {
    ratePerSecond: 1,
    p99Ms: undefined,
    maxErrors: 0,
  });
  assert.deepEqual(
    checks.map(({ what }) => what),
    ["rate", "errors"],
  );
});
