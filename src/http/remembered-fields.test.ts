import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  bodyReader,
  composeRequestHead,
  DEFAULT_HEAD_LIMITS,
  isBodiless,
  isHeuristicallyCacheable,
  isHopByHop,
  KNOWN_FIELDS,
  parseRequestHead,
  parseResponseHead,
} from "./index.ts";

const OF_REQUESTS: Readonly<Record<string, string>> = {
  "accept-encoding": "acceptEncoding",
  authorization: "authorization",
  "cache-control": "cacheControl",
  "content-type": "contentType",
  cookie: "cookie",
  forwarded: "forwarded",
  "if-match": "ifMatch",
  "if-modified-since": "ifModifiedSince",
  "if-none-match": "ifNoneMatch",
  "if-range": "ifRange",
  "if-unmodified-since": "ifUnmodifiedSince",
  "max-forwards": "maxForwards",
  pragma: "pragma",
  range: "range",
  te: "te",
  via: "via",
  "x-forwarded-for": "xForwardedFor",
};

const OF_RESPONSES: Readonly<Record<string, string>> = {
  age: "age",
  "cache-control": "cacheControl",
  "content-encoding": "contentEncoding",
  "content-range": "contentRange",
  "content-type": "contentType",
  date: "date",
  etag: "etag",
  expires: "expires",
  "last-modified": "lastModified",
  location: "location",
  pragma: "pragma",
  trailer: "trailer",
  vary: "vary",
  via: "via",
  "zoogate-cache-control": "targetedCacheControl",
  "zoogate-release": "release",
};

/** Every property that a head has by name, read as a record. */
function propertiesOf(head: object): Readonly<Record<string, unknown>> {
  return { ...head };
}

/** A name as received in three spellings: lower, upper, and with its usual capitals. */
function spellings(name: string): readonly string[] {
  const usual = name.replaceAll(/\b[a-z]/g, (letter) => letter.toUpperCase());
  return [name, name.toUpperCase(), usual];
}

describe("parseRequestHead()", () => {
  for (const [name, property] of Object.entries(OF_REQUESTS))
    it(`remembers ${name}, however it is spelled`, () => {
      for (const spelling of spellings(name)) {
        const bytes = Buffer.from(
          `GET / HTTP/1.1\r\nHost: a\r\n${spelling}: value-1\r\n\r\n`,
        );
        const result = parseRequestHead(
          bytes,
          0,
          bytes.length,
          DEFAULT_HEAD_LIMITS,
        );
        assert.ok(result.kind === "head");
        const properties = propertiesOf(result.head);
        assert.equal(properties[property], "value-1");
        assert.equal(result.head.fields[2], spelling);
        for (const other of Object.values(OF_REQUESTS))
          if (other !== property) assert.equal(properties[other], undefined);
      }
    });
});

describe("parseResponseHead()", () => {
  for (const [name, property] of Object.entries(OF_RESPONSES))
    it(`remembers ${name}, however it is spelled`, () => {
      for (const spelling of spellings(name)) {
        const bytes = Buffer.from(
          `HTTP/1.1 200 OK\r\n${spelling}: value-1\r\n\r\n`,
        );
        const result = parseResponseHead(
          bytes,
          0,
          bytes.length,
          DEFAULT_HEAD_LIMITS,
          "GET",
        );
        assert.ok(result.kind === "head");
        const properties = propertiesOf(result.head);
        assert.equal(properties[property], "value-1");
        assert.equal(result.head.fields[0], spelling);
        for (const other of Object.values(OF_RESPONSES))
          if (other !== property) assert.equal(properties[other], undefined);
      }
    });

  it("recognises every known name, and none that only looks like one", () => {
    for (const [id, { name }] of KNOWN_FIELDS.entries()) {
      if (id === 0 || name.startsWith("content-length")) continue;
      if (name === "transfer-encoding" || name === "connection") continue;
      const almost = `${name.slice(0, -1)}~`;
      const bytes = Buffer.from(
        `HTTP/1.1 200 OK\r\n${name}: v\r\n${almost}: v\r\nx${name}: v\r\n\r\n`,
      );
      const result = parseResponseHead(
        bytes,
        0,
        bytes.length,
        DEFAULT_HEAD_LIMITS,
        "GET",
      );
      assert.ok(result.kind === "head", name);
      assert.deepEqual(result.head.ids, [id, 0, 0], name);
    }
  });
});

describe("isHopByHop()", () => {
  it("names the fields of one connection (RFC 9110 section 7.6.1)", () => {
    for (const name of [
      "connection",
      "keep-alive",
      "proxy-connection",
      "te",
      "transfer-encoding",
      "upgrade",
    ])
      assert.equal(isHopByHop(name), true, name);
    for (const name of ["content-length", "trailer", "host", "x", ""])
      assert.equal(isHopByHop(name), false, name);
  });
});

describe("composeRequestHead()", () => {
  it("takes the host from the Host field when there is no authority", () => {
    const result = composeRequestHead({
      method: "GET",
      target: "/",
      fields: ["host", "A:80"],
    });
    assert.ok(result.kind === "head");
    assert.deepEqual(result.head.fields, ["Host", "a"]);
  });
  it("refuses two Host fields that differ", () => {
    const result = composeRequestHead({
      method: "GET",
      target: "/",
      fields: ["host", "a", "host", "b"],
    });
    assert.ok(result.kind === "reject");
    assert.equal(result.code, "host-mismatch");
  });
});

describe("isHeuristicallyCacheable()", () => {
  it("names the statuses of RFC 9110 section 15.1", () => {
    assert.equal(isHeuristicallyCacheable(404), true);
    assert.equal(isHeuristicallyCacheable(302), false);
  });
});

describe("isBodiless()", () => {
  it("names the statuses without content (RFC 9110 section 6.4.1)", () => {
    assert.deepEqual([100, 204, 304, 200, 205].map(isBodiless), [
      true,
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("bodyReader()", () => {
  it("follows content up to the end of the connection", () => {
    const reader = bodyReader({ kind: "until-close", bytes: 0 });
    assert.equal(reader.follow(Buffer.alloc(8), 0, 8), "more");
    assert.ok(reader.close());
    assert.equal(reader.follow(Buffer.alloc(8), 8, 8), "end");
    assert.equal(reader.dataBytes, 8);
  });
});
