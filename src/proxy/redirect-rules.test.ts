import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  composeRequestHead,
  isFieldValue,
  type RequestHead,
} from "../http/index.ts";
import { checkDefinition } from "../registry/definition-schema.ts";
import { RedirectRules, type SchemeAsker } from "./redirect-rules.ts";

function rules(...redirects: readonly unknown[]): RedirectRules {
  const checked = checkDefinition({ redirects });
  assert.ok(checked.kind === "definition", JSON.stringify(checked));
  const compiled = RedirectRules.of(checked.definition.redirects);
  assert.ok(compiled !== undefined);
  return compiled;
}

function asker(scheme: "http" | "https", trusted = false): SchemeAsker {
  return { scheme, facts: { trusted } };
}

function request(url: string, fields: readonly string[] = []): RequestHead {
  const [, scheme, host = "", target = ""] =
    /^(https?):\/\/([^/]+)(.*)$/.exec(url) ?? [];
  const read = composeRequestHead({
    method: "GET",
    target,
    authority: host,
    scheme: scheme === "https" ? "https" : "http",
    fields,
  });
  assert.ok(read.kind === "head", url);
  return read.head;
}

function location(compiled: RedirectRules, url: string): string | undefined {
  const scheme = url.startsWith("https:") ? "https" : "http";
  const answer = compiled.answerTo(asker(scheme), request(url));
  return answer?.lines?.replace(/^Location: (.*)\r\n$/, "$1");
}

test("RedirectRules.answerTo() sends one host to another, path and query kept", () => {
  const compiled = rules({
    host: "www.example.org",
    to: "https://example.org/$1",
    status: 308,
  });
  assert.equal(
    location(compiled, "http://www.example.org/a/b?c=1&d"),
    "https://example.org/a/b?c=1&d",
  );
  assert.equal(
    location(compiled, "http://www.example.org:8080/"),
    "https://example.org/",
  );
  assert.equal(location(compiled, "http://example.org/a"), undefined);
  const { status } =
    compiled.answerTo(asker("http"), request("http://www.example.org/")) ?? {};
  assert.equal(status, 308);
});

test("RedirectRules.answerTo() keeps, joins or leaves out the query", () => {
  const compiled = rules(
    { path: "/keep", to: "/new" },
    { path: "/join", to: "/new?a=1" },
    { path: "/drop", to: "/new", query: false },
    { path: "/own", to: "/new?a=1", query: false },
  );
  assert.equal(location(compiled, "http://h/keep?x=1"), "/new?x=1");
  assert.equal(location(compiled, "http://h/join?x=1"), "/new?a=1&x=1");
  assert.equal(location(compiled, "http://h/join"), "/new?a=1");
  assert.equal(location(compiled, "http://h/drop?x=1"), "/new");
  assert.equal(location(compiled, "http://h/own?x=1"), "/new?a=1");
});

test("RedirectRules.answerTo() never sends to where the request went", () => {
  const canonical = rules({ to: "https://example.org/$1" });
  assert.equal(location(canonical, "https://example.org/a?b"), undefined);
  assert.equal(location(canonical, "https://example.org:443/a"), undefined);
  assert.equal(
    location(canonical, "http://example.org/a?b"),
    "https://example.org/a?b",
  );
  assert.equal(
    location(canonical, "https://other.example/"),
    "https://example.org/",
  );
  assert.equal(location(rules({ to: "/$1" }), "http://h/x?y"), undefined);
});

test("RedirectRules.answerTo() believes the scheme that a trusted proxy tells, and nobody else's", () => {
  const compiled = rules({ scheme: "http", to: "https://{host}/$1" });
  const told = request("http://h.example:8080/x", [
    "x-forwarded-proto",
    "https",
  ]);
  assert.equal(compiled.answerTo(asker("http", true), told), undefined);
  assert.equal(
    compiled.answerTo(asker("http"), told)?.lines,
    "Location: https://h.example/x\r\n",
  );
});

test("RedirectRules.answerTo() answers 414 where captures have made it too long", () => {
  const compiled = rules({ path: "/x/*", to: "/$1$1$1" });
  const head = request(`http://h/x/${"a".repeat(7000)}`);
  assert.equal(compiled.answerTo(asker("http"), head)?.status, 414);
});

test("RedirectRules.answerTo() leads to no host that the rule does not name, whatever is asked", () => {
  const compiled = rules(
    { path: "/old/*", to: "/$1" },
    { path: "/go/*", to: "https://example.org/$1" },
    { path: "/*/x/*", to: "/$1$2" },
  );
  const piece = fc.constantFrom(
    ..."/ // old go x @ : evil.example %2f %5c %0d%0a .. ; ? # & = $1 *".split(
      " ",
    ),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const target = `/${pieces.join("")}`;
      const read = composeRequestHead({
        method: "GET",
        target,
        authority: "asked.example",
      });
      if (read.kind !== "head") return;
      const lines = compiled.answerTo(asker("http"), read.head)?.lines;
      if (lines === undefined) return;
      const value = lines.slice("Location: ".length, -2);
      assert.ok(isFieldValue(value) && !value.includes(" "), value);
      const { hostname } = new URL(value, "http://asked.example/");
      assert.ok(
        hostname === "asked.example" || hostname === "example.org",
        value,
      );
    }),
    { numRuns: 5000 },
  );
});
