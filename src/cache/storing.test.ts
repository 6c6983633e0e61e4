import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { httpDate } from "../http/index.ts";
import { CacheBench, context, request, SECOND, T0 } from "./cache.fixture.ts";

const MODIFIED = httpDate(T0 - 3600 * SECOND);

function outcome(
  fields: Readonly<Record<string, string | readonly string[]>>,
  options: {
    readonly status?: number;
    readonly asked?: Readonly<Record<string, string>>;
    readonly rules?: Parameters<typeof context>[0];
  } = {},
): string {
  const stored = new CacheBench().exchange(
    { fields, ...(options.status && { status: options.status }) },
    request("GET /", options.asked),
    context(options.rules),
  );
  return typeof stored === "string"
    ? stored
    : stored.freshUntilMs === 0
      ? "to validate"
      : `fresh ${(stored.freshUntilMs - T0) / SECOND}`;
}

describe("decideStorage() names a lifetime", () => {
  test("by max-age (RFC 9111 §5.2.2.1)", () =>
    assert.equal(outcome({ "Cache-Control": "max-age=60" }), "fresh 60"));
  test("by s-maxage before max-age (RFC 9111 §5.2.2.10)", () =>
    assert.equal(
      outcome({ "Cache-Control": "max-age=60, s-maxage=7" }),
      "fresh 7",
    ));
  test("by max-age before Expires (RFC 9111 §5.3)", () =>
    assert.equal(
      outcome({ "Cache-Control": "max-age=60", Expires: httpDate(T0 + 5000) }),
      "fresh 60",
    ));
  test("by Expires less Date (RFC 9111 §4.2.1)", () =>
    assert.equal(
      outcome({ Expires: httpDate(T0 + 90_000), Date: httpDate(T0 + 30_000) }),
      "fresh 60",
    ));
  test("by Expires less the time of arrival without Date", () =>
    assert.equal(outcome({ Expires: httpDate(T0 + 90_000) }), "fresh 90"));
  test("as over for an invalid Expires (RFC 9111 §5.3)", () =>
    assert.equal(outcome({ Expires: "0", ETag: '"a"' }), "to validate"));
  test("less the Age of arrival (RFC 9111 §4.2.3)", () =>
    assert.equal(
      outcome({ "Cache-Control": "max-age=60", Age: "20" }),
      "fresh 40",
    ));
  test("with the first member of an Age list, and none that is no number (RFC 9111 §5.1)", () => {
    assert.equal(
      outcome({ "Cache-Control": "max-age=60", Age: "20, 50" }),
      "fresh 40",
    );
    assert.equal(
      outcome({ "Cache-Control": "max-age=60", Age: "x" }),
      "fresh 60",
    );
  });
  test("less the time that the request took (RFC 9111 §4.2.3)", () => {
    const bench = new CacheBench();
    const fill = bench.begin();
    const decided = fill.head(
      200,
      ["Cache-Control", "max-age=60"],
      "r1",
      T0 + 3000,
    );
    assert.deepEqual(decided, { store: true, freshForMs: 57_000 });
    fill.abort();
  });
  test("without believing a slow clock of the origin (RFC 9111 §4.2.3)", () =>
    assert.equal(
      outcome({ "Cache-Control": "max-age=60", Date: httpDate(T0 - 300_000) }),
      "fresh 60",
    ));
});

