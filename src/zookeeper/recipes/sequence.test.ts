import assert from "node:assert/strict";
import { test } from "node:test";
import { contestants } from "./sequence.ts";

test("contestants() sorts by sequence number, whoever made the nodes, and leaves others out", () => {
  const uuid = "6fa459ea-ee8a-3ca4-894e-db77e160355e";
  const names = [
    `_c_${uuid}-lock-0000000010`,
    "lock-0000000009",
    `_c_${uuid}-lock-0000000002`,
    "lease-0000000001",
    "lock-12",
    "_c_marker",
  ];
  assert.deepEqual(
    contestants(names, new Set(["lock-"])).map(({ sequence }) => sequence),
    [2, 9, 10],
  );
});
