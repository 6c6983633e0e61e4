import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  composeRequestHead,
  DEFAULT_HEAD_LIMITS,
  field,
  fieldAll,
  isHopByHop,
  KNOWN_FIELDS,
  parseRequestHead,
  parseResponseHead,
} from "../http/index.ts";
import { checkDefinition } from "../registry/definition-schema.ts";
import type { ServiceDefinition } from "../registry/index.ts";
import { requestHeadText } from "./forward-head.ts";
import { serviceRules } from "./service-rules.ts";

function definition(headers: unknown): ServiceDefinition {
  const checked = checkDefinition({ headers });
  assert.ok(checked.kind === "definition", JSON.stringify(checked));
  return checked.definition;
}

function isRefused(headers: unknown): boolean {
  return checkDefinition({ headers }).kind === "reject";
}

/** The head that a target gets, read by our own parser. */
function sent(
  headers: unknown,
  fields: readonly string[] = [],
  method = "GET",
) {
  const read = composeRequestHead({
    method,
    target: "/a?b",
    authority: "Shop.example:8080",
    fields,
    hasContent: method === "POST",
  });
  assert.ok(read.kind === "head");
  const text = requestHeadText(read.head, {
    client: { address: "2001:db8::1", scheme: "http", trusted: false },
    viaName: "zoogate",
    validators: undefined,
    targetAuthority: "10.0.0.5:8080",
    rules: serviceRules(definition(headers)),
  });
  const bytes = Buffer.from(text, "latin1");
  const again = parseRequestHead(bytes, 0, bytes.length, {
    ...DEFAULT_HEAD_LIMITS,
    maxHeadBytes: 1 << 20,
  });
  assert.ok(again.kind === "head", text);
  assert.equal(again.size, bytes.length);
  return { asked: read.head, head: again.head, text };
}

test("RequestRules.applyTo() removes, sets and adds, in this order", () => {
  const { head } = sent(
    {
      request: {
        remove: ["Cookie"],
        set: { "X-Site": "www" },
        add: { "X-Tag": ["a", "b"], Accept: "text/html" },
      },
    },
    ["cookie", "a=b", "x-site", "evil", "accept", "*/*", "x-tag", "c"],
  );
  assert.equal(head.cookie, undefined);
  assert.deepEqual(fieldAll(head.fields, "x-site"), ["www"]);
  assert.deepEqual(fieldAll(head.fields, "x-tag"), ["c", "a", "b"]);
  assert.deepEqual(fieldAll(head.fields, "accept"), ["*/*", "text/html"]);
});

test("RequestRules.applyTo() lets no underscore past a field that it sets", () => {
  const { head } = sent({ request: { set: { "X-Real-User": "ann" } } }, [
    "x_real_user",
    "root",
    "x-real_user",
    "root",
  ]);
  assert.equal(field(head.fields, "x_real_user"), undefined);
  assert.equal(field(head.fields, "x-real_user"), undefined);
  assert.equal(field(head.fields, "x-real-user"), "ann");
});

test("RequestRules.applyTo() fills in host, scheme and client", () => {
  const { head } = sent({
    request: { set: { "X-Told": "{scheme}://{host} {client} {client}{a{" } },
  });
  assert.equal(
    field(head.fields, "x-told"),
    "http://shop.example:8080 2001:db8::1 2001:db8::1{a{",
  );
});

test("RequestRules.applyTo() tells the target another Host, or its own", () => {
  const other = sent({ request: { host: "inner.example:81" } }).head;
  assert.equal(other.hostField, "inner.example:81");
  assert.equal(field(other.fields, "x-forwarded-host"), "shop.example:8080");
  const own = sent({ request: { host: "{target}" } }).head;
  assert.equal(own.hostField, "10.0.0.5:8080");
});

test("checkDefinition() refuses fields that say where messages end, or that belong to a connection", () => {
  const names = KNOWN_FIELDS.map(({ name }) => name).filter(isHopByHop);
  assert.ok(names.length > 8);
  for (const name of [...names, "content-length", "host", "Content_Length"])
    for (const direction of ["request", "response"]) {
      assert.ok(isRefused({ [direction]: { set: { [name]: "1" } } }), name);
      assert.ok(isRefused({ [direction]: { add: { [name]: "1" } } }), name);
      assert.ok(isRefused({ [direction]: { remove: [name] } }), name);
    }
  for (const name of [":path", "X Y", "X:Y", "", "X\r\nY", "Ä"])
    assert.ok(isRefused({ request: { set: { [name]: "1" } } }), name);
});

