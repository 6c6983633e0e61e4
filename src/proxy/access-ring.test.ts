import assert from "node:assert/strict";
import { test } from "node:test";
import { type AccessRecord, AccessRing } from "./access-ring.ts";

function record(atMs: number): AccessRecord {
  return {
    atMs,
    client: "",
    method: "GET",
    host: "",
    version: "1.1",
    path: "/",
    status: 200,
    bytes: 0,
    ms: 0,
    service: "",
    target: "",
    cache: "",
    referer: "",
    agent: "",
  };
}

test("AccessRing.drain() answers the latest, oldest first, and how many gave way", () => {
  const ring = new AccessRing(3);
  for (const atMs of [1, 2, 3, 4, 5]) ring.push(record(atMs));
  const { records, lost } = ring.drain();
  assert.deepEqual(
    records.map(({ atMs }) => atMs),
    [3, 4, 5],
  );
  assert.equal(lost, 2);
  assert.deepEqual(ring.drain(), { records: [], lost: 0 });
  ring.push(record(6));
  assert.deepEqual(
    ring.drain().records.map(({ atMs }) => atMs),
    [6],
  );
});

test("AccessRing keeps nothing when its size is 0", () => {
  const ring = new AccessRing(0);
  ring.push(record(1));
  assert.equal(ring.keeps, false);
  assert.deepEqual(ring.drain(), { records: [], lost: 0 });
});
