import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isValidPath, parentPath } from "./paths.ts";

describe("isValidPath()", () => {
  const good = ["/", "/a", "/a/b", "/é", "/...", "/a/.b", "/..c", "/\u3042"];
  const bad = [
    "",
    "a",
    "//",
    "/a/",
    "//a",
    "/a//b",
    "/.",
    "/..",
    "/a/./b",
    "/a/..",
    "/a\u0000",
    "/\u001f",
    "/\u007f",
    "/\u009f",
    "/\ud800",
    "/\uf8ff",
    "/\ufff0",
    "/\uffff",
    "/\u{1f600}",
  ];
  for (const path of good)
    test(`accepts ${JSON.stringify(path)}`, () => {
      assert.equal(isValidPath(path), true);
    });
  for (const path of bad)
    test(`refuses ${JSON.stringify(path)}`, () => {
      assert.equal(isValidPath(path), false);
    });
});

describe("parentPath()", () => {
  test("is empty for children of the root", () => {
    assert.equal(parentPath("/a"), "");
    assert.equal(parentPath("/a/b"), "/a");
    assert.equal(parentPath("a"), undefined);
  });
});
