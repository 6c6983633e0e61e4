import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { abortable, delay } from "./abort.ts";
import { ManualClock } from "./manual-clock.ts";

test("abortable() rejects with the signal's reason and removes its listener", async () => {
  const controller = new AbortController();
  const never = new Promise<void>(() => {});
  const waiting = abortable(never, controller.signal);
  controller.abort(new Error("left"));
  await assert.rejects(waiting, /left/u);
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
});

test("abortable() removes its listener when the promise settles first", async () => {
  const { signal } = new AbortController();
  assert.equal(await abortable(Promise.resolve(7), signal), 7);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("abortable() with an aborted signal swallows the promise's own failure", async () => {
  const failing = Promise.reject(new Error("late"));
  await assert.rejects(
    abortable(failing, AbortSignal.abort(new Error("early"))),
    /early/u,
  );
});

test("delay() ends by its clock and leaves no listener", async () => {
  const clock = new ManualClock();
  const { signal } = new AbortController();
  const waiting = delay(50, { clock, signal });
  clock.advance(50);
  await waiting;
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("delay() stops its timer when the signal fires", async () => {
  const clock = new ManualClock();
  const controller = new AbortController();
  const waiting = delay(50, { clock, signal: controller.signal });
  controller.abort(new Error("stop"));
  await assert.rejects(waiting, /stop/u);
  assert.equal(clock.pendingTimers, 0);
});
