import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseRelease, proposeCutover } from "./current-release.ts";

const releases = new Map([
  ["r1", 10n],
  ["r2", 20n],
  ["r3", 30n],
]);

function choose(inRotation: [string | undefined, number][]) {
  const situation = { inRotation: new Map(inRotation), releases };
  return chooseRelease({ ...situation, current: "r0" });
}

test("chooseRelease() takes the newest that has a target in rotation", () => {
  assert.equal(choose([["r1", 2]]), "r1");
  assert.equal(
    choose([
      ["r2", 1],
      ["r1", 5],
    ]),
    "r2",
  );
  assert.equal(choose([["gone", 1]]), "gone", "a release without a node");
  assert.equal(
    choose([
      ["gone", 1],
      ["r1", 1],
    ]),
    "r1",
    "is the oldest",
  );
});

test("chooseRelease() stays while there is no target", () => {
  const situation = { inRotation: new Map(), releases, current: "r2" };
  assert.equal(chooseRelease(situation), "r2");
});

test("chooseRelease() is undefined where no target names a release", () => {
  const inRotation = new Map([[undefined, 2]]);
  assert.equal(
    chooseRelease({ inRotation, releases, current: "r2" }),
    undefined,
  );
});

function propose(recorded: string | undefined, r1: number, r2: number) {
  return proposeCutover({
    inRotation: new Map([
      ["r1", r1],
      ["r2", r2],
    ]),
    releases,
    current: recorded,
    recorded,
    min: 2,
  });
}

test("proposeCutover() waits for enough targets of a newer release", () => {
  assert.equal(propose(undefined, 1, 0), "r1", "the first record");
  assert.equal(propose("r1", 2, 1), undefined);
  assert.equal(propose("r1", 2, 2), "r2");
  assert.equal(propose("r1", 0, 1), "r2", "the recorded one has none left");
  assert.equal(propose("r2", 2, 1), undefined, "older ones never take over");
});
