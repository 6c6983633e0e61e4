import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { httpDate } from "../http/index.ts";
import {
  CacheBench,
  context,
  fieldList,
  request,
  stale,
  T0,
} from "./cache.fixture.ts";

const FIELDS = {
  "Cache-Control": "max-age=60",
  ETag: '"a"',
  "Content-Type": "text/html",
  "X-Old": "1",
};

function expired(
  fields: Readonly<Record<string, string>> = FIELDS,
): CacheBench {
  const bench = new CacheBench();
  bench.exchange({ fields, body: "whole" });
  return bench.after(61);
}

describe("Fill.notModified()", () => {
  test("refreshes what is stored with the fields of the 304 (RFC 9111 §4.3.4, §3.2)", () => {
    const bench = expired();
    const entry = bench.begin().notModified(
      fieldList({
        ETag: '"a"',
        "Cache-Control": "max-age=90",
        "X-New": ["1", "2"],
      }),
      "r1",
      bench.nowMs,
    );
    assert.ok(entry !== undefined);
    assert.equal(entry.body.toString(), "whole");
    assert.deepEqual(entry.fields, [
      "Content-Type",
      "text/html",
      "X-Old",
      "1",
      "ETag",
      '"a"',
      "Cache-Control",
      "max-age=90",
      "X-New",
      "1",
      "X-New",
      "2",
      "Date",
      httpDate(bench.nowMs),
    ]);
    assert.equal(bench.after(89).ask(), "fresh 89");
    assert.deepEqual(
      [bench.cache.stats().revalidated, bench.cache.stats().entries],
      [1, 1],
    );
  });

  test("leaves the fields that describe the stored body (RFC 9111 §3.2)", () => {
    const bench = expired();
    const entry = bench.begin().notModified(
      fieldList({
        "Content-Type": "x/y",
        "Content-Length": "0",
        "Content-Encoding": "br",
      }),
      "r1",
      bench.nowMs,
    );
    assert.equal(entry?.fields.includes("text/html"), true);
    assert.equal(entry?.fields.includes("Content-Encoding"), false);
  });

  test("keeps to the targeted lifetime, which is not among the fields", () => {
    const bench = expired({
      "Zoogate-Cache-Control": "max-age=60",
      ETag: '"a"',
    });
    bench.begin().notModified(fieldList({ ETag: '"a"' }), "r1", bench.nowMs);
    assert.equal(bench.after(59).ask(), "fresh 59");
  });

  test("counts the age of the 304", () => {
    const bench = expired();
    bench.begin().notModified(fieldList({ Age: "20" }), "r1", bench.nowMs);
    assert.equal(bench.ask(), "fresh 20");
  });

  test("serves once and drops what the 304 forbids to store", () => {
    const bench = expired();
    const entry = bench
      .begin()
      .notModified(
        fieldList({ "Cache-Control": "no-store" }),
        "r1",
        bench.nowMs,
      );
    assert.equal(entry?.body.toString(), "whole");
    assert.equal(bench.ask(), "miss uri-miss");
  });

  test("refuses a 304 about another representation (RFC 9111 §4.3.4)", () => {
    for (const other of [{ ETag: '"b"' }, { ETag: 'W/"b"' }]) {
      const bench = expired();
      const fill = bench.begin();
      assert.equal(
        fill.notModified(fieldList(other), "r1", bench.nowMs),
        undefined,
      );
      assert.equal(bench.ask(), "stale stale");
    }
  });

  test("refuses a 304 from a target of another release", () => {
    const bench = expired();
    const fill = bench.begin();
    assert.equal(
      fill.notModified(fieldList({ ETag: '"a"' }), "r2", bench.nowMs),
      undefined,
    );
    assert.equal(bench.cache.stats().fillsInFlight, 0);
  });

  test("answers what to serve, but stores nothing, when a purge came between", () => {
    const bench = expired();
    const fill = bench.begin();
    bench.cache.purge({ kind: "service", service: "www" });
    const entry = fill.notModified(
      fieldList({ ETag: '"a"' }),
      "r1",
      bench.nowMs,
    );
    assert.equal(entry?.body.toString(), "whole");
    assert.equal(bench.ask(), "miss uri-miss");
  });
});

describe("Fill.head() of a HEAD request (RFC 9111 §4.3.5)", () => {
  test("refreshes what is stored when nothing has changed", () => {
    const bench = expired();
    const head = request("HEAD /");
    bench
      .begin(head)
      .head(
        200,
        fieldList({ ...FIELDS, "Content-Length": "5" }),
        "r1",
        bench.nowMs,
      );
    assert.equal(bench.ask(), "fresh 0");
  });
  test("removes what is stored when the length or the validator differs", () => {
    for (const change of [{ ETag: '"b"' }, { "Content-Length": "6" }]) {
      const bench = expired();
      bench
        .begin(request("HEAD /"))
        .head(200, fieldList({ ...FIELDS, ...change }), "r1", bench.nowMs);
      assert.equal(bench.ask(), "miss uri-miss");
    }
  });
  test("is not begun where nothing is stored", () => {
    const bench = new CacheBench();
    const asked = request("HEAD /");
    const lookup = bench.lookup(asked);
    assert.ok(lookup.kind === "miss");
    assert.equal(bench.cache.beginFill(asked, context(), lookup), undefined);
  });
});

describe("HttpCache.lookup() says which conditions to send", () => {
  const conditional = { "If-None-Match": '"c"' };
  test("none on a miss, so that the whole answer comes", () => {
    const lookup = new CacheBench().lookup(request("GET /", conditional));
    assert.ok(lookup.kind === "miss");
    assert.deepEqual(lookup.validators, []);
  });
  test("the client's own with a range, and with HEAD", () => {
    for (const asked of [
      request("GET /", { ...conditional, Range: "bytes=0-1" }),
      request("HEAD /", conditional),
    ]) {
      const lookup = new CacheBench().lookup(asked);
      assert.ok(lookup.kind === "miss");
      assert.equal(lookup.validators, undefined);
    }
  });
  test("the client's own where the last answer could not be stored", () => {
    const bench = new CacheBench();
    const asked = request("GET /", conditional);
    bench.exchange({ fields: { "Cache-Control": "no-store" } }, asked);
    const lookup = bench.after(1).lookup(asked);
    assert.ok(lookup.kind === "miss");
    assert.equal(lookup.validators, undefined);
    const later = bench.after(10).lookup(asked);
    assert.ok(later.kind === "miss");
    assert.deepEqual(later.validators, []);
  });
  test("those of the stored answer, not the client's, when it is stale", () => {
    const lookup = stale(expired().lookup(request("GET /", conditional)));
    assert.deepEqual(lookup.validators, ["If-None-Match", '"a"']);
    assert.equal(lookup.atMs, T0 + 61_000);
  });
});
