import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readOptions } from "../base/index.ts";
import { MinimumRate } from "./minimum-rate.ts";
import { PROXY_OPTIONS } from "./options.ts";
import { PeerPace } from "./peer-pace.ts";

const LIMITS = readOptions(PROXY_OPTIONS, {
  minBodyBytesPerSecond: 100,
  bodyGraceMs: 2000,
  minSendBytesPerSecond: 100,
  stallTimeoutMs: 4000,
});
const TICK_MS = 250;

/** When, in milliseconds, a sender is found too slow; never within the run: undefined. */
function sentUntil(
  bytesAt: (nowMs: number) => number,
  isAwaited: (nowMs: number) => boolean = () => true,
  lastsMs = 60_000,
): number | undefined {
  const pace = new PeerPace(LIMITS);
  for (let nowMs = 0; nowMs <= lastsMs; nowMs += TICK_MS) {
    const content = {
      open: true,
      number: 1,
      bytes: bytesAt(nowMs),
      isAwaited: isAwaited(nowMs),
    };
    if (pace.sendsTooSlowly(content, nowMs)) return nowMs;
  }
  return undefined;
}

test("PeerPace gives a sender that never begins its grace, and no more", () => {
  const atMs = sentUntil(() => 0) ?? Infinity;
  assert.ok(atMs >= 2000 && atMs <= 2750, String(atMs));
});

test("PeerPace finds a byte now and then too slow, and the lowest rate fast enough", () => {
  const dripped = sentUntil((nowMs) => nowMs / 1000) ?? Infinity;
  assert.ok(dripped <= 3000, String(dripped));
  assert.equal(
    sentUntil((nowMs) => nowMs / 10),
    undefined,
  );
});

test("PeerPace lets who was fast pause as long as a stall may be, and no longer", () => {
  const atMs = sentUntil((nowMs) => Math.min(nowMs, 10_000) * 10) ?? Infinity;
  assert.ok(atMs >= 14_000 && atMs <= 14_750, String(atMs));
});

test("PeerPace does not count while we do not read, nor between two looks of which one saw that", () => {
  assert.equal(
    sentUntil(
      () => 0,
      () => false,
    ),
    undefined,
  );
  assert.equal(
    sentUntil(
      () => 0,
      (nowMs) => (nowMs / TICK_MS) % 2 === 0,
    ),
    undefined,
  );
});

test("PeerPace begins anew with each request's content", () => {
  const pace = new PeerPace(LIMITS);
  for (let number = 1; number <= 10; number += 1)
    for (let nowMs = 0; nowMs < 1750; nowMs += TICK_MS) {
      const content = { open: true, number, bytes: 0, isAwaited: true };
      assert.equal(
        pace.sendsTooSlowly(content, number * 1750 + nowMs),
        false,
        `${number} ${nowMs}`,
      );
    }
});

test("PeerPace counts a reader only while something waits for it", () => {
  const pace = new PeerPace(LIMITS);
  const cutAt = (pendingBytes: (nowMs: number) => number) => {
    for (let nowMs = 0; nowMs <= 60_000; nowMs += TICK_MS)
      if (
        pace.readsTooSlowly(
          { pendingBytes: pendingBytes(nowMs), takenBytes: nowMs / 100 },
          nowMs,
        )
      )
        return nowMs;
    return undefined;
  };
  assert.equal(
    cutAt(() => 0),
    undefined,
  );
  assert.equal(
    cutAt((nowMs) => (nowMs % 3000 === 0 ? 0 : 1000)),
    undefined,
    "it takes all there is every three seconds",
  );
  const atMs = cutAt(() => 1000) ?? Infinity;
  assert.ok(atMs >= 4000 && atMs <= 5000, String(atMs));
});

test("PeerPace counts nothing where the limits are 0", () => {
  const pace = new PeerPace(
    readOptions(PROXY_OPTIONS, {
      minBodyBytesPerSecond: 0,
      minSendBytesPerSecond: 0,
    }),
  );
  const content = { open: true, number: 1, bytes: 0, isAwaited: true };
  for (let nowMs = 0; nowMs < 1e7; nowMs += 1e5) {
    assert.equal(pace.sendsTooSlowly(content, nowMs), false);
    assert.equal(
      pace.readsTooSlowly({ pendingBytes: 1, takenBytes: 0 }, nowMs),
      false,
    );
  }
});

test("MinimumRate never finds who keeps to the rate too slow, nor lets who is at half of it go on", () => {
  const steps = fc.array(fc.integer({ min: 1, max: 500 }), {
    minLength: 200,
    maxLength: 300,
  });
  fc.assert(
    fc.property(
      steps,
      fc.integer({ min: 1, max: 100_000 }),
      (gaps, bytesPerSecond) => {
        const rule = { bytesPerSecond, mostMs: 5000 };
        const outcomes = [1, 0.5].map((share) => {
          const rate = new MinimumRate(1000, 0, 0);
          let nowMs = 0;
          return gaps.some((gapMs) => {
            nowMs += gapMs;
            const bytes = (nowMs * bytesPerSecond * share * 1.000_001) / 1000;
            return rate.isUsedUp({ nowMs, bytes, isAwaited: true }, rule);
          });
        });
        const lastsMs = gaps.reduce((sum, gapMs) => sum + gapMs, 0);
        assert.equal(outcomes[0], false);
        if (lastsMs > 2100) assert.equal(outcomes[1], true);
      },
    ),
  );
});
