import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { PROXY_HEADERS } from "../../test/vectors/http/proxy-headers.ts";
import { crc32c } from "./crc32c.ts";
import {
  localProxyHeader,
  MAX_PROXY_HEADER_BYTES,
  parseProxyHeader,
  proxyHeader,
  type ProxyHeaderResult,
} from "./index.ts";

/** What follows a header belongs to the client, and looks like a header here. */
const AFTER = "PROXY UNKNOWN\r\n";

/** Reads `text` as it comes in steps, from the middle of a larger buffer. */
function feed(text: string, step: number): ProxyHeaderResult {
  const margin = 5;
  const bytes = Buffer.from(`PROXY${text}${AFTER}`, "latin1");
  for (let end = 0; end < text.length;) {
    end = Math.min(text.length, end + step);
    const result = parseProxyHeader(bytes, margin, margin + end);
    if (result.kind !== "incomplete") return result;
  }
  return { kind: "incomplete" };
}

for (const { name, bytes, expect } of PROXY_HEADERS)
  test(`parseProxyHeader() reads at every split: ${name}`, () => {
    const steps = new Set([1, 2, 3, 7, 107, ...lengths(bytes)]);
    for (const step of steps) {
      const result = feed(bytes, step);
      if (result.kind === "reject") assert.equal(result.code, expect);
      else
        assert.deepEqual(result, {
          kind: "header",
          ends: expect === "own" ? undefined : expect,
          size: bytes.length,
        });
    }
  });

/** Every chunk size, where that is not too many. */
function lengths(text: string): readonly number[] {
  return text.length > 600
    ? [text.length]
    : Array.from({ length: text.length }, (_, index) => index + 1);
}

test("parseProxyHeader() leaves what follows a header alone", () => {
  for (const { bytes, expect } of PROXY_HEADERS) {
    if (typeof expect === "string" && expect !== "own") continue;
    const whole = Buffer.from(bytes + AFTER, "latin1");
    const result = parseProxyHeader(whole, 0, whole.length);
    assert.equal(result.kind === "header" && result.size, bytes.length);
  }
});

test("crc32c() is Castagnoli's (RFC 3720 appendix B.4)", () => {
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43);
  assert.equal(crc32c(Buffer.from("123456789")), 0xe3069283);
});

const port = fc.integer({ min: 0, max: 65_535 });
const version = fc.constantFrom("v1" as const, "v2" as const);
const v4 = fc.record({ address: fc.ipV4(), port });
const v6 = fc.record({ address: fc.ipV6(), port });

test("proxyHeader() writes what parseProxyHeader() reads as the same", () => {
  const families = fc.oneof(fc.tuple(v4, v4), fc.tuple(v6, v6));
  fc.assert(
    fc.property(version, families, (by, [source, destination]) => {
      const bytes = proxyHeader(by, { source, destination });
      const result = parseProxyHeader(bytes, 0, bytes.length);
      assert.ok(result.kind === "header" && result.ends !== undefined);
      assert.equal(result.size, bytes.length);
      // One address has many texts; one header of either version tells which.
      const again = proxyHeader("v2", result.ends);
      assert.deepEqual(again, proxyHeader("v2", { source, destination }));
      assert.equal(result.ends.source.port, source.port);
      assert.equal(result.ends.destination.port, destination.port);
    }),
  );
});

test("proxyHeader() puts ends of two families into the larger one", () => {
  const source = { address: "192.0.2.7", port: 1 };
  const destination = { address: "2001:db8::1", port: 2 };
  assert.equal(
    proxyHeader("v1", { source, destination }).toString("latin1"),
    "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1 2\r\n",
  );
  const bytes = proxyHeader("v2", { source, destination });
  const result = parseProxyHeader(bytes, 0, bytes.length);
  assert.ok(result.kind === "header");
  assert.deepEqual(result.ends, {
    source: { address: "::ffff:192.0.2.7", port: 1 },
    destination,
  });
});

test("localProxyHeader() speaks for nobody else", () => {
  assert.equal(localProxyHeader("v1").toString("latin1"), "PROXY UNKNOWN\r\n");
  const bytes = localProxyHeader("v2");
  assert.equal(bytes[12], 0x20);
  assert.deepEqual(parseProxyHeader(bytes, 0, bytes.length), {
    kind: "header",
    ends: undefined,
    size: 16,
  });
});

test("parseProxyHeader() answers without throwing, soon enough and the same however bytes are cut", () => {
  const mutated = fc
    .tuple(
      fc.constantFrom(...PROXY_HEADERS.map(({ bytes }) => bytes.slice(0, 300))),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 3 }),
    )
    .map(([text, changes]) => {
      const bytes = Buffer.from(text, "latin1");
      for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
      return bytes;
    });
  const random = fc
    .uint8Array({ maxLength: 300 })
    .map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, random), fc.nat(300), (bytes, cut) => {
      const whole = parseProxyHeader(bytes, 0, bytes.length);
      const part = parseProxyHeader(bytes, 0, Math.min(cut, bytes.length));
      if (part.kind !== "incomplete") assert.deepEqual(whole, part);
      if (whole.kind === "header") assert.ok(whole.size <= bytes.length);
    }),
    { numRuns: 5000 },
  );
  const endless = Buffer.alloc(MAX_PROXY_HEADER_BYTES, "PROXY UNKNOWN ");
  assert.equal(parseProxyHeader(endless, 0, endless.length).kind, "reject");
});
