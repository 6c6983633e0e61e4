import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type HashSeed, KeyHasher } from "./key-hash.ts";

function hashed(key: string, seed: HashSeed = [1, 2]): string {
  const hasher = new KeyHasher(seed);
  hasher.hash(key);
  return `${hasher.low} ${hasher.high}`;
}

describe("KeyHasher", () => {
  test("gives one hash to one key, whatever was hashed before", () => {
    const hasher = new KeyHasher([1, 2]);
    for (const key of ["", "a", "www http://www/a?b", ""]) {
      hasher.hash("another");
      hasher.hash(key);
      assert.equal(`${hasher.low} ${hasher.high}`, hashed(key));
    }
  });

  test("tells keys apart that differ in one character, in length, or in order", () => {
    const keys = Array.from(
      { length: 20_000 },
      (_, i) => `www http://www/${i}`,
    );
    keys.push("a", "aa", "aaa", "aaaa", "aaaaa", "\0", "\0\0", "ab", "ba");
    assert.equal(new Set(keys.map((key) => hashed(key))).size, keys.length);
  });

  test("spreads similar keys evenly", () => {
    const hasher = new KeyHasher([3, 4]);
    const counts = new Int32Array(256);
    for (let i = 0; i < 25_600; i++) {
      hasher.hash(`/assets/page-${i}.html`);
      counts[hasher.low & 255] = (counts[hasher.low & 255] ?? 0) + 1;
    }
    // 100 on average, 10 the standard deviation.
    for (const count of counts)
      assert.ok(count > 40 && count < 160, String(count));
  });

  test("depends on its key: who does not know it cannot aim", () => {
    assert.notEqual(hashed("/a", [1, 2]), hashed("/a", [1, 3]));
    assert.notEqual(hashed("/a", [1, 2]), hashed("/a", [0, 2]));
  });
});
