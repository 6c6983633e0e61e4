import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { httpDate } from "../http/index.ts";
import { CacheBench, context, request, stale, T0 } from "./cache.fixture.ts";

function stored(
  control: string,
  more: Readonly<Record<string, string>> = {},
): CacheBench {
  const bench = new CacheBench();
  const kept = bench.exchange({
    fields: { "Cache-Control": control, ETag: '"a"', ...more },
  });
  assert.equal(typeof kept, "object");
  return bench;
}

function get(fields: Readonly<Record<string, string>>) {
  return request("GET /", fields);
}

function varied(vary: string, asked: Readonly<Record<string, string>>) {
  const bench = new CacheBench();
  const fields = { "Cache-Control": "max-age=60", Vary: vary };
  bench.exchange({ fields }, get(asked));
  return bench;
}

const DOWN = context({ allTargetsDown: true });

describe("HttpCache.lookup()", () => {
  test("serves what is fresh, with its age in whole seconds (RFC 9111 §4, §5.1)", () => {
    const bench = stored("max-age=60");
    assert.equal(bench.ask(), "fresh 0");
    assert.equal(bench.after(59.999).ask(), "fresh 59");
    assert.equal(bench.after(0.001).ask(), "stale stale");
  });

  test("says how long a hit is fresh yet, and how long a stale answer is not (RFC 9211 §2.4)", () => {
    const bench = stored("max-age=60").after(1.5);
    const lookup = bench.lookup();
    assert.ok(lookup.kind === "hit");
    assert.equal(lookup.ttlS, 58);
    assert.equal(stale(bench.after(60).lookup()).ttlS, -2);
  });

  test("serves HEAD from the answer to GET (RFC 9111 §4)", () => {
    assert.equal(stored("max-age=60").ask(request("HEAD /")), "fresh 0");
  });

  test("keeps schemes, hosts, services and targets apart", () => {
    const bench = stored("max-age=60");
    assert.equal(bench.ask(request("GET /?")), "miss uri-miss");
    assert.equal(
      bench.ask(request(), context({ scheme: "https" })),
      "miss uri-miss",
    );
    assert.equal(bench.ask(request(), context({ host: "w" })), "miss uri-miss");
    assert.equal(
      bench.ask(request(), context({ service: "w" })),
      "miss uri-miss",
    );
    assert.equal(bench.ask(), "fresh 0");
  });

  test("takes an absolute target for the same URI (RFC 9112 §3.2.2)", () => {
    assert.equal(
      stored("max-age=60").ask(request("GET http://www/")),
      "fresh 0",
    );
  });

  test("takes no part where there is nothing for a cache to do", () => {
    const bench = stored("max-age=60");
    const off = context({ rules: { enabled: false } });
    assert.equal(bench.ask(request(), off), "bypass disabled");
    assert.equal(bench.ask(request("POST /")), "bypass method");
    assert.equal(
      bench.ask(get({ "Content-Length": "3" })),
      "bypass request-body",
    );
    assert.equal(
      bench.ask(get({ "If-Match": '"a"' })),
      "bypass request-precondition",
    );
    assert.equal(
      bench.ask(get({ "If-Unmodified-Since": httpDate(T0) })),
      "bypass request-precondition",
    );
    assert.equal(
      bench.ask(get({ Connection: "upgrade", Upgrade: "websocket" })),
      "bypass request-upgrade",
    );
  });

  test("never serves a guessed lifetime to a request with Cookie or Authorization", () => {
    const bench = new CacheBench();
    bench.exchange({ fields: { "Last-Modified": httpDate(T0) } });
    assert.equal(bench.ask(), "fresh 0");
    assert.equal(bench.ask(get({ Cookie: "a=1" })), "miss request-cookie");
    assert.equal(
      bench.ask(get({ Authorization: "Basic eA==" })),
      "miss request-authorization",
    );
  });

  test("serves a named lifetime to a request with Cookie", () => {
    assert.equal(stored("max-age=60").ask(get({ Cookie: "a=1" })), "fresh 0");
  });

  test("serves a request with Authorization only what is marked to be shared", () => {
    const asked = get({ Authorization: "Basic eA==" });
    assert.equal(stored("max-age=60").ask(asked), "miss request-authorization");
    assert.equal(stored("max-age=60, public").ask(asked), "fresh 0");
  });

  test("takes an answer from after a step back of the clock as stale", () => {
    const bench = stored("max-age=60");
    assert.equal(bench.after(-4).ask(), "fresh 0");
    assert.equal(bench.after(-10).ask(), "stale stale");
  });
});

