import assert from "node:assert/strict";
import { SocketAddress } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { addressKey } from "./address-key.ts";

function words(address: string, bits = 64): readonly number[] | undefined {
  const key = addressKey(address, bits);
  return key && [...key].map((word) => word >>> 0);
}

test("addressKey() takes an IPv4 address whole, however it is written", () => {
  const key = [0, 0, 0xffff, 0xc0000201];
  assert.deepEqual(words("192.0.2.1"), key);
  assert.deepEqual(words("::ffff:192.0.2.1"), key);
  assert.deepEqual(words("::ffff:c000:201"), key);
  assert.deepEqual(words("255.255.255.255"), [0, 0, 0xffff, 0xffffffff]);
});

test("addressKey() takes as much of an IPv6 address as it is told", () => {
  const address = "2001:db8:1:2:3:4:5:6";
  assert.deepEqual(words(address), [0x20010db8, 0x10002, 0, 0]);
  assert.deepEqual(words(address, 48), [0x20010db8, 0x10000, 0, 0]);
  assert.deepEqual(words(address, 33), [0x20010db8, 0, 0, 0]);
  assert.deepEqual(words(address, 16), [0x20010000, 0, 0, 0]);
  assert.deepEqual(
    words(address, 128),
    [0x20010db8, 0x10002, 0x30004, 0x50006],
  );
  assert.deepEqual(words("fe80::1%eth0", 128), [0xfe800000, 0, 0, 1]);
  assert.deepEqual(words("::"), [0, 0, 0, 0]);
});

test("addressKey() has none for what is no IP address", () => {
  for (const text of ["", "unix:", "localhost", "1.2.3", "1.2.3.4.5", ":::"])
    assert.equal(addressKey(text, 64), undefined, text);
});

test("addressKey() reads every way to write an IPv6 address as the same", () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const { address } = new SocketAddress({
        address: text,
        family: "ipv6",
      });
      assert.deepEqual(words(text, 128), words(address, 128));
    }),
  );
});
