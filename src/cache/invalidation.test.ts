import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { CacheBench, context, fieldList, request } from "./cache.fixture.ts";

const FRESH = { "Cache-Control": "max-age=60" };

function stored(...targets: readonly string[]): CacheBench {
  const bench = new CacheBench();
  for (const target of targets)
    bench.exchange({ fields: FRESH }, request(`GET ${target}`));
  return bench;
}

function left(bench: CacheBench, ...targets: readonly string[]): string {
  return targets
    .filter((target) => bench.ask(request(`GET ${target}`)).startsWith("fresh"))
    .join(" ");
}

describe("HttpCache.afterUnsafe() (RFC 9111 §4.4)", () => {
  test("removes the target of an unsafe method that did not fail", () => {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "X-UNKNOWN"]) {
      const bench = stored("/a?b", "/a");
      bench.cache.afterUnsafe(request(`${method} /a?b`), context(), {
        status: 303,
        fields: [],
      });
      assert.equal(left(bench, "/a?b", "/a"), "/a", method);
      assert.equal(bench.cache.stats().invalidated, 1);
    }
  });
  test("leaves everything after a safe method or a failure", () => {
    const bench = stored("/a");
    for (const [line, status] of [
      ["GET /a", 200],
      ["HEAD /a", 200],
      ["OPTIONS /a", 200],
      ["POST /a", 404],
      ["POST /a", 500],
    ] as const)
      bench.cache.afterUnsafe(request(line), context(), { status, fields: [] });
    assert.equal(left(bench, "/a"), "/a");
  });
  test("removes what Location and Content-Location name on the same origin only", () => {
    const bench = stored("/a", "/b", "/c", "/d");
    bench.cache.afterUnsafe(request("POST /a"), context(), {
      status: 201,
      fields: fieldList({
        Location: "http://www/b",
        "Content-Location": ["c", "http://other/d", "http://["],
      }),
    });
    assert.equal(left(bench, "/a", "/b", "/c", "/d"), "/d");
  });
  test("removes it under every release, scheme and variant", () => {
    const bench = stored("/a");
    const https = context({ scheme: "https" });
    const next = context({ currentRelease: "r2" });
    bench.exchange({ fields: FRESH }, request("GET /a"), https);
    bench.exchange({ fields: FRESH, release: "r2" }, request("GET /a"), next);
    bench.cache.afterUnsafe(request("PUT /a"), context(), {
      status: 204,
      fields: [],
    });
    assert.equal(bench.cache.stats().entries, 0);
  });
});

describe("HttpCache.purge()", () => {
  test("removes one URL", () => {
    const bench = stored("/a", "/a?b", "/ab");
    assert.equal(
      bench.cache.purge({
        kind: "url",
        service: "www",
        host: "www",
        target: "/a",
      }),
      1,
    );
    assert.equal(left(bench, "/a", "/a?b", "/ab"), "/a?b /ab");
  });
  test("removes what begins with a prefix, on one host or on all", () => {
    const bench = stored("/a/1", "/a/2", "/b");
    bench.exchange(
      { fields: FRESH },
      request("GET /a/1"),
      context({ host: "x" }),
    );
    const purge = { kind: "prefix", service: "www", prefix: "/a/" } as const;
    assert.equal(bench.cache.purge({ ...purge, host: "www" }), 2);
    assert.equal(bench.cache.purge(purge), 1);
    assert.equal(left(bench, "/a/1", "/b"), "/b");
  });
  test("removes what carries a tag", () => {
    const bench = stored("/a");
    bench.exchange(
      { fields: { ...FRESH, "Cache-Tag": "one, two" } },
      request("GET /b"),
    );
    bench.exchange(
      { fields: { ...FRESH, "Surrogate-Key": "two three" } },
      request("GET /c"),
    );
    const purge = { kind: "tag", service: "www" } as const;
    assert.equal(bench.cache.purge({ ...purge, tag: "thr" }), 0);
    assert.equal(bench.cache.purge({ ...purge, tag: "three" }), 1);
    assert.equal(bench.cache.purge({ ...purge, tag: "two" }), 1);
    assert.equal(left(bench, "/a", "/b", "/c"), "/a");
  });
  test("removes a service, and not one whose name begins like it", () => {
    const bench = stored("/a");
    bench.exchange(
      { fields: FRESH },
      request("GET /a"),
      context({ service: "www-2" }),
    );
    assert.equal(bench.cache.purge({ kind: "service", service: "www" }), 1);
    assert.equal(bench.cache.stats().entries, 1);
    assert.equal(bench.cache.stats().purged, 1);
  });
});

test("HttpCache.clear() removes everything of one service, or everything", () => {
  const bench = stored("/a", "/b");
  bench.exchange(
    { fields: FRESH },
    request("GET /a"),
    context({ service: "other" }),
  );
  bench.cache.clear("www");
  assert.equal(bench.cache.stats().entries, 1);
  bench.cache.clear();
  assert.deepEqual(
    [bench.cache.stats().entries, bench.cache.stats().bytes],
    [0, 0],
  );
});