describe("HttpCache.lookup() honours a request's", () => {
  test("no-cache (RFC 9111 §5.2.1.4)", () => {
    const asked = get({ "Cache-Control": "no-cache" });
    assert.equal(stored("max-age=60").ask(asked), "stale request-no-cache");
  });
  test("Pragma: no-cache where Cache-Control is missing (RFC 9111 §5.4)", () => {
    const bench = stored("max-age=60");
    assert.equal(
      bench.ask(get({ Pragma: "no-cache" })),
      "stale request-no-cache",
    );
    assert.equal(
      bench.ask(get({ Pragma: "no-cache", "Cache-Control": "max-age=9" })),
      "fresh 0",
    );
  });
  test("max-age (RFC 9111 §5.2.1.1)", () => {
    const bench = stored("max-age=60");
    assert.equal(
      bench.ask(get({ "Cache-Control": "max-age=0" })),
      "stale request-max-age",
    );
    bench.after(10);
    assert.equal(bench.ask(get({ "Cache-Control": "max-age=10" })), "fresh 10");
    assert.equal(
      bench.after(0.001).ask(get({ "Cache-Control": "max-age=10" })),
      "stale request-max-age",
    );
  });
  test("min-fresh (RFC 9111 §5.2.1.3)", () => {
    const bench = stored("max-age=60").after(50);
    assert.equal(
      bench.ask(get({ "Cache-Control": "min-fresh=10" })),
      "fresh 50",
    );
    assert.equal(
      bench.ask(get({ "Cache-Control": "min-fresh=11" })),
      "stale request-min-fresh",
    );
  });
  test("max-stale (RFC 9111 §5.2.1.2)", () => {
    const bench = stored("max-age=60").after(70);
    assert.equal(
      bench.ask(get({ "Cache-Control": "max-stale" })),
      "max-stale 70",
    );
    assert.equal(
      bench.ask(get({ "Cache-Control": "max-stale=10" })),
      "max-stale 70",
    );
    assert.equal(
      bench.ask(get({ "Cache-Control": "max-stale=9" })),
      "stale stale",
    );
    assert.equal(
      bench.ask(get({ "Cache-Control": "max-stale, max-age=65" })),
      "stale stale",
    );
  });
  test("max-stale, but not against the answer's ban (RFC 9111 §4.2.4)", () => {
    for (const control of [
      "max-age=60, must-revalidate",
      "max-age=60, proxy-revalidate",
      "s-maxage=60",
      "no-cache",
    ])
      assert.equal(
        stored(control)
          .after(70)
          .ask(get({ "Cache-Control": "max-stale" })),
        "stale stale",
        control,
      );
  });
  test("only-if-cached (RFC 9111 §5.2.1.7)", () => {
    const asked = get({ "Cache-Control": "only-if-cached" });
    const bench = stored("max-age=60");
    assert.equal(bench.ask(asked), "fresh 0");
    assert.equal(bench.after(60).ask(asked), "unsatisfiable only-if-cached");
    assert.equal(new CacheBench().ask(asked), "unsatisfiable only-if-cached");
  });
  test("no-store: nothing is stored, what is stored is served (RFC 9111 §5.2.1.5)", () => {
    const asked = get({ "Cache-Control": "no-store" });
    assert.equal(new CacheBench().ask(asked), "bypass request-no-store");
    assert.equal(stored("max-age=60").ask(asked), "fresh 0");
  });
});

describe("HttpCache.lookup() of a stale answer", () => {
  test("asks for validation with what the answer had (RFC 9111 §4.3.1)", () => {
    const bench = stored("max-age=60", { "Last-Modified": httpDate(T0) });
    assert.deepEqual(stale(bench.after(60).lookup()).validators, [
      "If-None-Match",
      '"a"',
      "If-Modified-Since",
      httpDate(T0),
    ]);
  });
  test("lets it be served meanwhile within stale-while-revalidate (RFC 5861 §3)", () => {
    const bench = stored("max-age=60, stale-while-revalidate=10");
    assert.equal(stale(bench.after(60).lookup()).serve, "now");
    assert.equal(stale(bench.after(10).lookup()).serve, "never");
  });
  test("validates first for a request's own wish, also within that window", () => {
    const bench = stored("max-age=60, stale-while-revalidate=10").after(60);
    const asked = get({ "Cache-Control": "no-cache" });
    assert.notEqual(stale(bench.lookup(asked)).serve, "now");
  });
  test("lets it be served on errors within stale-if-error (RFC 5861 §4)", () => {
    const bench = stored("max-age=60, stale-if-error=10");
    assert.equal(stale(bench.after(60).lookup()).serve, "on-error");
    assert.equal(stale(bench.after(10).lookup()).serve, "never");
  });
  test("gives no window beside must-revalidate (RFC 9111 §5.2.2.2)", () => {
    const bench = stored(
      "max-age=60, must-revalidate, stale-while-revalidate=9, stale-if-error=9",
    );
    assert.equal(stale(bench.after(60).lookup()).serve, "never");
  });
  test("serves it for a day while every target is down, and no longer (RFC 9111 §4.2.4)", () => {
    const bench = stored("max-age=60").after(60 + 86_399);
    assert.equal(bench.ask(), "stale stale");
    assert.equal(bench.ask(request(), DOWN), "disconnected 86459");
    assert.equal(bench.after(1).ask(request(), DOWN), "stale stale");
  });
  test("does not serve it then against the answer's ban (RFC 9111 §4.2.4)", () => {
    for (const control of [
      "max-age=60, must-revalidate",
      "s-maxage=60",
      "max-age=60, proxy-revalidate",
      "no-cache",
    ])
      assert.equal(
        stored(control).after(61).ask(request(), DOWN),
        "stale stale",
        control,
      );
  });
  test("gives a fresh answer to a reload while every target is down", () => {
    const asked = get({ "Cache-Control": "no-cache" });
    assert.equal(stored("max-age=60").ask(asked, DOWN), "disconnected 0");
  });
});

