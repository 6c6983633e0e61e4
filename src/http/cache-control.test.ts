import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  type CacheControl,
  NO_CACHE_CONTROL,
  parseCacheControl,
  parseTargetedCacheControl,
} from "./index.ts";

const cases: readonly (readonly [string, Partial<CacheControl>])[] = [
  ["", {}],
  ["public, max-age=120", { public: true, maxAgeS: 120 }],
  ["Max-Age=1,S-MaxAge=2", { maxAgeS: 1, sMaxAgeS: 2 }],
  ['max-age="60"', { maxAgeS: 60 }],
  ["no-store", { noStore: true }],
  ["no-cache", { noCache: true }],
  ['no-cache="Set-Cookie, X"', { noCache: ["set-cookie", "x"] }],
  ['private="X-User"', { private: ["x-user"] }],
  ['private="A", private="B"', { private: ["a", "b"] }],
  ['private="A", private', { private: true }],
  [
    "must-revalidate, proxy-revalidate",
    { mustRevalidate: true, proxyRevalidate: true },
  ],
  [
    "must-understand, no-transform, immutable",
    { mustUnderstand: true, noTransform: true, immutable: true },
  ],
  ["only-if-cached", { onlyIfCached: true }],
  ["max-stale", { maxStaleS: Infinity }],
  ["max-stale=5, min-fresh=6", { maxStaleS: 5, minFreshS: 6 }],
  [
    "stale-while-revalidate=7, stale-if-error=8",
    { staleWhileRevalidateS: 7, staleIfErrorS: 8 },
  ],
  ["foo, bar=baz, max-age=3", { maxAgeS: 3 }],
  ['x="private; no-store", x-private, max-age=3', { maxAgeS: 3 }],
  [" , ,max-age=3, ", { maxAgeS: 3 }],
];

/** Malformed ones, and the stricter reading of each. */
const malformed: readonly (readonly [string, Partial<CacheControl>])[] = [
  ["no-store=1", { noStore: true }],
  ["no-cache=x", { noCache: ["x"] }],
  ["private=", { private: true }],
  ['private="', { private: true, maxAgeS: 0, sMaxAgeS: 0 }],
  [
    'private="a, max-age=10, public',
    { private: true, maxAgeS: 0, sMaxAgeS: 0 },
  ],
  ['x="y, no-store, max-age=10', { noStore: true, maxAgeS: 0, sMaxAgeS: 0 }],
  ["private = x", { private: true }],
  ["private; x", { private: true }],
  ["PRIVATE;max-age=60", { private: true, maxAgeS: 0 }],
  ["max-age=60; private", { private: true, maxAgeS: 0 }],
  ["public; no-store", { noStore: true }],
  ["x no-cache", { noCache: true }],
  ["no-cache x", { noCache: true }],
  ['no-cache="a"b', { noCache: true }],
  ['community="UCI" private', { private: true }],
  [
    "must-revalidate/proxy-revalidate",
    { mustRevalidate: true, proxyRevalidate: true },
  ],
  ["no-transform;q=1", { noTransform: true }],
  ["no-store, must-understand;x", { noStore: true }],
  ["no-store, must-understand=1", { noStore: true }],
  ["immutable; x", {}],
  ["stale-while-revalidate; 5", { staleWhileRevalidateS: 0 }],
  ["public=1", {}],
  ["immutable=1", {}],
  ["max-age", { maxAgeS: 0 }],
  ["max-age=", { maxAgeS: 0 }],
  ["max-age=abc", { maxAgeS: 0 }],
  ["max-age=-1", { maxAgeS: 0 }],
  ["max-age=1.5", { maxAgeS: 0 }],
  ["max-age = 60", { maxAgeS: 0 }],
  ["max-age=60, max-age=10", { maxAgeS: 10 }],
  ["max-age=60, max-age=x", { maxAgeS: 0 }],
  ["max-age=99999999999999999999", { maxAgeS: 2_147_483_648 }],
  ["stale-while-revalidate=x", { staleWhileRevalidateS: 0 }],
  ["stale-if-error", { staleIfErrorS: 0 }],
  ["max-stale=x", { maxStaleS: 0 }],
  ["min-fresh=x", { minFreshS: 2_147_483_648 }],
];

describe("parseCacheControl()", () => {
  for (const [value, expected] of cases)
    it(`reads "${value}" (RFC 9111 section 5.2)`, () => {
      assert.deepEqual(parseCacheControl(value), {
        ...NO_CACHE_CONTROL,
        ...expected,
      });
    });

  for (const [value, expected] of malformed)
    it(`reads "${value}" in the stricter sense (RFC 9111 section 4.2.1)`, () => {
      assert.deepEqual(parseCacheControl(value), {
        ...NO_CACHE_CONTROL,
        ...expected,
      });
    });

  it("never becomes more permissive by what is added, and never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (rest) => {
        const control = parseCacheControl(
          `no-store, private, max-age=5, ${rest}`,
        );
        assert.equal(control.noStore, true);
        assert.equal(control.private, true);
        assert.ok((control.maxAgeS ?? Infinity) <= 5);
      }),
    );
  });
});

describe("parseCacheControl() on what stands around a word that forbids", () => {
  it("never lets it be overlooked (RFC 9111 section 4.2.1)", () => {
    const separator = fc.constantFrom(
      ";",
      " ",
      "\t",
      "/",
      "=",
      "(",
      "; x=",
      "\u0080",
    );
    const word = fc.constantFrom("no-store", "private", "no-cache");
    fc.assert(
      fc.property(word, separator, fc.string(), (name, between, rest) => {
        const plain = rest.replaceAll('"', "");
        for (const value of [
          `${name}${between}${plain}`,
          `x ${between} ${name}`,
        ]) {
          const control = parseCacheControl(value);
          const { noStore, private: isPrivate, noCache } = control;
          assert.ok(noStore || isPrivate !== false || noCache !== false, value);
        }
      }),
    );
  });
});

describe("parseTargetedCacheControl()", () => {
  it("reads a structured dictionary (RFC 9213 section 2.1)", () => {
    assert.deepEqual(
      parseTargetedCacheControl("max-age=60, public, private;x=1"),
      {
        ...NO_CACHE_CONTROL,
        maxAgeS: 60,
        public: true,
        private: true,
      },
    );
  });

  it("ignores a field that is empty or does not parse", () => {
    for (const value of [
      "",
      " ",
      "max-age=60,",
      "Max-Age=60",
      "max-age=60 public",
      'private="',
      "max-age=1.2.3",
      "a=(1",
    ])
      assert.equal(parseTargetedCacheControl(value), undefined, value);
  });

  it("lets the last of equal keys count, and a false one count as absent", () => {
    assert.equal(
      parseTargetedCacheControl("max-age=60, max-age=5")?.maxAgeS,
      5,
    );
    assert.equal(
      parseTargetedCacheControl("no-store=?0, max-age=5")?.noStore,
      false,
    );
  });

  it("takes a value of the wrong type in the stricter sense", () => {
    assert.equal(parseTargetedCacheControl("max-age=1.5")?.maxAgeS, 0);
    assert.equal(parseTargetedCacheControl("max-age=-5")?.maxAgeS, 0);
    assert.equal(parseTargetedCacheControl("max-age=(1 2)")?.maxAgeS, 0);
    assert.equal(parseTargetedCacheControl("public=1")?.public, false);
    assert.equal(parseTargetedCacheControl("private=1.5")?.private, true);
  });
});
