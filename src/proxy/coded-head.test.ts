import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DEFAULT_HEAD_LIMITS,
  parseResponseHead,
  type ResponseHead,
} from "../http/index.ts";
import { codedHead, codedNotModified, recodedFields } from "./coded-head.ts";
import { isCompressible } from "./compressible.ts";

function head(status: number, lines: readonly string[]): ResponseHead {
  const bytes = Buffer.from(
    `HTTP/1.1 ${status} X\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`,
  );
  const result = parseResponseHead(
    bytes,
    0,
    bytes.length,
    DEFAULT_HEAD_LIMITS,
    "GET",
  );
  assert.ok(result.kind === "head");
  return result.head;
}

test("codedHead() tells of the coded content, and of nothing that was the target's alone", () => {
  const coded = codedHead(
    head(200, [
      "Content-Length: 5000",
      'ETag: "a"',
      "Vary: Accept-Language",
      "Accept-Ranges: bytes",
      "Content-MD5: x",
      "Repr-Digest: sha-256=:x:",
      "X-Other: y",
    ]),
    "br",
  );
  assert.deepEqual(coded.fields, [
    "Vary",
    "Accept-Language",
    "X-Other",
    "y",
    "Content-Encoding",
    "br",
    "ETag",
    'W/"a"',
    "Vary",
    "Accept-Encoding",
  ]);
  assert.equal(coded.ids.length, coded.fields.length / 2);
  assert.equal(coded.etag, 'W/"a"');
  assert.equal(coded.vary, "Accept-Language, Accept-Encoding");
  assert.equal(coded.contentLength, -1);
});

test("codedHead() names Accept-Encoding in Vary once", () => {
  for (const vary of ["accept-encoding", "Accept, Accept-Encoding", "*"])
    assert.equal(codedHead(head(200, [`Vary: ${vary}`]), undefined).vary, vary);
});

test("recodedFields() keeps of a 304 what is true of coded content", () => {
  const stored = ["ETag", 'W/"a"', "Vary", "Accept, Accept-Encoding"];
  assert.deepEqual(
    recodedFields(["ETag", '"a"', "Vary", "Accept", "Date", "x"], stored),
    ["ETag", 'W/"a"', "Vary", "Accept", "Date", "x", "Vary", "Accept-Encoding"],
  );
  // Another representation, or one that the target coded itself.
  assert.deepEqual(recodedFields(["ETag", '"b"'], stored), ["ETag", '"b"']);
  assert.deepEqual(recodedFields(["ETag", '"a"'], ["ETag", '"a"']), [
    "ETag",
    '"a"',
  ]);
});

test("codedNotModified() weakens the tag for a client that has the coded content only", () => {
  const plain = head(304, ['ETag: "a"']);
  assert.equal(codedNotModified(plain, '"a"'), plain);
  assert.equal(codedNotModified(plain, undefined), plain);
  const coded = codedNotModified(plain, '"b", W/"a"');
  assert.deepEqual(coded.fields, ["ETag", 'W/"a"', "Vary", "Accept-Encoding"]);
});

test("isCompressible() knows text by its type, whatever its parameters and case", () => {
  for (const type of [
    "text/html; charset=utf-8",
    "TEXT/CSS",
    "application/json",
    "application/ld+json",
    "image/svg+xml",
    "application/wasm",
    "model/obj",
  ])
    assert.ok(isCompressible(type, ["model/obj"]), type);
  for (const type of [
    undefined,
    "",
    "image/png",
    "font/woff2",
    "text/event-stream",
    "text/event-stream; charset=utf-8",
    "application/gzip",
    "textual/x",
  ])
    assert.ok(!isCompressible(type, []), String(type));
});