describe("decideStorage() guesses a lifetime", () => {
  test("of the service where there is Last-Modified (RFC 9111 §4.2.2)", () =>
    assert.equal(outcome({ "Last-Modified": MODIFIED }), "fresh 120"));
  test("not without Last-Modified", () =>
    assert.equal(outcome({ ETag: '"a"' }), "no-freshness"));
  test("without Last-Modified where the rules lift that", () =>
    assert.equal(
      outcome(
        {},
        { rules: { rules: { heuristic: "all", defaultTtlMs: 9000 } } },
      ),
      "fresh 9",
    ));
  test("never where the rules say off", () =>
    assert.equal(
      outcome(
        { "Last-Modified": MODIFIED },
        { rules: { rules: { heuristic: "off" } } },
      ),
      "no-freshness",
    ));
  test("never for a request with Cookie", () =>
    assert.equal(
      outcome({ "Last-Modified": MODIFIED }, { asked: { Cookie: "a=1" } }),
      "cookie",
    ));
  test("never for a request with Authorization", () =>
    assert.equal(
      outcome(
        { "Last-Modified": MODIFIED },
        { asked: { Authorization: "Basic eA==" } },
      ),
      "authorization",
    ));
  test("never for an answer with Set-Cookie", () =>
    assert.equal(
      outcome({ "Last-Modified": MODIFIED, "Set-Cookie": "a=1" }),
      "set-cookie",
    ));
  test("for no status that is not cacheable by default (RFC 9110 §15.1)", () => {
    assert.equal(
      outcome({ "Last-Modified": MODIFIED }, { status: 302 }),
      "status",
    );
    assert.equal(
      outcome({ "Last-Modified": MODIFIED }, { status: 404 }),
      "fresh 120",
    );
  });
  test("for another status that is marked public (RFC 9111 §4.2.2)", () =>
    assert.equal(
      outcome(
        { "Last-Modified": MODIFIED, "Cache-Control": "public" },
        { status: 302 },
      ),
      "fresh 120",
    ));
});

describe("decideStorage() refuses", () => {
  for (const [control, because] of [
    ["no-store", "no-store"],
    ["no-store, max-age=60", "no-store"],
    ["private, max-age=60", "private"],
    ['private="x-name", max-age=60', "private"],
    ["max-age=0", "expired"],
    ["no-cache, max-age=60", "expired"],
    ["max-age=oops", "expired"],
  ] as const)
    test(`${control} (RFC 9111 §5.2.2)`, () =>
      assert.equal(outcome({ "Cache-Control": control }), because));
  test("statuses that it does not understand (RFC 9111 §3)", () => {
    for (const status of [201, 206, 299, 304, 401, 407, 416, 599])
      assert.match(
        outcome({ "Cache-Control": "max-age=60" }, { status }),
        /^(status|partial)$/,
      );
  });
  test("Vary: * (RFC 9111 §4.1)", () =>
    assert.equal(
      outcome({ "Cache-Control": "max-age=60", Vary: "Accept, *" }),
      "vary-star",
    ));
  test("Vary with more names than an entry may hold", () =>
    assert.equal(
      outcome({
        "Cache-Control": "max-age=60",
        Vary: Array.from({ length: 17 }, (_, i) => `x-${i}`).join(),
      }),
      "vary-too-wide",
    ));
  test("Vary over longer values than an entry may hold", () =>
    assert.equal(
      outcome(
        { "Cache-Control": "max-age=60", Vary: "Accept" },
        { asked: { Accept: "a".repeat(4097) } },
      ),
      "vary-too-wide",
    ));
  test("more header characters than an entry may hold", () =>
    assert.equal(
      outcome({ "Cache-Control": "max-age=60", X: "x".repeat(65_536) }),
      "fields-too-large",
    ));
});

describe("decideStorage() asks for permission to share", () => {
  test("an answer to Authorization: public, s-maxage or must-revalidate (RFC 9111 §3.5)", () => {
    const asked = { Authorization: "Basic eA==" };
    for (const [control, expected] of [
      ["max-age=60", "authorization"],
      ["max-age=60, public", "fresh 60"],
      ["s-maxage=60", "fresh 60"],
      ["max-age=60, must-revalidate", "fresh 60"],
    ] as const)
      assert.equal(outcome({ "Cache-Control": control }, { asked }), expected);
  });
  test("an answer to Cookie: any named lifetime", () =>
    assert.equal(
      outcome({ "Cache-Control": "max-age=60" }, { asked: { Cookie: "a=1" } }),
      "fresh 60",
    ));
  test("an answer with Set-Cookie: words for shared caches", () => {
    const cookie = { "Set-Cookie": "a=1" };
    assert.equal(
      outcome({ ...cookie, "Cache-Control": "max-age=60" }),
      "set-cookie",
    );
    assert.equal(
      outcome({ ...cookie, "Cache-Control": "s-maxage=60" }),
      "fresh 60",
    );
    assert.equal(
      outcome({ ...cookie, "Cache-Control": "public, max-age=60" }),
      "fresh 60",
    );
    assert.equal(
      outcome({ ...cookie, "Zoogate-Cache-Control": "max-age=60" }),
      "fresh 60",
    );
    assert.equal(
      outcome({
        ...cookie,
        "Zoogate-Cache-Control": "must-revalidate",
        "Last-Modified": MODIFIED,
      }),
      "set-cookie",
    );
  });
});

