import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatAddress,
  isLoopback,
  isWildcard,
  parseAddress,
} from "./address.ts";

test("parseAddress() reads names, IPv4, IPv6 in brackets and a bare port", () => {
  const cases = [
    ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
    ["web.example:8080", { host: "web.example", port: 8080 }],
    ["[::1]:2181", { host: "::1", port: 2181 }],
    [":8080", { host: "0.0.0.0", port: 8080 }],
  ] as const;
  for (const [text, address] of cases)
    assert.deepEqual(parseAddress(text, "--listen"), address);
});

test("parseAddress() refuses what is not HOST:PORT, and says how it should be", () => {
  for (const text of ["80", "host", "host:", "::1:80", "[x]:1", "a:70000", ""])
    assert.throws(() => parseAddress(text, "--listen"), {
      code: "bad-address",
      message: /--listen .* should be HOST:PORT/u,
    });
});

test("formatAddress() is what parseAddress() reads", () => {
  for (const text of ["127.0.0.1:80", "[::1]:2181"])
    assert.equal(formatAddress(parseAddress(text, "--listen")), text);
});

test("isLoopback() and isWildcard() know both families", () => {
  assert.ok(isLoopback("127.0.0.9") && isLoopback("::1"));
  assert.ok(!isLoopback("127.example") && !isLoopback("10.0.0.1"));
  assert.ok(isWildcard("0.0.0.0") && isWildcard("::"));
});
