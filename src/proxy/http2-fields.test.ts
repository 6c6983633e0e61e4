import assert from "node:assert/strict";
import { test } from "node:test";
import { http2Headers, storedHttp2Headers } from "./http2-fields.ts";

function headOf(path: string): string {
  return `HTTP/1.1 203 Fine\r\nContent-Length: 4\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Path: ${path}\r\nAge: 3\r\n\r\n`;
}

test("storedHttp2Headers() answers the status and what http2Headers() does, each time", () => {
  const other = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  for (let time = 0; time < 3; time++) {
    assert.deepEqual(storedHttp2Headers(headOf("/a")), {
      ":status": 203,
      ...http2Headers(headOf("/a")),
    });
    assert.deepEqual(storedHttp2Headers(other), {
      ":status": 200,
      "content-length": "5",
    });
  }
});

test("storedHttp2Headers() remembers the last few heads and no long ones", () => {
  const first = storedHttp2Headers(headOf("/first"));
  assert.equal(storedHttp2Headers(headOf("/first")), first);
  const long = headOf(`/${"x".repeat(2048)}`);
  assert.notEqual(storedHttp2Headers(long), storedHttp2Headers(long));
  for (let index = 0; index < 256; index++)
    storedHttp2Headers(headOf(`/${index}`));
  assert.notEqual(storedHttp2Headers(headOf("/first")), first);
});
