import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { httpDate } from "../http/index.ts";
import { request, T0 } from "./cache.fixture.ts";
import { evaluateConditional, type Evaluation } from "./conditional.ts";

const MODIFIED_MS = T0 - 10_000;
const MODIFIED = httpDate(MODIFIED_MS);
const EARLIER = httpDate(MODIFIED_MS - 1000);

const stored = {
  status: 200,
  etag: '"a"',
  lastModifiedMs: MODIFIED_MS,
  dateMs: T0,
  body: Buffer.from("0123456789"),
};

function evaluate(
  fields: Readonly<Record<string, string>>,
  changes: Partial<Parameters<typeof evaluateConditional>[1]> = {},
  line = "GET /",
): Evaluation {
  return evaluateConditional(request(line, fields), { ...stored, ...changes });
}

describe("evaluateConditional()", () => {
  test("compares If-None-Match weakly (RFC 9110 §13.1.2)", () => {
    assert.equal(evaluate({ "If-None-Match": '"b", W/"a"' }), "not-modified");
    assert.equal(
      evaluate({ "If-None-Match": '"a"' }, { etag: 'W/"a"' }),
      "not-modified",
    );
    assert.equal(evaluate({ "If-None-Match": "*" }), "not-modified");
    assert.equal(evaluate({ "If-None-Match": '"b"' }), "full");
    assert.equal(
      evaluate({ "If-None-Match": '"a"' }, { etag: undefined }),
      "full",
    );
  });
  test("ignores If-Modified-Since beside If-None-Match (RFC 9110 §13.1.3)", () =>
    assert.equal(
      evaluate({ "If-None-Match": '"b"', "If-Modified-Since": MODIFIED }),
      "full",
    ));
  test("compares If-Modified-Since with Last-Modified", () => {
    assert.equal(evaluate({ "If-Modified-Since": MODIFIED }), "not-modified");
    assert.equal(evaluate({ "If-Modified-Since": EARLIER }), "full");
    assert.equal(evaluate({ "If-Modified-Since": "yesterday" }), "full");
  });
  test("compares If-Modified-Since with Date where there is no Last-Modified (RFC 9111 §4.3.2)", () => {
    const without = { lastModifiedMs: undefined };
    assert.equal(evaluate({ "If-Modified-Since": MODIFIED }, without), "full");
    assert.equal(
      evaluate({ "If-Modified-Since": httpDate(T0) }, without),
      "not-modified",
    );
  });
  test("compares If-Match strongly and first (RFC 9110 §13.1.1, §13.2.2)", () => {
    assert.equal(evaluate({ "If-Match": '"a"' }), "full");
    assert.equal(evaluate({ "If-Match": "*" }), "full");
    assert.equal(evaluate({ "If-Match": 'W/"a"' }), "precondition-failed");
    assert.equal(
      evaluate({ "If-Match": '"b"', "If-None-Match": '"a"' }),
      "precondition-failed",
    );
  });
  test("compares If-Unmodified-Since where there is no If-Match (RFC 9110 §13.1.4)", () => {
    assert.equal(
      evaluate({ "If-Unmodified-Since": EARLIER }),
      "precondition-failed",
    );
    assert.equal(evaluate({ "If-Unmodified-Since": MODIFIED }), "full");
    assert.equal(
      evaluate({ "If-Match": '"a"', "If-Unmodified-Since": EARLIER }),
      "full",
    );
  });
  test("evaluates nothing for an answer that is not 200 (RFC 9110 §13.2.1)", () =>
    assert.equal(
      evaluate({ "If-None-Match": '"a"', Range: "bytes=0-1" }, { status: 404 }),
      "full",
    ));
  test("cuts one range, its end excluded (RFC 9110 §14.2)", () => {
    for (const [range, start, end] of [
      ["bytes=0-0", 0, 1],
      ["bytes=2-5", 2, 6],
      ["bytes=2-", 2, 10],
      ["bytes=-3", 7, 10],
      ["bytes=-30", 0, 10],
      ["bytes=9-99", 9, 10],
    ] as const)
      assert.deepEqual(evaluate({ Range: range }), {
        kind: "range",
        start,
        end,
      });
  });
  test("says when no range can be satisfied (RFC 9110 §15.5.17)", () => {
    assert.equal(evaluate({ Range: "bytes=10-" }), "range-not-satisfiable");
    assert.equal(evaluate({ Range: "bytes=-0" }), "range-not-satisfiable");
  });
  test("gives the whole for several ranges, other units and HEAD (RFC 9110 §14.2)", () => {
    assert.equal(evaluate({ Range: "bytes=0-1,4-5" }), "full");
    assert.equal(evaluate({ Range: "lines=0-1" }), "full");
    assert.equal(evaluate({ Range: "bytes=5-2" }), "full");
    assert.equal(evaluate({ Range: "bytes=0-1" }, {}, "HEAD /"), "full");
  });
  test("answers 304 before it looks at the range (RFC 9110 §13.2.2)", () =>
    assert.equal(
      evaluate({ "If-None-Match": '"a"', Range: "bytes=0-1" }),
      "not-modified",
    ));
  test("cuts a range only for a strong If-Range (RFC 9110 §13.1.5)", () => {
    const cut = { kind: "range", start: 0, end: 2 };
    const range = { Range: "bytes=0-1" };
    assert.deepEqual(evaluate({ ...range, "If-Range": '"a"' }), cut);
    assert.equal(evaluate({ ...range, "If-Range": 'W/"a"' }), "full");
    assert.equal(evaluate({ ...range, "If-Range": '"b"' }), "full");
    assert.deepEqual(evaluate({ ...range, "If-Range": MODIFIED }), cut);
    assert.equal(evaluate({ ...range, "If-Range": EARLIER }), "full");
    assert.equal(evaluate({ ...range, "If-Range": "nonsense" }), "full");
  });
  test("takes a date as strong only a second after it (RFC 9110 §8.8.2.2)", () =>
    assert.equal(
      evaluate(
        { Range: "bytes=0-1", "If-Range": MODIFIED },
        { dateMs: MODIFIED_MS },
      ),
      "full",
    ));
});
