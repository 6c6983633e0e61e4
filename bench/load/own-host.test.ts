import assert from "node:assert/strict";
import { test } from "node:test";
import { isLoopback } from "./own-host.ts";

for (const [url, expected] of [
  ["http://127.0.0.1:8080/", true],
  ["http://127.9.9.9/", true],
  ["http://[::1]:8080/", true],
  ["http://192.0.2.1/", false],
  ["http://0.0.0.0/", false],
  ["http://[2001:db8::1]/", false],
] as const)
  test(`isLoopback() answers ${expected} for ${url}`, async () => {
    assert.equal(await isLoopback(new URL(url)), expected);
  });
