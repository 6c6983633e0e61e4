import assert from "node:assert/strict";
import { test } from "node:test";
import { Latest } from "./latest.ts";

test("Latest.watch() begins with the present value and skips replaced ones", async () => {
  const latest = new Latest(1);
  const reader = latest.watch();
  assert.equal((await reader.next()).value, 1);
  latest.set(2);
  latest.set(3);
  assert.equal((await reader.next()).value, 3);
  await reader.return();
});

test("Latest.watch() ends on close(), after the last value", async () => {
  const latest = new Latest("a");
  latest.set("b");
  latest.close();
  assert.deepEqual(await Array.fromAsync(latest.watch()), ["b"]);
});

test("Latest.watch() throws the signal's reason on abort", async () => {
  const latest = new Latest(0);
  const controller = new AbortController();
  const reader = latest.watch({ signal: controller.signal });
  await reader.next();
  const next = reader.next();
  controller.abort(new Error("enough"));
  await assert.rejects(next, /enough/u);
});

test("Latest.when() resolves with the first value that passes", async () => {
  const latest = new Latest(0);
  const three = latest.when((value) => value >= 3);
  latest.set(1);
  latest.set(5);
  assert.equal(await three, 5);
});
