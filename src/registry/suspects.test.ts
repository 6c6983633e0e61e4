import assert from "node:assert/strict";
import { test } from "node:test";
import { SuspectTable } from "./suspects.ts";

test("SuspectTable lets a suspect go at its first refused or cut connection", () => {
  for (const outcome of ["refused", "cut"] as const) {
    const table = new SuspectTable();
    table.add("a", 0);
    assert.equal(table.report("a", "answered", 1), "stays");
    assert.equal(table.report("a", outcome, 2), "goes");
    assert.equal(table.report("b", outcome, 2), "stays", "no suspect");
  }
});

test("SuspectTable lets a suspect go after its limit when others are there", () => {
  const table = new SuspectTable();
  table.add("a", 0);
  assert.deepEqual(table.due(1, 59_999), []);
  assert.equal(table.nextDueMs(), 60_000);
  assert.deepEqual(table.due(1, 60_000), ["a"]);
});

test("SuspectTable keeps the last one that answers beyond its limit", () => {
  const table = new SuspectTable();
  table.add("a", 0);
  table.add("b", 0);
  table.report("a", "answered", 50_000);
  assert.deepEqual(table.due(0, 60_000), ["b"]);
  table.delete("b");
  assert.deepEqual(table.due(0, 600_000), []);
  assert.deepEqual(table.due(1, 700_000), ["a"], "another one has come");
});

test("SuspectTable holds half of three or more that vanish together", () => {
  const table = new SuspectTable();
  table.add("a", 0);
  assert.deepEqual(table.hold(3, 0), []);
  table.add("b", 5_000);
  assert.deepEqual(table.hold(3, 5_000), ["a", "b"]);
  assert.equal(table.report("a", "refused", 6_000), "stays", "held");
  assert.deepEqual(table.due(1, 60_000), []);
  assert.deepEqual(table.due(1, 300_000), ["a"]);
  assert.deepEqual(table.due(1, 305_000), ["a", "b"]);
});

test("SuspectTable does not hold one of two, nor those that vanish one by one", () => {
  const pair = new SuspectTable();
  pair.add("a", 0);
  assert.deepEqual(pair.hold(2, 0), []);
  const slow = new SuspectTable();
  slow.add("a", 0);
  slow.add("b", 20_000);
  assert.deepEqual(slow.hold(4, 20_000), []);
});

test("SuspectTable never keeps a held one that fails as the last", () => {
  const table = new SuspectTable();
  for (const name of ["a", "b", "c"]) table.add(name, 0);
  table.hold(3, 0);
  for (const name of ["a", "b", "c"]) table.report(name, "refused", 1);
  table.report("c", "answered", 2);
  assert.deepEqual(table.due(0, 300_000), ["a", "b"]);
});
