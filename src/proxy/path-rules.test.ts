import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_HEAD_LIMITS, parseRequestHead } from "../http/index.ts";
import { checkDefinition } from "../registry/definition-schema.ts";
import type { PathsDefinition, ServiceDefinition } from "../registry/index.ts";
import { requestHeadText } from "./forward-head.ts";
import { PathRules } from "./path-rules.ts";
import { serviceRules } from "./service-rules.ts";

function definition(
  path: string,
  paths: Partial<PathsDefinition>,
): ServiceDefinition {
  const checked = checkDefinition({ path, paths });
  assert.ok(checked.kind === "definition", JSON.stringify(checked));
  return checked.definition;
}

function rules(path: string, paths: Partial<PathsDefinition>): PathRules {
  const compiled = PathRules.of(definition(path, paths));
  assert.ok(compiled !== undefined);
  return compiled;
}

function target(compiled: PathRules, asked: string): string | undefined {
  const [path = "", query] = asked.split("?");
  return compiled.targetFor({
    path,
    query: query === undefined ? "" : `?${query}`,
  });
}

test("PathRules.of() gives nothing for a definition that leaves paths alone", () => {
  assert.equal(PathRules.of(definition("/app", {})), undefined);
  assert.equal(PathRules.of(definition("/", { strip: true })), undefined);
});

test("PathRules.targetFor() strips, rewrites and adds, in this order, and keeps the query", () => {
  const strip = rules("/app", { strip: true });
  assert.equal(target(strip, "/app"), "/");
  assert.equal(target(strip, "/app?a=1"), "/?a=1");
  assert.equal(target(strip, "/app/x/y?a=/app"), "/x/y?a=/app");
  assert.equal(target(strip, "/app/app/x"), "/app/x");
  assert.equal(target(rules("/app/", { strip: true }), "/app/x"), "/x");
  const all = rules("/app", {
    strip: true,
    rewrite: [
      { from: "/user/*/*", to: "/people/$1/$2" },
      { from: "/*.php", to: "/cgi/$1" },
    ],
    add: "/v2",
  });
  assert.equal(target(all, "/app/user/ann/posts/1"), "/v2/people/ann/posts/1");
  assert.equal(target(all, "/app/index.php?x"), "/v2/cgi/index?x");
  assert.equal(target(all, "/app/else"), "/v2/else");
  assert.equal(target(all, "/app"), "/v2/");
});

test("PathRules.targetFor() takes the first rewrite that matches, and no second", () => {
  const compiled = rules("/", {
    rewrite: [
      { from: "/a/*", to: "/b/$1" },
      { from: "/b/*", to: "/c/$1" },
    ],
  });
  assert.equal(target(compiled, "/a/x"), "/b/x");
  assert.equal(target(compiled, "/b/x"), "/c/x");
});

test("PathRules.targetFor() leaves escapes as they came", () => {
  const compiled = rules("/app", {
    strip: true,
    rewrite: [{ from: "/f/*", to: "/files/$1" }],
  });
  assert.equal(target(compiled, "/app/f/a%2Fb%20c"), "/files/a%2Fb%20c");
  assert.equal(target(compiled, "/app/f/%e2%82%ac"), "/files/%e2%82%ac");
});

test("PathRules.targetFor() refuses dots in every spelling, and what rewriting makes of them", () => {
  const compiled = rules("/app", {
    strip: true,
    rewrite: [{ from: "/x*", to: "/$1" }],
    add: "/v2",
  });
  for (const path of [
    "/app/../admin",
    "/app/%2e%2e/admin",
    "/app/.%2E/admin",
    "/app/..;/admin",
    "/app/..;a=1/admin",
    "/app/a%2f..%2fadmin",
    "/app/a%5c..%5cadmin",
    "/app/.",
    "/app/x..",
    "/app/x.",
    "/app/x%2e%2e",
  ])
    assert.equal(target(compiled, path), undefined, path);
});

test("PathRules.targetFor() never begins with two slashes", () => {
  const strip = rules("/app", { strip: true });
  assert.equal(target(strip, "/app//evil.example/x"), "/evil.example/x");
  const rewrite = rules("/", { rewrite: [{ from: "/old/*", to: "/$1" }] });
  assert.equal(target(rewrite, "/old//evil.example"), "/evil.example");
});

test("PathRules.targetFor() refuses what captures have made too long", () => {
  const compiled = rules("/", {
    rewrite: [{ from: "/*", to: "/$1$1$1$1" }],
  });
  assert.equal(target(compiled, `/${"a".repeat(5000)}`), undefined);
});

