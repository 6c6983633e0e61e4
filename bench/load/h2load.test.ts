import assert from "node:assert/strict";
import { test } from "node:test";
import { evenConnections, parseSummary, parseTimes } from "./h2load.ts";

const SUMMARY = `finished in 4.00s, 52592.25 req/s, 215.37MB/s
requests: 210369 total, 210433 started, 210369 done, 210369 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 210369 2xx, 0 3xx, 0 4xx, 0 5xx
`;

test("parseSummary() reads rate, requests and failures", () => {
  assert.deepEqual(parseSummary(SUMMARY), {
    requests: 210_369,
    perSecond: 52_592.25,
    failed: 0,
  });
});

test("parseSummary() counts answers with other statuses, and errors once", () => {
  const text = SUMMARY.replace(
    "210369 2xx, 0 3xx, 0 4xx, 0 5xx",
    "210364 2xx, 0 3xx, 0 4xx, 5 5xx",
  ).replace("0 failed, 0 errored", "7 failed, 2 errored");
  assert.equal(parseSummary(text).failed, 7);
  assert.equal(
    parseSummary(text.replace("7 failed, 2", "0 failed, 0")).failed,
    5,
  );
});

test("parseSummary() refuses what is no summary", () => {
  assert.throws(() => parseSummary("finished"), /Cannot read/);
});

test("parseTimes() reads the third column and skips failed requests", () => {
  const text = "1000\t200\t350\n1001\t-1\t9\n1002\t200\t90\n";
  assert.deepEqual([...parseTimes(text)], [350, 90]);
});

test("evenConnections() takes as many as share the rate in whole numbers", () => {
  assert.equal(evenConnections(6400, 64), 64);
  assert.equal(evenConnections(128, 64), 64);
  assert.equal(evenConnections(1, 64), 1);
  for (const rate of [7, 99, 101, 997, 1234, 50_000]) {
    const count = evenConnections(rate, 64);
    const sum = Math.round(rate / count) * count;
    assert.ok(Math.abs(sum - rate) <= rate * 0.02, `${rate}: ${sum}`);
  }
});
