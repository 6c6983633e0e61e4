import assert from "node:assert/strict";
import { test } from "node:test";
import { registryConnectString, registryIdentity } from "./connect-string.ts";

test("registryConnectString() adds /zoogate where there is no path", () => {
  assert.equal(registryConnectString("a:1,b:2"), "a:1,b:2/zoogate");
  assert.equal(registryConnectString("a:1/shop"), "a:1/shop");
  assert.equal(registryConnectString("a:1/"), "a:1/");
});

test("registryIdentity() is one for each registry", () => {
  const one = registryIdentity("b:2,A:1");
  for (const same of ["a:1,b:2/zoogate", "A:1, b:2/zoogate/"])
    assert.equal(registryIdentity(same), one);
  assert.equal(registryIdentity("a"), registryIdentity("a:2181"));
  for (const other of ["a:1", "a:1,b:2/", "a:1,b:2/shop"])
    assert.notEqual(registryIdentity(other), one);
});
