import assert from "node:assert/strict";
import { test } from "node:test";
import {
  addressKey,
  parseTargetRecord,
  readTargetAddress,
} from "./target-record.ts";

test("readTargetAddress() reads hosts, IPv6 addresses and sockets", () => {
  const cases = {
    "http://10.0.0.1:8080": { host: "10.0.0.1", port: 8080 },
    "http://web-1/": { host: "web-1", port: 80 },
    "http://[::1]:81": { host: "::1", port: 81 },
    "https://web-1": { host: "web-1", port: 443 },
  };
  for (const [url, address] of Object.entries(cases))
    assert.deepEqual(readTargetAddress(url), {
      ...address,
      socketPath: undefined,
    });
  assert.deepEqual(readTargetAddress("unix:/run/web.sock"), {
    host: "",
    port: 0,
    socketPath: "/run/web.sock",
  });
});

test("readTargetAddress() refuses what the data plane cannot dial", () => {
  for (const url of [
    "",
    "web:80",
    "ftp://web",
    "http://web/path",
    "http://u@web",
    "http://web?x",
    "unix:x",
  ])
    assert.equal(readTargetAddress(url), undefined, url);
});

function key(url: string): string {
  const address = readTargetAddress(url);
  assert.ok(address);
  return addressKey(address);
}

function parse(value: unknown) {
  return parseTargetRecord(Buffer.from(JSON.stringify(value)));
}

test("addressKey() is one for each address", () => {
  assert.equal(key("http://a"), key("http://a:80/"));
  assert.notEqual(key("http://a:80"), key("http://a:81"));
});

test("parseTargetRecord() needs a url and a weight above 0", () => {
  const parsed = parse({ url: "http://a:1", future: 1 });
  assert.deepEqual(parsed, {
    kind: "value",
    value: { url: "http://a:1", weight: 1, state: "ready" },
    unknownKeys: ["future"],
  });
  for (const value of [
    {},
    { url: "a" },
    { url: "http://a", weight: 0 },
    { url: "http://a", state: "gone" },
  ])
    assert.equal(parse(value).kind, "reject");
  assert.equal(parseTargetRecord(null).kind, "reject");
});
