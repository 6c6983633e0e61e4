import assert from "node:assert/strict";
import { test } from "node:test";
import { SilentCloses } from "./silent-closes.ts";

const [a, b] = [
  { host: "a", port: 1 },
  { host: "b", port: 1 },
];

test("SilentCloses gives up only when every server has closed for a session timeout", () => {
  const closes = new SilentCloses(2);
  closes.add(a, 0);
  assert.equal(closes.allRefuse(5_000, 1_000), false);
  closes.add(b, 500);
  assert.equal(closes.allRefuse(999, 1_000), false);
  assert.equal(closes.allRefuse(1_000, 1_000), true);
});

test("SilentCloses keeps waiting for a server that cannot be asked", () => {
  const closes = new SilentCloses(2);
  closes.add(a, 0);
  closes.add(b, 0);
  closes.remove(b);
  assert.equal(closes.allRefuse(9_000, 1_000), false);
});

test("SilentCloses begins anew after a live session", () => {
  const closes = new SilentCloses(1);
  closes.add(a, 0);
  closes.reset();
  closes.add(a, 5_000);
  assert.equal(closes.allRefuse(5_500, 1_000), false);
  assert.equal(closes.allRefuse(6_000, 1_000), true);
});