describe("decideStorage() with Zoogate-Cache-Control (RFC 9213)", () => {
  test("lets it win over Cache-Control and Expires (§2.2)", () => {
    const others = { "Cache-Control": "no-store", Expires: "0" };
    assert.equal(
      outcome({ ...others, "Zoogate-Cache-Control": "max-age=60" }),
      "fresh 60",
    );
    assert.equal(
      outcome({
        "Cache-Control": "max-age=60",
        "Zoogate-Cache-Control": "no-store",
      }),
      "no-store",
    );
  });
  test("does not fall back on Expires beside it", () =>
    assert.equal(
      outcome({
        Expires: httpDate(T0 + 90_000),
        "Zoogate-Cache-Control": "public",
      }),
      "no-freshness",
    ));
  test("ignores one that is empty or does not parse (§2.1)", () => {
    for (const broken of ["", "max-age=60,", "&", "Max-Age=60"])
      assert.equal(
        outcome({
          "Cache-Control": "max-age=5",
          "Zoogate-Cache-Control": broken,
        }),
        "fresh 5",
      );
  });
  test("takes it out of what is stored, with Zoogate-Release", () => {
    const stored = new CacheBench().exchange({
      fields: {
        "Zoogate-Cache-Control": "max-age=60",
        "Zoogate-Release": "r1",
        "Content-Type": "text/plain",
      },
    });
    assert.ok(typeof stored !== "string");
    assert.deepEqual(stored.fields, [
      "Content-Type",
      "text/plain",
      "Date",
      httpDate(T0),
    ]);
  });
});

test("decideStorage() ignores no-store beside must-understand for a status it understands (RFC 9111 §5.2.2.3)", () => {
  const fields = { "Cache-Control": "must-understand, no-store, max-age=60" };
  assert.equal(outcome(fields), "fresh 60");
  assert.equal(outcome(fields, { status: 299 }), "status");
});

test("decideStorage() keeps what must be validated where it has a validator", () => {
  for (const control of [
    "no-cache",
    "max-age=0",
    "no-cache, max-age=60",
    "s-maxage=0",
  ])
    assert.equal(
      outcome({ "Cache-Control": control, ETag: '"a"' }),
      "to validate",
    );
});

test("Fill.head() keeps end-to-end fields only (RFC 9111 §3.1)", () => {
  const stored = new CacheBench().exchange({
    fields: {
      Date: httpDate(T0),
      "Cache-Control": "max-age=60",
      Connection: "close, X-Hop",
      "X-Hop": "1",
      "Keep-Alive": "timeout=5",
      "Transfer-Encoding": "chunked",
      Trailer: "X-T",
      Age: "3",
      "Content-Length": "4",
      Link: ["<a>", "<b>"],
    },
  });
  assert.ok(typeof stored !== "string");
  assert.deepEqual(stored.fields, [
    "Date",
    httpDate(T0),
    "Cache-Control",
    "max-age=60",
    "Link",
    "<a>",
    "Link",
    "<b>",
  ]);
});

test("decideStorage() gives a lifetime of the named seconds less age, whatever the numbers", () => {
  const seconds = fc.nat({ max: 2 ** 31 });
  fc.assert(
    fc.property(seconds, seconds, (maxAgeS, ageS) => {
      const bench = new CacheBench();
      const stored = bench.exchange({
        fields: {
          "Cache-Control": `max-age=${maxAgeS}`,
          Age: String(ageS),
          ETag: '"a"',
        },
      });
      assert.ok(typeof stored !== "string");
      assert.equal((T0 - stored.bornAtMs) / SECOND, ageS);
      const isFresh = maxAgeS > ageS;
      assert.equal(bench.ask().startsWith("fresh"), isFresh);
      if (!isFresh) return;
      bench.after(maxAgeS - ageS);
      assert.equal(bench.ask(), "stale stale");
      bench.nowMs -= 1;
      assert.equal(bench.ask(), `fresh ${maxAgeS - 1}`);
    }),
    { numRuns: 200 },
  );
});
