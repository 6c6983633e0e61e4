import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { REQUEST_HEADS } from "../../test/vectors/http/request-heads.ts";
import { RESPONSE_HEADS } from "../../test/vectors/http/response-heads.ts";
import {
  DEFAULT_HEAD_LIMITS,
  type HeadResult,
  parseRequestHead,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
} from "./index.ts";

/**
 * Feeds `text` in steps of `step` bytes into the middle of a larger buffer, as
 * a connection would, and answers the first result that is not "incomplete".
 */
function feed<Head>(
  text: string,
  step: number,
  parse: (bytes: Buffer, start: number, end: number) => HeadResult<Head>,
): HeadResult<Head> {
  const margin = 7;
  // What lies around is a head of its own: reading it would show.
  const bytes = Buffer.from(`\r\n\r\n\r\n\r${text}\r\n\r\n`, "latin1");
  for (let end = 0; end < text.length;) {
    end = Math.min(text.length, end + step);
    const result = parse(bytes, margin, margin + end);
    if (result.kind !== "incomplete" || end === text.length) return result;
  }
  return parse(bytes, margin, margin);
}

/** A head whose target has that many bytes. */
function withTarget(bytes: number): string {
  return `GET /${"a".repeat(bytes - 1)} HTTP/1.1\r\nHost: a\r\n\r\n`;
}

function readingOf(head: RequestHead | ResponseHead): Record<string, unknown> {
  const { framing, ...others } = head;
  return { ...others, framing: framing.kind, length: framing.bytes };
}

function check(
  name: string,
  result: HeadResult<RequestHead | ResponseHead>,
  vector: { readonly bytes: string; readonly expect: object | string },
): void {
  const { expect } = vector;
  if (typeof expect === "string") {
    assert.equal(
      result.kind === "reject" ? result.code : result.kind,
      expect,
      name,
    );
    return;
  }
  if (result.kind !== "head") assert.fail(`${name}: ${JSON.stringify(result)}`);
  assert.equal(result.size, vector.bytes.length, name);
  const reading = readingOf(result.head);
  for (const [key, value] of Object.entries(expect))
    assert.deepEqual(reading[key], value, `${name}: ${key}`);
}

describe("parseRequestHead()", () => {
  for (const vector of REQUEST_HEADS)
    it(`reads the same at every split: ${vector.name}`, () => {
      for (let step = 1; step <= vector.bytes.length; step++) {
        const result = feed(vector.bytes, step, (bytes, start, end) =>
          parseRequestHead(bytes, start, end, DEFAULT_HEAD_LIMITS),
        );
        check(`step ${step}`, result, vector);
      }
    });

  it("answers incomplete for every proper prefix of a good head", () => {
    const text = "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
    const bytes = Buffer.from(`${text}abc`, "latin1");
    for (let end = 0; end < text.length; end++)
      assert.equal(
        parseRequestHead(bytes, 0, end, DEFAULT_HEAD_LIMITS).kind,
        "incomplete",
      );
  });

  it("leaves content and pipelined requests after the head alone", () => {
    const first = "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n";
    const bytes = Buffer.from(`${first}GET /2 HTTP/1.1\r\nHost: b\r\n\r\n`);
    const one = parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
    assert.ok(one.kind === "head");
    assert.equal(one.size, first.length);
    const two = parseRequestHead(
      bytes,
      one.size,
      bytes.length,
      DEFAULT_HEAD_LIMITS,
    );
    assert.ok(two.kind === "head");
    assert.equal(two.head.target, "/2");
    assert.equal(two.head.host, "b");
  });

  it("refuses a head, a target and a number of fields beyond its limits", () => {
    const limits = { maxHeadBytes: 1024, maxFields: 16, maxTargetBytes: 256 };
    const read = (text: string) => {
      const bytes = Buffer.from(text, "latin1");
      const result = parseRequestHead(bytes, 0, bytes.length, limits);
      return result.kind === "reject" ? result.code : result.kind;
    };
    const start = "GET / HTTP/1.1\r\nHost: a\r\n";
    const fill = (bytes: number) =>
      `${start}X: ${"y".repeat(bytes - start.length - 7)}\r\n\r\n`;
    assert.equal(read(fill(1024)), "head");
    assert.equal(read(fill(1025)), "head-too-large");
    assert.equal(read(fill(1025).slice(0, 1024)), "head-too-large");
    assert.equal(read(fill(1025).slice(0, 1023)), "incomplete");
    assert.equal(read(withTarget(256)), "head");
    assert.equal(read(withTarget(257)), "target-too-long");
    assert.equal(read(withTarget(900).slice(0, 500)), "target-too-long");
    assert.equal(read(`${start}${"X: y\r\n".repeat(15)}\r\n`), "head");
    assert.equal(
      read(`${start}${"X: y\r\n".repeat(16)}\r\n`),
      "too-many-fields",
    );
  });

  it("refuses what cannot become a head without waiting for its end", () => {
    const early: readonly (readonly [string, string])[] = [
      ["\x16\x03\x01\x02\x00", "bad-method"], // a TLS ClientHello
      ["GET / HTTP/1.1\n", "bare-lf"],
      ["\rG", "bare-cr"],
      ["\n", "bare-lf"],
      [" ", "bad-request-line"],
      ["A".repeat(30), "method-too-long"],
    ];
    for (const [text, code] of early) {
      const bytes = Buffer.from(text, "latin1");
      const result = parseRequestHead(
        bytes,
        0,
        bytes.length,
        DEFAULT_HEAD_LIMITS,
      );
      assert.deepEqual(result, { kind: "reject", code, offset: 0 });
    }
  });

  it("marks every field with its id, and gives every head one shape", () => {
    const bytes = Buffer.from(
      "GET / HTTP/1.1\r\nHOST: a\r\nX-Y: z\r\nCookie: c\r\n\r\n",
    );
    const result = parseRequestHead(
      bytes,
      0,
      bytes.length,
      DEFAULT_HEAD_LIMITS,
    );
    assert.ok(result.kind === "head");
    assert.deepEqual(result.head.ids, [1, 0, 14]);
    const bare = Buffer.from("GET / HTTP/1.0\r\n\r\n");
    const other = parseRequestHead(bare, 0, bare.length, DEFAULT_HEAD_LIMITS);
    assert.ok(other.kind === "head");
    assert.deepEqual(Object.keys(other.head), Object.keys(result.head));
  });
});

