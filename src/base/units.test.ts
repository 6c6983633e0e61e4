import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatBytes,
  formatDuration,
  parseBytes,
  parseDurationMs,
} from "./units.ts";

test("parseDurationMs() wants a unit, except for zero", () => {
  const cases = [
    ["250ms", 250],
    ["10s", 10_000],
    ["1.5h", 5_400_000],
    ["2 m", 120_000],
    ["1D", 86_400_000],
    ["0", 0],
    ["10", undefined],
    ["10min", undefined],
    ["-1s", undefined],
    ["s", undefined],
    ["0.0001ms", undefined],
    ["", undefined],
  ] as const;
  for (const [text, ms] of cases) assert.equal(parseDurationMs(text), ms, text);
});

test("parseBytes() tells thousands from 1024s", () => {
  const cases = [
    ["256MB", 256_000_000],
    ["256MiB", 268_435_456],
    ["32kib", 32_768],
    ["1.5GB", 1_500_000_000],
    ["17B", 17],
    ["17", undefined],
    ["1M", undefined],
    ["0", 0],
  ] as const;
  for (const [text, bytes] of cases) assert.equal(parseBytes(text), bytes);
});

test("formatDuration() and formatBytes() write what is read back as the same", () => {
  for (const value of [0, 1, 999, 1000, 1024, 65_536, 90_000, 86_400_000]) {
    assert.equal(parseDurationMs(formatDuration(value)), value);
    assert.equal(parseBytes(formatBytes(value)), value);
  }
  assert.equal(formatDuration(90_000), "90s");
  assert.equal(formatBytes(32_768), "32KiB");
  assert.equal(formatBytes(256_000_000), "256MB");
});
