import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  checkPath,
  childPath,
  fromServerPath,
  parentPath,
  toServerPath,
} from "./znode-path.ts";

test("checkPath() accepts what PathUtils accepts and says why it refuses the rest", () => {
  for (const path of [
    "/",
    "/a",
    "/a/b",
    "/.a",
    "/a..",
    "/...",
    "/ä/日本",
    "/a b",
  ])
    assert.equal(checkPath(path), undefined, path);
  for (const path of [
    "",
    "a",
    "//",
    "/a/",
    "/a//b",
    "/.",
    "/a/..",
    "/a/./b",
    "/\0",
    "/\u001f",
    "/\u007f",
    "/\ud800",
    "/\uf8ff",
    "/\ufff0",
  ])
    assert.equal(typeof checkPath(path), "string", JSON.stringify(path));
});

test("fromServerPath() undoes toServerPath()", () => {
  assert.equal(toServerPath("/root", "/"), "/root");
  assert.equal(fromServerPath("/root", "/root"), "/");
  const name = fc.stringMatching(/^[a-z]{1,5}$/u);
  const path = fc.array(name).map((names) => `/${names.join("/")}`);
  fc.assert(
    fc.property(path, path, (root, below) => {
      const chroot = root === "/" ? "" : root;
      assert.equal(fromServerPath(chroot, toServerPath(chroot, below)), below);
    }),
  );
});

test("parentPath() undoes childPath()", () => {
  assert.equal(parentPath("/"), undefined);
  for (const parent of ["/", "/a", "/a/b"])
    assert.equal(parentPath(childPath(parent, "c")), parent);
});