describe("parseResponseHead()", () => {
  for (const vector of RESPONSE_HEADS)
    it(`reads the same at every split: ${vector.name}`, () => {
      for (let step = 1; step <= vector.bytes.length; step++) {
        const result = feed(vector.bytes, step, (bytes, start, end) =>
          parseResponseHead(
            bytes,
            start,
            end,
            DEFAULT_HEAD_LIMITS,
            vector.requestMethod ?? "GET",
          ),
        );
        check(`step ${step}`, result, vector);
      }
    });

  it("remembers what the cache asks for", () => {
    const bytes = Buffer.from(
      [
        "HTTP/1.1 200 OK",
        "Cache-Control: public",
        "cache-control: max-age=5",
        'ETag: "e"',
        "Vary: A",
        "Vary: B",
        "Zoogate-Release: r1",
        "Zoogate-Cache-Control: max-age=60",
        "Set-Cookie: a=b",
        "Content-Length: 0",
        "\r\n",
      ].join("\r\n"),
    );
    const result = parseResponseHead(
      bytes,
      0,
      bytes.length,
      DEFAULT_HEAD_LIMITS,
      "GET",
    );
    assert.ok(result.kind === "head");
    const { head } = result;
    assert.equal(head.cacheControl, "public, max-age=5");
    assert.equal(head.etag, '"e"');
    assert.equal(head.vary, "A, B");
    assert.equal(head.release, "r1");
    assert.equal(head.targetedCacheControl, "max-age=60");
    assert.equal(head.hasSetCookie, true);
  });

  it("refuses a head that has no end within its limit", () => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nX: ${"y".repeat(2000)}`);
    assert.deepEqual(
      parseResponseHead(
        bytes,
        0,
        bytes.length,
        { ...DEFAULT_HEAD_LIMITS, maxHeadBytes: 1024 },
        "GET",
      ),
      { kind: "reject", code: "head-too-large", offset: 0 },
    );
  });
});

describe("parseRequestHead()", () => {
  /** `host` and `hostname`, or the fault. */
  const hostOf = (target: string, host: string) => {
    const text = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const result = feed(text, text.length, (bytes, start, end) =>
      parseRequestHead(bytes, start, end, DEFAULT_HEAD_LIMITS),
    );
    if (result.kind === "reject") return result.code;
    return result.kind === "head" && [result.head.host, result.head.hostname];
  };

  it("reads each host for itself, whatever the one before it was", () => {
    const plain = "http://a.example:443/";
    const secure = "https://a.example:443/";
    for (let time = 0; time < 2; time++) {
      assert.deepEqual(hostOf("/", "A.example"), ["a.example", "a.example"]);
      assert.equal(hostOf("/", "a b"), "bad-host");
      assert.equal(hostOf("/", "a b"), "bad-host");
      assert.deepEqual(hostOf(plain, "a.example:443"), [
        "a.example:443",
        "a.example",
      ]);
      assert.deepEqual(hostOf(secure, "a.example:443"), [
        "a.example",
        "a.example",
      ]);
      assert.equal(hostOf(plain, "b.example"), "host-mismatch");
      assert.deepEqual(hostOf("/", "b.example"), ["b.example", "b.example"]);
    }
  });
});
