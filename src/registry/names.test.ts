import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeName, encodeName } from "./names.ts";
import { RegistryError } from "./registry-error.ts";

test("encodeName() leaves names of plain characters as they are", () => {
  for (const name of ["www", "host:8080", "a.b_c+d-E", "...", "x".repeat(128)])
    assert.equal(encodeName(name), name);
});

test("encodeName() encodes what no path component may hold", () => {
  assert.equal(encodeName("a/b"), "a%2Fb");
  assert.equal(encodeName(".."), "%2E%2E");
  assert.equal(encodeName("é %"), "%C3%A9%20%25");
});

test("encodeName() refuses empty and overlong names", () => {
  for (const name of ["", "x".repeat(129)])
    assert.throws(
      () => encodeName(name),
      (error) => error instanceof RegistryError && error.code === "bad-name",
    );
});

test("decodeName() is the inverse of encodeName(), and of nothing else", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 16 }),
      (name) => {
        fc.pre(name.isWellFormed() && Buffer.byteLength(name) <= 128);
        assert.equal(decodeName(encodeName(name)), name);
        assert.doesNotMatch(encodeName(name), /\//);
      },
    ),
  );
  for (const component of ["", "%", "%41", "%c3%a9", "%FF", "a b", "a%2"])
    assert.equal(decodeName(component), undefined, component);
});
