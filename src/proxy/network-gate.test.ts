import assert from "node:assert/strict";
import { test } from "node:test";
import { NetworkGate } from "./network-gate.ts";

test("NetworkGate lets everybody in when nothing is said", () => {
  const gate = new NetworkGate({ allow: [], deny: [] });
  assert.equal(gate.isOpen, true);
  for (const address of ["192.0.2.1", "2001:db8::1", "unix:", ""])
    assert.equal(gate.admits(address), true, address);
});

test("NetworkGate lets nobody in whom it denies, and nobody else where it allows", () => {
  const gate = new NetworkGate({
    allow: ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"],
    deny: ["10.1.0.0/16", "2001:db8:bad::/48"],
  });
  const verdicts = {
    "10.0.0.1": true,
    "10.1.0.1": false,
    "11.0.0.1": false,
    "192.0.2.7": true,
    "192.0.2.8": false,
    "2001:db8::1": true,
    "2001:db8:bad::1": false,
    "2001:db9::1": false,
    "unix:": false,
  };
  for (let round = 0; round < 2; round += 1)
    for (const [address, verdict] of Object.entries(verdicts))
      assert.equal(gate.admits(address), verdict, address);
});

test("NetworkGate denies also who is allowed by a smaller network", () => {
  const gate = new NetworkGate({ allow: ["10.1.2.3"], deny: ["10.0.0.0/8"] });
  assert.equal(gate.admits("10.1.2.3"), false);
});

test("NetworkGate judges alike when it has forgotten what it remembered", () => {
  const gate = new NetworkGate({ allow: [], deny: ["10.0.0.0/16"] });
  for (let number = 0; number < 10_000; number += 1) {
    const tail = `${(number >> 8) & 255}.${number & 255}`;
    assert.equal(gate.admits(`10.0.${tail}`), false);
    assert.equal(gate.admits(`10.1.${tail}`), true);
  }
});

test("NetworkGate refuses what is no network", () => {
  assert.throws(
    () => new NetworkGate({ allow: ["example.org"], deny: [] }),
    RangeError,
  );
});