describe("HttpCache.lookup() by release", () => {
  test("accepts the current release only", () => {
    const bench = stored("max-age=60");
    const next = context({ currentRelease: "r2" });
    assert.equal(bench.ask(request(), next), "miss release-miss");
    assert.equal(bench.ask(), "fresh 0");
  });
  test("does not take an old target's late answer for new", () => {
    const bench = new CacheBench();
    const next = context({ currentRelease: "r2" });
    const fields = { "Cache-Control": "max-age=60" };
    bench.exchange({ fields, release: "r1" }, request(), next);
    assert.equal(bench.ask(request(), next), "miss release-miss");
  });
  test("lets the answer's own Zoogate-Release win", () => {
    const bench = new CacheBench();
    const fields = { "Cache-Control": "max-age=60", "Zoogate-Release": "r2" };
    bench.exchange({ fields, release: "r1" });
    assert.equal(bench.ask(), "miss release-miss");
    assert.equal(
      bench.ask(request(), context({ currentRelease: "r2" })),
      "fresh 0",
    );
  });
  test("keeps answers of two releases side by side, so that a rollback finds its own", () => {
    const bench = stored("max-age=60");
    const next = context({ currentRelease: "r2" });
    const fields = { "Cache-Control": "max-age=60" };
    bench.exchange({ fields, release: "r2" }, request(), next);
    assert.equal(bench.ask(request(), next), "fresh 0");
    assert.equal(bench.ask(), "fresh 0");
  });
});

describe("HttpCache.lookup() of an answer that varies (RFC 9111 §4.1)", () => {
  test("matches the selecting fields of the first request", () => {
    const bench = varied("Accept", { Accept: "text/html" });
    assert.equal(bench.ask(get({ Accept: "text/html" })), "fresh 0");
    assert.equal(bench.ask(get({ accept: "text/html", X: "1" })), "fresh 0");
    assert.equal(bench.ask(get({ Accept: "image/png" })), "miss vary-miss");
    assert.equal(bench.ask(), "miss vary-miss");
  });
  test("matches absence with absence", () => {
    const bench = varied("Accept, X-A", { Accept: "a" });
    assert.equal(bench.ask(get({ Accept: "a" })), "fresh 0");
    assert.equal(bench.ask(get({ Accept: "a", "X-A": "" })), "miss vary-miss");
  });
  test("does not mind blanks around commas, nor the case of codings", () => {
    const bench = varied("Accept-Encoding", { "Accept-Encoding": "gzip, br" });
    assert.equal(bench.ask(get({ "Accept-Encoding": "GZIP,br" })), "fresh 0");
    assert.equal(
      bench.ask(get({ "Accept-Encoding": "br, gzip" })),
      "miss vary-miss",
    );
  });
  test("keeps several side by side, up to the bound; the oldest leaves", () => {
    const bench = new CacheBench({ maxVariants: 3 });
    const fields = { "Cache-Control": "max-age=60", Vary: "X" };
    for (const x of ["a", "b", "c", "d"])
      bench.exchange({ fields }, get({ X: x }));
    const asked = ["a", "b", "c", "d"].map((x) => bench.ask(get({ X: x })));
    assert.deepEqual(asked, [
      "miss vary-miss",
      "fresh 0",
      "fresh 0",
      "fresh 0",
    ]);
    assert.equal(bench.cache.stats().entries, 3);
  });
  test("replaces the answer of the same selecting fields", () => {
    const bench = varied("X", { X: "a" });
    const fields = { "Cache-Control": "max-age=60", Vary: "X" };
    bench.after(61).exchange({ fields }, get({ X: "a" }));
    assert.equal(bench.cache.stats().entries, 1);
    assert.equal(bench.ask(get({ X: "a" })), "fresh 0");
  });
  test("replaces all of a key by an answer that no longer varies", () => {
    const bench = varied("X", { X: "a" });
    bench.exchange({ fields: { "Cache-Control": "max-age=60" } });
    assert.equal(bench.cache.stats().entries, 1);
    assert.equal(bench.ask(get({ X: "z" })), "fresh 0");
  });
});
