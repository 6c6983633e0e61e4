import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1Into, latin1Text } from "./latin1.ts";

test("latin1Text() and latin1Into() are each other's inverse for every byte", () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, code) => code));
  const text = latin1Text(bytes, 0, bytes.length);
  assert.equal(text, bytes.toString("latin1"));
  const copy = Buffer.alloc(300, "-");
  assert.equal(latin1Into(copy, text, 10), 256);
  assert.deepEqual(copy.subarray(10, 266), bytes);
  assert.equal(copy.toString("latin1", 0, 10), "----------");
  assert.equal(copy.toString("latin1", 266), "-".repeat(34));
});

test("latin1Text() takes the range it is given", () => {
  const bytes = Buffer.from("GET / HTTP/1.1");
  assert.equal(latin1Text(bytes, 4, 5), "/");
  assert.equal(latin1Text(bytes, 5, 5), "");
});
