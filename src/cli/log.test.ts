import assert from "node:assert/strict";
import { test } from "node:test";
import { formatText } from "./log.ts";

test("formatText() keeps a record on one line, with its error", () => {
  const line = formatText(
    {
      level: "warn",
      room: "registry",
      event: "bad-value",
      message: 'Cannot read "a\nb"',
      error: new Error("bad\tJSON"),
    },
    new Date(0),
  );
  assert.equal(
    line,
    '1970-01-01T00:00:00.000Z WARN  registry: Cannot read "a b" (bad JSON)',
  );
});
