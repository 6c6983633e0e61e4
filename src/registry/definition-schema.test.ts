import assert from "node:assert/strict";
import { test } from "node:test";
import {
  defaultDefinition,
  formatDefinition,
  parseDefinition,
} from "./definition-schema.ts";

function parse(value: unknown) {
  return parseDefinition(Buffer.from(JSON.stringify(value)));
}

test("parseDefinition() takes no data for no definition", () => {
  for (const data of [null, Buffer.alloc(0)])
    assert.deepEqual(parseDefinition(data), {
      kind: "value",
      value: { kind: "empty" },
      unknownKeys: [],
    });
});

test("parseDefinition() fills defaults in and freezes", () => {
  const parsed = parse({ hosts: ["WWW.example.org", "www.example.org"] });
  assert.ok(
    parsed.kind === "value" && parsed.value.kind === "definition",
    "accepted",
  );
  const { definition } = parsed.value;
  assert.deepEqual(definition, {
    ...defaultDefinition,
    hosts: ["www.example.org"],
  });
  assert.ok(Object.isFrozen(definition) && Object.isFrozen(definition.cache));
  assert.equal(definition.cache.defaultTtlMs, 120_000);
});

test("parseDefinition() ignores unknown keys and names them", () => {
  const parsed = parse({ colour: "red", cache: { enabled: false, depth: 3 } });
  assert.ok(parsed.kind === "value");
  assert.deepEqual(parsed.unknownKeys, ["colour", "cache.depth"]);
});

test("parseDefinition() says what is wrong and where", () => {
  const cases: readonly (readonly [string, RegExp, string])[] = [
    ["{", /it is not JSON/, "bad-json"],
    ["\xff", /it is not JSON/, "bad-json"],
    ["[]", /it is not a JSON object/, "bad-value"],
    ['{"hosts":["a:80"]}', /hosts\.0: "a:80" is not a host name/, "bad-value"],
    ['{"path":"x"}', /path: "x" is not a path/, "bad-value"],
    ['{"policy":"hash"}', /needs "hash"/, "bad-value"],
    ['{"retry":{"attempts":0}}', /retry\.attempts/, "bad-value"],
  ];
  for (const [text, message, code] of cases) {
    const parsed = parseDefinition(Buffer.from(text, "latin1"));
    assert.ok(parsed.kind === "reject", text);
    assert.match(parsed.message, message);
    assert.equal(parsed.code, code);
  }
});

test("parseDefinition() knows the marker of a removed service", () => {
  const parsed = parse({ removed: true });
  assert.deepEqual(parsed.kind === "value" && parsed.value, {
    kind: "removed",
  });
});

test("formatDefinition() writes what parseDefinition() reads", () => {
  const given = parse({
    hosts: ["a.example"],
    policy: "hash",
    hash: "cookie:sid",
    health: { active: { path: "/up" } },
    rollout: { mode: "cutover", min: 2, pin: "rel" },
  });
  assert.ok(given.kind === "value" && given.value.kind === "definition");
  const { definition } = given.value;
  assert.deepEqual(definition.hash, { kind: "cookie", name: "sid" });
  const again = parseDefinition(Buffer.from(formatDefinition(definition)));
  assert.deepEqual(again.kind === "value" && again.value, {
    kind: "definition",
    definition,
  });
});
