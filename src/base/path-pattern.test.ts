import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PathPattern, PathTemplate } from "./path-pattern.ts";

function pattern(text: string): PathPattern {
  const reading = PathPattern.parse(text);
  assert.ok(reading.kind === "pattern", text);
  return reading.pattern;
}

function fault(text: string): string {
  const reading = PathPattern.parse(text);
  assert.ok(reading.kind === "reject", text);
  return reading.message;
}

test("PathPattern.match() takes a star for part of one segment, a last one for all that is left", () => {
  const cases: readonly (readonly [string, string, string[] | undefined])[] = [
    ["/old", "/old", []],
    ["/old", "/old/", undefined],
    ["/old", "/older", undefined],
    ["/old/", "/old/", []],
    ["/*", "/", [""]],
    ["/*", "/a/b", ["a/b"]],
    ["/old/*", "/old/", [""]],
    ["/old/*", "/old", undefined],
    ["/old/*", "/old/a/b/", ["a/b/"]],
    ["/u/*/posts/*", "/u/ann/posts/1/2", ["ann", "1/2"]],
    ["/u/*/posts/*", "/u//posts/1", undefined],
    ["/u/*/posts", "/u/a/b/posts", undefined],
    ["/*.php", "/index.php", ["index"]],
    ["/*.php", "/.php", undefined],
    ["/*.php", "/a/index.php", undefined],
    ["/v*-x/a", "/v12-x/a", ["12"]],
    ["/old/*", "/OLD/a", undefined],
  ];
  for (const [text, path, expected] of cases)
    assert.deepEqual(
      pattern(text).match(path),
      expected,
      `${text} against ${path}`,
    );
});

test("PathPattern.match() never captures half of an escape", () => {
  assert.equal(pattern("/a*b").match("/a%2b"), undefined);
  assert.deepEqual(pattern("/a*b").match("/a%2bb"), ["%2b"]);
  assert.equal(pattern("/*").match("/x%2"), undefined);
  assert.equal(pattern("/*").match("/x%"), undefined);
  assert.deepEqual(pattern("/*").match("/x%25"), ["x%25"]);
});

test("PathPattern.parse() says what is wrong", () => {
  assert.match(fault("old"), /begin with "\/"/);
  assert.match(fault("/a*b*c"), /one "\*" at most/);
  assert.match(fault("/*/*/*/*/*/*/*/*/*/*"), /more than 9/);
  assert.match(fault("/a//b"), /"\/\/"/);
  assert.match(fault("/a/%2E./b"), /"\." or "\.\."/);
  assert.match(fault("/a?b"), /without query/);
  assert.match(fault("/a%2"), /percent-encoded/);
  assert.match(fault("/a b"), /percent-encoded/);
  assert.match(fault("/a\r\nb"), /percent-encoded/);
  assert.match(fault("/$1"), /no meaning/);
  assert.match(fault(`/${"a".repeat(1024)}`), /more than 1024/);
});

test("PathTemplate.make() puts captures in their places", () => {
  const reading = PathTemplate.parse("/$2/x-$1.html/$2$$", 2);
  assert.ok(reading.kind === "pattern");
  assert.equal(reading.pattern.make(["a", "b/c"]), "/b/c/x-a.html/b/c$$");
});

test("PathTemplate.parse() refuses captures that the pattern has not, and dots", () => {
  for (const text of ["/$3", "/$0", "/$12", "/*", "/a/../b", "x", "/a%"])
    assert.equal(PathTemplate.parse(text, 2).kind, "reject", text);
});

const segment = fc.stringMatching(/^[a-z0-9%.~;=-]{1,8}$/);
const path = fc
  .array(segment, { maxLength: 6 })
  .map((parts) => `/${parts.join("/")}`);

test("PathPattern and PathTemplate leave segments as they were when a pattern stands for itself", () => {
  const shapes = ["/*", "/*/*", "/a*/*", "/*-x", "/*/b/*", "/*.html"];
  fc.assert(
    fc.property(fc.constantFrom(...shapes), path, (shape, asked) => {
      const from = pattern(shape);
      let count = 0;
      const to = PathTemplate.parse(
        shape.replaceAll("*", () => `$${(count += 1)}`),
        from.captures,
      );
      const captured = from.match(asked);
      if (to.kind === "pattern" && captured !== undefined)
        assert.equal(to.pattern.make(captured), asked);
    }),
    { numRuns: 2000 },
  );
});

test("PathPattern.match() looks at a path once, whatever it is made of", () => {
  const from = pattern("/a*a/a*a/a*a/a*a/a*a/a*a/a*a/a*a/x");
  const long = `/${"a".repeat(2000)}`.repeat(8);
  const startedMs = performance.now();
  for (let count = 0; count < 1000; count++) from.match(long);
  assert.ok(performance.now() - startedMs < 2000);
});