test("PathRules.publicLocation() gives back what was taken off, for this host alone", () => {
  const strip = rules("/app", { strip: true });
  const cases: readonly (readonly [string, string])[] = [
    ["/x?a=1#b", "/app/x?a=1#b"],
    ["/", "/app/"],
    ["/app/x", "/app/x"],
    ["/apple", "/app/apple"],
    ["x", "x"],
    ["../x", "../x"],
    ["?a", "?a"],
    ["//other.example/x", "//other.example/x"],
    ["http://shop.example/x", "http://shop.example/app/x"],
    ["HTTPS://Shop.Example/x", "HTTPS://Shop.Example/app/x"],
    ["http://shop.example:81/x", "http://shop.example:81/x"],
    ["http://other.example/x", "http://other.example/x"],
    [
      "http://shop.example@other.example/",
      "http://shop.example@other.example/",
    ],
    ["mailto:x@shop.example", "mailto:x@shop.example"],
  ];
  for (const [given, expected] of cases)
    assert.equal(strip.publicLocation(given, "shop.example"), expected, given);
  const add = rules("/", { add: "/v2" });
  assert.equal(add.publicLocation("/v2/x", "h"), "/x");
  assert.equal(add.publicLocation("/v2", "h"), "/");
  assert.equal(add.publicLocation("/v2?a", "h"), "/?a");
  assert.equal(add.publicLocation("/v20/x", "h"), "/v20/x");
  assert.equal(add.publicLocation("http://h/v2", "h"), "http://h/");
  const both = rules("/app", { strip: true, add: "/v2" });
  assert.equal(both.publicLocation("/v2/x", "h"), "/app/x");
  assert.equal(both.publicLocation("/login", "h"), "/login");
});

// ---- whatever a stranger asks for

const piece = fc.oneof(
  fc.constantFrom(
    "a",
    "app",
    "..",
    ".",
    "%2e",
    "%2f",
    "%5C",
    "%25",
    "%",
    "%2",
    "2e",
    ";",
    "..;",
    "//",
    "/",
    "*",
    "$1",
    "@",
    ":",
    "b.php",
  ),
  fc
    .stringMatching(/^[!$-;=?-[\]-~]{0,6}$/)
    .map((text) => text.replaceAll("?", "")),
);
const strangePath = fc
  .array(piece, { maxLength: 12 })
  .map((pieces) => `/${pieces.join("")}`);
const strangeQuery = fc.constantFrom("", "?", "?a=/../b", "?x=%0d%0a&y=//z");
const shape = fc.constantFrom<Partial<PathsDefinition>>(
  { strip: true },
  { add: "/v2" },
  { rewrite: [{ from: "/*", to: "/$1" }] },
  { rewrite: [{ from: "/a*/*", to: "/$2/$1e2f" }] },
  { strip: true, rewrite: [{ from: "/*.php", to: "/x/$1" }], add: "/y.z" },
  { rewrite: [{ from: "/*/*", to: "/$2$1" }], strip: true },
);

test("PathRules.targetFor() makes one valid target without dots of whatever passed the parser", () => {
  fc.assert(
    fc.property(strangePath, strangeQuery, shape, (path, query, paths) => {
      const prefix = path.startsWith("/app/") ? "/app" : "/";
      const service = definition(prefix, paths);
      const asked = Buffer.from(
        `GET ${path}${query} HTTP/1.1\r\nHost: h\r\n\r\n`,
        "latin1",
      );
      const read = parseRequestHead(
        asked,
        0,
        asked.length,
        DEFAULT_HEAD_LIMITS,
      );
      if (read.kind !== "head") return;
      const compiled = PathRules.of(service);
      if (compiled?.targetFor(read.head) === undefined) return;
      const text = requestHeadText(read.head, {
        client: { address: "127.0.0.1", scheme: "http", trusted: false },
        viaName: "zoogate",
        validators: undefined,
        targetAuthority: "t",
        rules: serviceRules(service),
      });
      const bytes = Buffer.from(text, "latin1");
      const again = parseRequestHead(bytes, 0, bytes.length, {
        ...DEFAULT_HEAD_LIMITS,
        maxTargetBytes: 65_536,
      });
      assert.ok(again.kind === "head", text);
      assert.equal(again.size, bytes.length);
      assert.equal(again.head.form, "origin");
      assert.equal(again.head.query, read.head.query);
      assert.ok(!again.head.path.startsWith("//"), again.head.path);
      const resolved = new URL(`http://h${again.head.path}`).pathname;
      const segments = (text: string) => text.split("/").length;
      assert.equal(segments(resolved), segments(again.head.path));
      const isEscaped = (text: string) =>
        text.match(/%[0-9a-f]{2}/gi)?.length ?? 0;
      if (paths.rewrite === undefined)
        assert.equal(isEscaped(again.head.path), isEscaped(read.head.path));
    }),
    { numRuns: 5000 },
  );
});

test("PathRules.targetFor() changes no segment below a prefix it takes off or puts on", () => {
  const compiled = rules("/app", { strip: true, add: "/v2" });
  const segment = fc.stringMatching(/^[a-z0-9%:@=~-]{1,6}$/);
  fc.assert(
    fc.property(fc.array(segment, { maxLength: 8 }), (segments) => {
      const rest = segments.map((one) => `/${one}`).join("");
      assert.equal(target(compiled, `/app${rest}`), `/v2${rest || "/"}`);
    }),
  );
});
