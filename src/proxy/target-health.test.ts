import assert from "node:assert/strict";
import { test } from "node:test";
import { ejectionAfter, newHealth, nextHealth } from "./target-health.ts";

const health = { failures: 5, ejectMs: 30_000, maxEjectMs: 300_000 };

test("ejectionAfter() takes five failures in a row, or one refused connection", () => {
  const rotation = { targets: 4, ejected: 0 };
  assert.equal(ejectionAfter("cut", 4, { health, rotation }), "none");
  assert.equal(ejectionAfter("cut", 5, { health, rotation }), "failing");
  assert.equal(ejectionAfter("refused", 1, { health, rotation }), "refused");
});

function after(targets: number, ejected: number) {
  return ejectionAfter("timed-out", 9, {
    health,
    rotation: { targets, ejected },
  });
}

test("ejectionAfter() takes at most half for failing, and never the last", () => {
  assert.equal(after(1, 0), "none");
  assert.equal(after(2, 0), "failing");
  assert.equal(after(2, 1), "none");
  assert.equal(after(4, 1), "failing");
  assert.equal(after(4, 2), "none");
});

test("nextHealth() ejects for longer each time, up to the bound, and forgets after a good time", () => {
  let state = newHealth(0);
  let nowMs = 0;
  const lasted: number[] = [];
  for (let time = 0; time < 12; time++) {
    state = nextHealth(
      state,
      { kind: "ejected", cause: "failing" },
      { health, nowMs },
    );
    assert.ok(state.kind === "ejected");
    lasted.push(state.untilMs - nowMs);
    nowMs = state.untilMs;
    state = nextHealth(state, { kind: "tick" }, { health, nowMs });
    assert.equal(state.kind, "in-rotation");
  }
  assert.deepEqual(lasted.slice(0, 3), [30_000, 60_000, 90_000]);
  assert.equal(lasted.at(-1), 300_000);
  nowMs += 300_001;
  state = nextHealth(
    state,
    { kind: "ejected", cause: "failing" },
    { health, nowMs },
  );
  assert.equal(state.kind === "ejected" && state.untilMs - nowMs, 30_000);
});

test("nextHealth() brings a target back when a probe succeeds, a refused one only then", () => {
  const ejected = nextHealth(
    newHealth(0),
    { kind: "ejected", cause: "refused" },
    { health, nowMs: 0 },
  );
  const late = { health, nowMs: 400_000 };
  assert.equal(nextHealth(ejected, { kind: "tick" }, late).kind, "ejected");
  assert.equal(
    nextHealth(ejected, { kind: "probed", ok: false }, late).kind,
    "ejected",
  );
  assert.equal(
    nextHealth(ejected, { kind: "probed", ok: true }, late).kind,
    "in-rotation",
  );
});

test("nextHealth() has a target that refuses probed soon, and later each second", () => {
  const dueIn = (cause: "failing" | "refused", nowMs: number) => {
    const ejected = nextHealth(
      newHealth(0),
      { kind: "ejected", cause },
      { health, nowMs: 0 },
    );
    const probing = nextHealth(
      ejected,
      { kind: "probe-started" },
      { health, nowMs },
    );
    assert.ok(probing.kind === "ejected");
    return probing.nextProbeMs - nowMs;
  };
  assert.equal(dueIn("refused", 0), 250);
  assert.equal(dueIn("refused", 9999), 250);
  assert.equal(dueIn("refused", 10_000), 1000);
  assert.equal(dueIn("failing", 0), 1000);
});
