import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  appendFields,
  appendForwardedFor,
  composeRequestHead,
  DEFAULT_HEAD_LIMITS,
  endToEndFields,
  fieldSet,
  forwardedElement,
  hasDotSegment,
  HOP_BY_HOP_SET,
  isBelow,
  nodeAddress,
  parseForwarded,
  parseForwardedFor,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type RequestParts,
  serializeRequestHead,
  serializeResponseHead,
  statusLine,
} from "./index.ts";

function headOf(text: string): RequestHead {
  const bytes = Buffer.from(text, "latin1");
  const result = parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
  if (result.kind !== "head") assert.fail(JSON.stringify(result));
  return result.head;
}

function codeOf(parts: RequestParts): string {
  const result = composeRequestHead(parts);
  return result.kind === "reject" ? result.code : result.kind;
}

const token = fc.string({
  unit: fc.constantFrom(...Array.from("abcXYZ019-!#$%&'*+.^_`|~")),
  minLength: 1,
  maxLength: 12,
});
const value = fc
  .string({
    unit: fc.constantFrom(...Array.from("ab\"',;:=\\ \t\xff\x80é")),
    maxLength: 20,
  })
  .map((text) => text.replaceAll(/^[ \t]+|[ \t]+$/g, ""));
const fields = fc
  .array(
    fc.tuple(
      token.map((name) => `X-${name}`),
      value,
    ),
    { maxLength: 10 },
  )
  .map((pairs) => pairs.flat());

describe("serializeRequestHead()", () => {
  it("writes what parseRequestHead() reads back", () => {
    fc.assert(
      fc.property(token, fields, (method, list) => {
        const all = ["Host", "a", ...list];
        const head = headOf(serializeRequestHead(method, "/a?b", all));
        assert.equal(head.method, method);
        assert.equal(head.target, "/a?b");
        assert.deepEqual(head.fields, all);
      }),
    );
  });
});

describe("serializeResponseHead()", () => {
  it("writes what parseResponseHead() reads back", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 200, max: 599 }),
        fields,
        (status, list) => {
          const bytes = Buffer.from(
            serializeResponseHead(status, list),
            "latin1",
          );
          const result = parseResponseHead(
            bytes,
            0,
            bytes.length,
            DEFAULT_HEAD_LIMITS,
            "GET",
          );
          if (result.kind !== "head") assert.fail(JSON.stringify(result));
          assert.equal(result.head.status, status);
          assert.deepEqual(result.head.fields, list);
        },
      ),
    );
  });

  it("takes a reason of the caller's", () => {
    assert.equal(statusLine(404), "HTTP/1.1 404 Not Found\r\n");
    assert.equal(statusLine(404, "Weg"), "HTTP/1.1 404 Weg\r\n");
    assert.equal(statusLine(404, ""), "HTTP/1.1 404 \r\n");
  });
});

describe("appendFields()", () => {
  const head = headOf(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nTE: trailers\r\nx-hop: 1\r\nKeep-Alive: 5\r\nVia: b\r\nX-End: 2\r\n\r\n",
  );
  it("leaves out hop-by-hop fields and those that Connection names (RFC 9110 section 7.6.1)", () => {
    assert.equal(
      appendFields("", head, HOP_BY_HOP_SET),
      "Host: a\r\nVia: b\r\nX-End: 2\r\n",
    );
    assert.deepEqual(endToEndFields(head), [
      "Host",
      "a",
      "Via",
      "b",
      "X-End",
      "2",
    ]);
  });
  it("leaves out what a set names besides", () => {
    assert.equal(
      appendFields(">", head, fieldSet(["via", "host"])),
      ">X-End: 2\r\n",
    );
  });
});

