import assert from "node:assert/strict";
import { test } from "node:test";
import {
  busyMicros,
  type CpuProfile,
  foldProfile,
  ownTimes,
  type ProfileNode,
} from "./cpu-profile.ts";

function node(
  id: number,
  functionName: string,
  children: readonly number[] = [],
): ProfileNode {
  return { id, callFrame: { functionName, url: "", lineNumber: -1 }, children };
}

/** root → serve → (write, write again under another id), serve → parse; idle. */
const profile: CpuProfile = {
  nodes: [
    node(1, "(root)", [2, 6]),
    node(2, "serve", [3, 4, 5]),
    node(3, "write"),
    node(4, "write"),
    node(5, "parse"),
    node(6, "(idle)"),
  ],
  samples: [2, 3, 4, 5, 6, 3],
  timeDeltas: [10, 20, 30, 5, 1000, 1],
};

test("foldProfile() adds up what is below, joins equal callees and leaves idle time out", () => {
  const all = foldProfile(profile);
  assert.equal(all.name, "all");
  assert.equal(all.total, 66);
  const [serve] = all.children;
  assert.equal(serve?.name, "serve");
  assert.equal(serve?.total, 66);
  assert.deepEqual(
    serve?.children.map(({ name, total }) => [name, total]),
    [
      ["write", 51],
      ["parse", 5],
    ],
  );
});

test("foldProfile() drops functions that no sample met", () => {
  const quiet = { ...profile, samples: [3], timeDeltas: [7] };
  const all = foldProfile(quiet);
  assert.equal(all.total, 7);
  assert.equal(JSON.stringify(all).includes("parse"), false);
});

test("ownTimes() counts each function once, most first, without idle time", () => {
  assert.deepEqual(ownTimes(profile), [
    ["write", 51],
    ["serve", 10],
    ["parse", 5],
  ]);
  assert.equal(busyMicros(profile), 66);
});
