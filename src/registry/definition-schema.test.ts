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
    ['{"capacity":{"perTarget":-1}}', /capacity\.perTarget/, "bad-value"],
    ['{"capacity":{"queue":1e9}}', /capacity\.queue/, "bad-value"],
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

test("parseDefinition() says which rule of paths and redirects is wrong", () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{ paths: { strip: "/app" } }, /^paths\.strip: /],
    [{ paths: { add: "/v2/" } }, /^paths\.add: "\/v2\/" is not a path/],
    [{ paths: { add: "/a/../b" } }, /^paths\.add: /],
    [
      {
        paths: {
          rewrite: [
            { from: "/a", to: "/b" },
            { from: "b", to: "/" },
          ],
        },
      },
      /^paths\.rewrite\.1\.from: "b" is no pattern: it should begin with "\/"/,
    ],
    [
      { paths: { rewrite: [{ from: "/a/*", to: "/$2" }] } },
      /^paths\.rewrite\.0\.to: "\/\$2" cannot be made of "\/a\/\*": there is no "\$2"/,
    ],
    [{ redirects: [{}] }, /^redirects\.0\.to: /],
    [{ redirects: [{ to: "ftp://x/" }] }, /^redirects\.0\.to: "ftp:\/\/x\/"/],
    [{ redirects: [{ to: "https://$1/" }] }, /^redirects\.0\.to: /],
    [{ redirects: [{ to: "https://x.example" }] }, /neither a path nor a URL/],
    [{ redirects: [{ to: "/a b" }] }, /^redirects\.0\.to: /],
    [{ redirects: [{ to: "/a\r\nX: y" }] }, /^redirects\.0\.to: /],
    [{ redirects: [{ to: "/a?b\r\nX: y" }] }, /^redirects\.0\.to: /],
    [{ redirects: [{ to: "//x/" }] }, /^redirects\.0\.to: /],
    [{ redirects: [{ to: "/", status: 304 }] }, /^redirects\.0\.status: /],
    [{ redirects: [{ to: "/", host: "a:80" }] }, /^redirects\.0\.host: /],
    [
      { redirects: Array.from({ length: 257 }, () => ({ to: "/" })) },
      /^redirects: /,
    ],
  ];
  for (const [value, message] of cases) {
    const parsed = parse(value);
    assert.ok(parsed.kind === "reject", JSON.stringify(value));
    assert.match(parsed.message, message);
  }
});

test("formatDefinition() writes paths and redirects as they are read", () => {
  const parsed = parse({
    path: "/app",
    paths: { strip: true, rewrite: [{ from: "/*", to: "/x/$1" }] },
    redirects: [{ host: "WWW.example.org", to: "https://example.org/$1?a" }],
  });
  assert.ok(parsed.kind === "value" && parsed.value.kind === "definition");
  const { definition } = parsed.value;
  assert.deepEqual(definition.redirects, [
    {
      scheme: undefined,
      host: "www.example.org",
      path: "/*",
      to: "https://example.org/$1?a",
      status: 302,
      query: true,
    },
  ]);
  const again = parseDefinition(Buffer.from(formatDefinition(definition)));
  assert.deepEqual(again, { ...parsed, unknownKeys: [] });
});

test("parseDefinition() names unknown keys of rules in lists too", () => {
  const parsed = parse({
    redirects: [{ to: "/x" }, { to: "/y", when: "now" }],
    headers: { request: { sett: {} } },
  });
  assert.ok(parsed.kind === "value");
  assert.deepEqual(parsed.unknownKeys, [
    "redirects.1.when",
    "headers.request.sett",
  ]);
});

test("parseDefinition() reads auth, without any secret, and says what is wrong with it", () => {
  const parsed = parse({ auth: { users: "staff", userHeader: "X-User" } });
  assert.ok(parsed.kind === "value" && parsed.value.kind === "definition");
  const { definition } = parsed.value;
  assert.deepEqual(definition.auth, {
    users: "staff",
    realm: "Restricted",
    forward: false,
    userHeader: "X-User",
  });
  assert.deepEqual(
    parseDefinition(Buffer.from(formatDefinition(definition))),
    parsed,
  );
  assert.equal(defaultDefinition.auth, undefined);
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{ auth: {} }, /^auth\.users: /],
    [
      { auth: { users: "../etc" } },
      /^auth\.users: "\.\.\/etc" is not the name/,
    ],
    [{ auth: { users: "a", realm: 'a"b' } }, /^auth\.realm: /],
    [{ auth: { users: "a", realm: "a\r\nb" } }, /^auth\.realm: /],
    [{ auth: { users: "a", userHeader: "Host" } }, /^auth\.userHeader: /],
    [{ auth: { users: "a", userHeader: "X-A\r\n" } }, /^auth\.userHeader: /],
    [
      { auth: { users: "a", userHeader: "X-Forwarded-For" } },
      /^auth\.userHeader: /,
    ],
    [{ replaceErrors: "yes" }, /^replaceErrors: /],
  ];
  for (const [value, message] of cases) {
    const refused = parse(value);
    assert.ok(refused.kind === "reject", JSON.stringify(value));
    assert.match(refused.message, message);
  }
});