test("checkDefinition() refuses values that are no field values, and variables that there are not", () => {
  for (const value of [
    "a\r\nb: c",
    "a\nb",
    "a\0",
    " a",
    "a ",
    "ä",
    "{path}",
    "x".repeat(4097),
  ])
    assert.ok(isRefused({ request: { set: { "X-A": value } } }), value);
  assert.ok(isRefused({ response: { set: { "X-A": "{client}" } } }));
  assert.ok(!isRefused({ response: { set: { "X-A": '{"a": 1}' } } }));
});

test("RequestRules.applyTo() makes one request of one, of whatever the registry lets pass", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary-ascii", maxLength: 20 }),
    fc.constantFrom(
      "{host}",
      "a\r\nContent-Length: 5",
      "chunked",
      "x\r\n\r\nGET / HTTP/1.1",
      "Transfer-Encoding",
      "transfer_encoding",
      "Content-Length",
      "Host",
      "X-A",
      "close",
    ),
  );
  const direction = fc.record({
    set: fc.dictionary(text, text, { maxKeys: 3 }),
    add: fc.dictionary(text, text, { maxKeys: 3 }),
    remove: fc.array(text, { maxLength: 3 }),
  });
  let passed = 0;
  fc.assert(
    fc.property(
      direction,
      fc.constantFrom("GET", "POST"),
      (request, method) => {
        if (isRefused({ request })) return;
        passed += 1;
        const { asked, head } = sent({ request }, ["x-a", "1"], method);
        assert.deepEqual(head.framing, asked.framing);
        assert.equal(head.host, asked.host);
        assert.equal(head.method, method);
        assert.equal(head.target, "/a?b");
        assert.equal(head.keepAlive, true);
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(passed > 20, `${passed} passed`);
});

test("AnswerRules.applyTo() removes, sets and adds, and leaves the framing", () => {
  const rules = serviceRules(
    definition({
      response: {
        remove: ["Server", "X-Powered-By"],
        set: { "X-Frame-Options": "DENY" },
        add: { "Set-Cookie": "site={host}" },
      },
    }),
  )?.answers;
  const text = Buffer.from(
    rules?.applyTo(
      "HTTP/1.1 200 OK\r\nserver: x\r\nSet-Cookie: a=b\r\nX-Frame-Options: ALLOW\r\nX-Powered-By: y\r\nContent-Length: 3\r\nContent-Type: text/html\r\n\r\n",
      "h.example",
    ) ?? "",
  );
  const read = parseResponseHead(
    text,
    0,
    text.length,
    DEFAULT_HEAD_LIMITS,
    "GET",
  );
  assert.ok(read.kind === "head");
  assert.equal(read.size, text.length);
  assert.equal(read.head.contentLength, 3);
  assert.deepEqual(read.head.fields, [
    "Set-Cookie",
    "a=b",
    "Content-Length",
    "3",
    "Content-Type",
    "text/html",
    "X-Frame-Options",
    "DENY",
    "Set-Cookie",
    "site=h.example",
  ]);
});

test("AnswerRules.linesFor() leaves an answer of the proxy its own fields", () => {
  const rules = serviceRules(
    definition({
      response: { set: { "Cache-Control": "public", "X-A": "1" } },
    }),
  )?.answers;
  assert.equal(
    rules?.linesFor("HTTP/1.1 503 X\r\ncache-control: no-store\r\n", "h"),
    "X-A: 1\r\n",
  );
});

test("AnswerRules.publicLocation() takes out the Host that the target was told", () => {
  const rules = serviceRules(
    definition({ request: { host: "inner.example" } }),
  )?.answers;
  const location = (text: string) => rules?.publicLocation(text, "h");
  assert.equal(location("http://inner.example/x?y"), "/x?y");
  assert.equal(location("http://INNER.example//x"), "http://INNER.example//x");
  assert.equal(
    location("http://inner.example.evil/x"),
    "http://inner.example.evil/x",
  );
  assert.equal(location("http://other.example/x"), "http://other.example/x");
});
