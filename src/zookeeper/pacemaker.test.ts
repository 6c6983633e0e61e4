import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import { ManualClock } from "../base/index.ts";
import { Pacemaker } from "./pacemaker.ts";

function paced(): { clock: ManualClock; pacemaker: Pacemaker; log: string[] } {
  const clock = new ManualClock();
  const log: string[] = [];
  const pacemaker = new Pacemaker(clock, {
    sessionTimeoutMs: 3_000,
    onPing: () => log.push(`ping ${clock.nowMs()}`),
    onSilent: () => log.push(`silent ${clock.nowMs()}`),
  });
  return { clock, pacemaker, log };
}

test("Pacemaker pings when nothing was sent for a third of the timeout", () => {
  const { clock, pacemaker, log } = paced();
  for (let round = 0; round < 6; round++) {
    clock.advance(500);
    pacemaker.heard(clock.nowMs());
  }
  assert.deepEqual(log, ["ping 1000", "ping 2000", "ping 3000"]);
  log.length = 0;
  for (let round = 0; round < 6; round++) {
    clock.advance(500);
    pacemaker.heard(clock.nowMs());
    pacemaker.sent(clock.nowMs());
  }
  assert.deepEqual(log, []);
  pacemaker.stop();
  assert.equal(clock.pendingTimers, 0);
});

test("Pacemaker reports silence after two thirds of the timeout", async () => {
  const { clock, log } = paced();
  clock.advance(1_999);
  await immediate();
  assert.deepEqual(log, ["ping 1000"]);
  clock.advance(1);
  await immediate();
  assert.deepEqual(log, ["ping 1000", "silent 2000"]);
});

test("Pacemaker hears what came during a stall of this process before it judges", async () => {
  const { clock, pacemaker, log } = paced();
  clock.advance(10_000);
  pacemaker.heard(clock.nowMs());
  await immediate();
  assert.equal(
    log.some((line) => line.startsWith("silent")),
    false,
  );
  clock.advance(1_000);
  assert.equal(log.at(-1), "ping 10001");
});

test("Pacemaker does not mind a wall clock that jumps", async () => {
  const { clock, pacemaker, log } = paced();
  clock.stepWall(86_400_000);
  clock.advance(500);
  clock.stepWall(-172_800_000);
  pacemaker.heard(clock.nowMs());
  await immediate();
  assert.deepEqual(log, []);
});
