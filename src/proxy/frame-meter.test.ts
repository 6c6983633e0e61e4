import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameMeter } from "./frame-meter.ts";

test("FrameMeter.add() says when there are more than the limit in one interval", () => {
  const meter = new FrameMeter({ limit: 2, intervalMs: 100 });
  assert.equal(meter.add(0), false);
  assert.equal(meter.add(50), false);
  assert.equal(meter.add(100), false, "a new interval has begun");
  assert.equal(meter.add(150), false);
  assert.equal(meter.add(199), true);
});

test("FrameMeter.add() forgives nobody who was told once", () => {
  const meter = new FrameMeter({ limit: 1, intervalMs: 100 });
  meter.add(0);
  assert.equal(meter.add(1), true);
  assert.equal(meter.add(10_000), true);
});
