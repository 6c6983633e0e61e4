import assert from "node:assert/strict";
import { test } from "node:test";
import { readServicesPath, SERVICES, targetPath } from "./layout.ts";

test("readServicesPath() tells what a path is", () => {
  const cases = {
    "": { kind: "other" },
    www: { kind: "service", service: "www" },
    "/www": { kind: "service", service: "www" },
    "www/targets": { kind: "other" },
    "www/targets/a:1": { kind: "target", service: "www", name: "a:1" },
    "www/releases/r1": { kind: "release", service: "www", name: "r1" },
    "www/overrides/a:1": { kind: "override", service: "www", name: "a:1" },
    "www/current": { kind: "current", service: "www" },
    "www/current/x": { kind: "other" },
    "www/future/x": { kind: "other" },
    "www/toString/x": { kind: "other" },
    "www/targets/a/b": { kind: "other" },
    "w%2Fx/targets/a": { kind: "target", service: "w/x", name: "a" },
    "w w": { kind: "bad-name" },
    "www/targets/%zz": { kind: "bad-name" },
  };
  for (const [path, place] of Object.entries(cases))
    assert.deepEqual(readServicesPath(path), place, path);
});

test("targetPath() encodes both names", () => {
  const path = targetPath("a b", "c/d");
  assert.equal(path, "/services/a%20b/targets/c%2Fd");
  assert.deepEqual(readServicesPath(path.slice(SERVICES.length)), {
    kind: "target",
    service: "a b",
    name: "c/d",
  });
});
