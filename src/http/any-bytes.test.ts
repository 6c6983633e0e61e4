import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  ChunkedReader,
  composeRequestHead,
  connectionOptions,
  DEFAULT_HEAD_LIMITS,
  findHeadEnd,
  hasDotSegment,
  listTokens,
  nodeAddress,
  parseAuthority,
  parseCacheControl,
  parseContentRange,
  parseEntityTag,
  parseEntityTags,
  parseForwarded,
  parseForwardedFor,
  parseHttpDate,
  parseRange,
  parseRequestHead,
  parseResponseHead,
  parseSfDictionary,
  parseTargetedCacheControl,
  parseVary,
  splitList,
  unquote,
  type WireFault,
  WIRE_FAULTS,
  wireFaultRule,
} from "./index.ts";

const latin1 = fc
  .uint8Array({ maxLength: 60 })
  .map((bytes) => Buffer.from(bytes).toString("latin1"));
/** Text rich in what has a meaning in field values. */
const nearlyValue = fc
  .array(
    fc.constantFrom(
      ...'"|\\|,|;|=|a|1| |\t|-|*|/|:|W/|bytes|[|]|.|max-age|(|)|?1|%|@'.split(
        "|",
      ),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(""));

const READERS: readonly ((text: string) => unknown)[] = [
  hasDotSegment,
  listTokens,
  nodeAddress,
  parseAuthority,
  parseCacheControl,
  parseContentRange,
  parseEntityTag,
  parseEntityTags,
  parseForwarded,
  parseForwardedFor,
  (text) => parseHttpDate(text, 0),
  parseRange,
  parseSfDictionary,
  parseTargetedCacheControl,
  parseVary,
  splitList,
  unquote,
  (text) => connectionOptions(["Connection", text]),
  (text) =>
    composeRequestHead({ method: text, target: text, fields: [text, text] }),
];

describe("every reader of a peer's text", () => {
  it("answers without throwing, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(latin1, nearlyValue), (text) => {
        for (const read of READERS) read(text);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("every reader of a peer's bytes", () => {
  it("answers without throwing, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (array) => {
        const bytes = Buffer.from(array);
        const { length } = bytes;
        parseRequestHead(bytes, 0, length, DEFAULT_HEAD_LIMITS);
        parseResponseHead(bytes, 0, length, DEFAULT_HEAD_LIMITS, "GET");
        new ChunkedReader().follow(bytes, 0, length);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("findHeadEnd()", () => {
  it("finds the first empty line, as a plain search does", () => {
    const text = fc
      .array(fc.constantFrom("\r", "\n", "\r\n", "a"), { maxLength: 24 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, fc.nat(5), (rest, from) => {
        const bytes = Buffer.from(`\r\n\r\n?${rest}\r\n\r\n`, "latin1");
        const to = bytes.length - 4;
        const found = bytes.subarray(0, to).indexOf("\r\n\r\n", from);
        assert.equal(findHeadEnd(bytes, from, to), found < 0 ? -1 : found + 4);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("wireFaultRule()", () => {
  it("blames who sent the bytes", () => {
    // Object.keys() forgets what it was given.
    for (const code of Object.keys(WIRE_FAULTS) as WireFault[]) {
      const rule = wireFaultRule(code, "client");
      assert.equal(rule.blame, "client");
      assert.ok(rule.status >= 400 && rule.status < 600);
      assert.deepEqual(wireFaultRule(code, "upstream"), {
        status: 502,
        blame: "upstream",
        retry: "idempotent",
      });
    }
  });
});
