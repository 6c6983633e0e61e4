import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatAddress,
  isLoopback,
  isWildcard,
  plainAddress,
  readAddress,
} from "./address.ts";

test("readAddress() reads names, IPv4, IPv6 in brackets and a bare port", () => {
  const cases = [
    ["127.0.0.1:80", { host: "127.0.0.1", port: 80 }],
    ["web.example:8080", { host: "web.example", port: 8080 }],
    ["[::1]:2181", { host: "::1", port: 2181 }],
    [":8080", { host: "0.0.0.0", port: 8080 }],
  ] as const;
  for (const [text, address] of cases)
    assert.deepEqual(readAddress(text), address);
});

test("readAddress() reads the absolute path of a Unix socket", () => {
  assert.deepEqual(readAddress("unix:/run/web.sock"), {
    host: "",
    port: 0,
    socketPath: "/run/web.sock",
  });
});

test("readAddress() answers nothing for anything else", () => {
  const longest = `unix:/${"a".repeat(102)}`;
  assert.ok(readAddress(longest) !== undefined);
  for (const text of [
    "80",
    "host",
    "host:",
    "::1:80",
    "[x]:1",
    "a:70000",
    "",
    "unix:",
    "unix:/",
    "unix:run/web.sock",
    "unix:/run/",
    "unix:/run/a\0b",
    `${longest}a`,
  ])
    assert.equal(readAddress(text), undefined, text);
});

test("formatAddress() is what readAddress() reads", () => {
  for (const text of ["127.0.0.1:80", "[::1]:2181", "unix:/run/web.sock"]) {
    const address = readAddress(text);
    assert.ok(address !== undefined);
    assert.equal(formatAddress(address), text);
  }
});

test("isLoopback() and isWildcard() know both families and names", () => {
  for (const host of ["127.0.0.9", "::1", "::ffff:127.0.0.1", "LocalHost."])
    assert.ok(isLoopback(host), host);
  for (const host of ["127.example", "10.0.0.1", "::2", ""])
    assert.ok(!isLoopback(host), host);
  for (const host of ["0.0.0.0", "::", "", "*"])
    assert.ok(isWildcard(host), host);
  assert.ok(!isWildcard("0.0.0.1"));
});

test("plainAddress() writes each address in one way", () => {
  const cases = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:C000:0201", "192.0.2.1"],
    ["2001:0DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["unix:", "unix:"],
    ["", ""],
  ] as const;
  for (const [address, plain] of cases)
    assert.equal(plainAddress(address), plain);
});
