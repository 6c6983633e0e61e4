import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { AcceptedCodings } from "./index.ts";

const OFFERED = ["zstd", "br", "gzip"] as const;

/** Value, and what is chosen of the above. */
const cases: readonly (readonly [string | undefined, string | undefined])[] = [
  [undefined, undefined],
  ["", undefined],
  ["gzip, deflate, br, zstd", "zstd"],
  ["gzip, deflate, br", "br"],
  ["gzip", "gzip"],
  ["GZip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", undefined],
  ["*", "zstd"],
  ["*;q=0", undefined],
  ["gzip, *;q=0", "gzip"],
  ["zstd;q=0, *", "br"],
  ["br;q=0.1, gzip;q=0.9", "gzip"],
  ["br;q=0.5, gzip;q=0.5", "br"],
  ["gzip;q=0", undefined],
  ["gzip;q=0.000", undefined],
  ["gzip;q=0.001", "gzip"],
  ["gzip;q=1.000", "gzip"],
  ["gzip ; q=0.5", "gzip"],
  ["gzip;Q=0.5", "gzip"],
  ["gzip, br;q=0.3, identity", "gzip"],
  ["br;q=0.3, identity", undefined],
  ["br;q=0.3, identity;q=0.3", "br"],
  ["identity;q=0", undefined],
  ["identity;q=0, gzip;q=0.1", "gzip"],
  [" , gzip,, ", "gzip"],
  // Written badly: not acceptable.
  ["gzip;q=1.1", undefined],
  ["gzip;q=-1", undefined],
  ["gzip;q=0.1234", undefined],
  ["gzip;q=", undefined],
  ["gzip;q", undefined],
  ["gzip;level=9", undefined],
  ["gzip;q=1;q=0", undefined],
  ["gzip br", undefined],
  ["gzip, gzip;q=0", undefined],
];

describe("AcceptedCodings.choose()", () => {
  for (const [value, expected] of cases)
    it(`reads ${JSON.stringify(value)} (RFC 9110 section 12.5.3)`, () => {
      assert.equal(new AcceptedCodings(value).choose(OFFERED), expected);
    });

  it("never chooses what the client has excluded, nor what it likes less", () => {
    const coding = fc.constantFrom("zstd", "br", "gzip", "identity", "deflate");
    const wish = fc.tuple(coding, fc.integer({ min: 0, max: 1000 }));
    fc.assert(
      fc.property(
        fc.uniqueArray(wish, { selector: ([name]) => name }),
        (list) => {
          const value = list
            .map(([name, weight]) => `${name};q=${(weight / 1000).toFixed(3)}`)
            .join(", ");
          const chosen = new AcceptedCodings(value).choose(OFFERED);
          const weights = new Map<string, number>(list);
          const weightOf = (name: string) => weights.get(name) ?? 0;
          const most = Math.max(...OFFERED.map(weightOf));
          if (chosen === undefined)
            assert.ok(most === 0 || weightOf("identity") > most);
          else {
            assert.equal(weightOf(chosen), most);
            assert.ok(most > 0 && weightOf("identity") <= most);
          }
        },
      ),
    );
  });

  it("takes any bytes, and looks at 32 elements", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (value) => {
        new AcceptedCodings(value).choose(OFFERED);
      }),
    );
    const many = (count: number) => `${"x,".repeat(count)}gzip`;
    assert.equal(new AcceptedCodings(many(31)).choose(OFFERED), "gzip");
    assert.equal(new AcceptedCodings(many(32)).choose(OFFERED), undefined);
  });
});
