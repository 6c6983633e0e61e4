import assert from "node:assert/strict";
import { test } from "node:test";
import { createCountersMemory, SharedCounters } from "./shared-counters.ts";

function threads(workers: number) {
  const memory = createCountersMemory({ slots: 8, workers });
  return Array.from(
    { length: workers + 1 },
    (_, column) => new SharedCounters(memory, column),
  );
}

test("SharedCounters sums what every thread wrote to its own column", () => {
  const [main, one, two] = threads(2);
  one?.sent(3, 1);
  two?.sent(3, 2);
  two?.settled(3);
  two?.answered(3);
  assert.equal(main?.score(3), 1.5);
  assert.equal(main.inFlight(3), 1);
  assert.equal(main.answeredTotal(3), 1);
  assert.equal(main.answeredTotal(2), 0);
});

test("SharedCounters counts a tunnel among what is in flight", () => {
  const [main, one, two] = threads(2);
  one?.sent(3, 1);
  two?.sent(3, 1);
  two?.upgraded(3);
  assert.equal(main?.inFlight(3), 2);
  assert.equal(main.tunnels(3), 1);
  two?.tunnelEnded(3);
  two?.settled(3);
  assert.equal(main.inFlight(3), 1);
  assert.equal(main.tunnels(3), 0);
});

test("SharedCounters.sent() counts for the proxies that are assumed to do the same", () => {
  const [main, one] = threads(1);
  assert.ok(main !== undefined);
  main.liveProxies = 3;
  one?.sent(0, 2);
  assert.equal(main.score(0), 1.5);
});

test("SharedCounters.answered() ends a row of failures of all threads", () => {
  const [, one, two] = threads(2);
  assert.equal(one?.failed(1), 1);
  assert.equal(two?.failed(1), 2);
  two.answered(1);
  assert.equal(one.failed(1), 1);
});

test("SharedCounters.eject() tells the first thread only, and hardens", () => {
  const [, one, two] = threads(2);
  assert.equal(one?.eject(0, "failing"), true);
  assert.equal(two?.eject(0, "failing"), false);
  assert.equal(two.eject(0, "refused"), true);
  assert.equal(one.eject(0, "failing"), false);
  assert.equal(one.ejectionCause(0), "refused");
  one.restore(0);
  assert.equal(two.ejectionCause(0), "none");
});

test("SharedCounters.forgetInFlight() clears this thread's requests alone", () => {
  const [main, one, two] = threads(2);
  one?.sent(0, 1);
  two?.sent(0, 1);
  one?.upgraded(0);
  two?.upgraded(0);
  one?.forgetInFlight();
  assert.equal(main?.tunnels(0), 1);
  assert.equal(main?.inFlight(0), 1);
  assert.equal(main.score(0), 2);
});
