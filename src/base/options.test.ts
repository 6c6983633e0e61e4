import assert from "node:assert/strict";
import { test } from "node:test";
import { readOptions } from "./options.ts";

const TABLE = {
  timeoutMs: { type: "number", default: 10, min: 1, max: 100, doc: "" },
  mode: { type: "choice", default: "fast", choices: ["fast", "safe"], doc: "" },
  strict: { type: "flag", default: true, doc: "" },
} as const;

test("readOptions() fills in the defaults", () => {
  assert.deepEqual(
    { ...readOptions(TABLE) },
    { timeoutMs: 10, mode: "fast", strict: true },
  );
});

test("readOptions() refuses an unknown name and names the known ones", () => {
  const given: object = { timeoutMS: 5 };
  assert.throws(() => readOptions(TABLE, given), {
    name: "RangeError",
    message: /"timeoutMS": known options are timeoutMs, mode, strict/u,
  });
});

test("readOptions() refuses values out of bounds", () => {
  for (const timeoutMs of [0, 101, 1.5, Number.NaN])
    assert.throws(() => readOptions(TABLE, { timeoutMs }), RangeError);
});