describe("composeRequestHead()", () => {
  const base = {
    method: "GET",
    target: "/a?b",
    authority: "Example.com:443",
    scheme: "https",
  } as const;

  it("makes the head of an HTTP/2 request (RFC 9113 section 8.3)", () => {
    const result = composeRequestHead({
      ...base,
      fields: ["cookie", "a=1", "x-y", "z", "cookie", "b=2", "te", "trailers"],
    });
    assert.ok(result.kind === "head");
    assert.equal(result.head.host, "example.com");
    assert.equal(result.head.path, "/a");
    assert.equal(result.head.cookie, "a=1; b=2");
    assert.deepEqual(
      result.head.fields,
      ["Host", "example.com", "x-y", "z", "cookie", "a=1; b=2"].toSpliced(
        4,
        0,
        "te",
        "trailers",
      ),
    );
    assert.equal(result.head.framing.kind, "none");
  });

  it("gives content without a length chunks, and keeps a length", () => {
    const chunked = composeRequestHead({ ...base, hasContent: true });
    assert.ok(
      chunked.kind === "head" && chunked.head.framing.kind === "chunked",
    );
    const sized = composeRequestHead({
      ...base,
      hasContent: true,
      fields: ["content-length", "5"],
    });
    assert.ok(sized.kind === "head" && sized.head.framing.bytes === 5);
  });

  it("refuses whatever would become something else in HTTP/1.1", () => {
    const withField = (name: string, text: string) =>
      codeOf({ ...base, fields: [name, text] });
    assert.equal(withField("x", "a\r\nhost: b"), "bad-field-value");
    assert.equal(withField("x", "a\nb"), "bad-field-value");
    assert.equal(withField("x", "a\0"), "bad-field-value");
    assert.equal(withField("x", "\u0100"), "bad-field-value");
    assert.equal(withField("x\r\ny", "a"), "bad-field-name");
    assert.equal(withField("x: y", "a"), "bad-field-name");
    assert.equal(withField("x ", "a"), "bad-field-name");
    assert.equal(withField("", "a"), "bad-field-name");
    assert.equal(withField(":path", "/b"), "bad-field-name");
    assert.equal(withField("X", "a"), "bad-field-name");
    assert.equal(
      withField("transfer-encoding", "chunked"),
      "forbidden-http2-field",
    );
    assert.equal(withField("connection", "close"), "forbidden-http2-field");
    assert.equal(withField("keep-alive", "5"), "forbidden-http2-field");
    assert.equal(withField("upgrade", "h2c"), "forbidden-http2-field");
    assert.equal(withField("te", "gzip"), "forbidden-http2-field");
    assert.equal(withField("content-length", "5, 5"), "bad-content-length");
    assert.equal(withField("host", "b"), "host-mismatch");
    assert.equal(withField("content_length", "5"), "confusable-field-name");
    assert.equal(
      codeOf({
        ...base,
        fields: ["content-length", "5", "content-length", "5"],
      }),
      "repeated-content-length",
    );
    assert.equal(
      codeOf({ ...base, method: "GET / HTTP/1.1\r\nx:" }),
      "bad-method",
    );
    assert.equal(codeOf({ ...base, method: "" }), "bad-method");
    assert.equal(
      codeOf({ ...base, target: "/ HTTP/1.1\r\nx: y" }),
      "bad-target",
    );
    assert.equal(codeOf({ ...base, target: "/\u010a" }), "bad-target");
    assert.equal(codeOf({ ...base, target: "" }), "bad-target");
    assert.equal(codeOf({ ...base, target: "http://b/" }), "bad-target");
    assert.equal(codeOf({ ...base, target: "*" }), "bad-target");
    assert.equal(codeOf({ ...base, target: "/#a" }), "bad-target");
    assert.equal(codeOf({ ...base, authority: "a@b" }), "bad-host");
    assert.equal(codeOf({ ...base, authority: "a\r\nx: y" }), "bad-host");
    assert.equal(codeOf({ method: "GET", target: "/" }), "missing-host");
  });
});

describe("parseForwarded()", () => {
  it("reads what forwardedElement() writes (RFC 7239 section 4)", () => {
    const element = {
      for: "[2001:db8::1]:80",
      by: undefined,
      host: "a:81",
      proto: "https",
    };
    assert.deepEqual(
      parseForwarded(`${forwardedElement(element)}, for=10.0.0.1`),
      [
        element,
        { for: "10.0.0.1", by: undefined, host: undefined, proto: undefined },
      ],
    );
    assert.equal(
      forwardedElement({ for: "2001:db8::1" }),
      'for="[2001:db8::1]"',
    );
  });
  it("believes nothing of a value that is malformed anywhere", () => {
    for (const text of [
      "for",
      "for=a b",
      'for="a',
      "for=a, for",
      "for=a;for=b",
      "=a",
      "for=[::1]",
      "for=a;;x",
    ])
      assert.equal(parseForwarded(text), undefined, text);
  });
});

describe("nodeAddress()", () => {
  it("answers the address without port and brackets", () => {
    assert.equal(nodeAddress("10.0.0.1:80"), "10.0.0.1");
    assert.equal(nodeAddress("[2001:DB8::1]:80"), "2001:db8::1");
    assert.equal(nodeAddress("2001:db8::1"), "2001:db8::1");
    assert.equal(nodeAddress("_hidden"), "_hidden");
    assert.equal(nodeAddress("a b"), undefined);
  });
});

describe("appendForwardedFor()", () => {
  it("puts an address at the end of the list", () => {
    assert.equal(appendForwardedFor(undefined, "b"), "b");
    assert.deepEqual(parseForwardedFor(appendForwardedFor("a", "b")), [
      "a",
      "b",
    ]);
  });
});

describe("hasDotSegment()", () => {
  it("finds dot segments, plain or percent-encoded (RFC 3986 section 3.3)", () => {
    for (const path of [
      "/..",
      "/./a",
      "/a/../b",
      "/a/%2e%2E/b",
      "/.%2e",
      "/a/.",
    ])
      assert.equal(hasDotSegment(path), true, path);
    for (const path of [
      "/",
      "/a.b",
      "/...",
      "/..a/b",
      "/.well-known/x",
      "/%20",
      "/a%2e",
    ])
      assert.equal(hasDotSegment(path), false, path);
  });
});

describe("isBelow()", () => {
  it("ends a prefix at a slash", () => {
    assert.equal(isBelow("/api/x", "/api"), true);
    assert.equal(isBelow("/api", "/api"), true);
    assert.equal(isBelow("/apix", "/api"), false);
    assert.equal(isBelow("/api/x", "/api/"), true);
    assert.equal(isBelow("/x", "/"), true);
  });
});
