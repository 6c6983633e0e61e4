import { parseProxyLine, proxyLine } from "./proxy-header-v1.ts";
import {
  parseProxyBlock,
  PROXY_BLOCK_START,
  proxyBlock,
} from "./proxy-header-v2.ts";
import type {
  ProxyEnds,
  ProxyHeaderResult,
  ProxyProtocolVersion,
} from "./proxy-header.ts";

const LINE_START = Buffer.from("PROXY ", "latin1");

/** Reads the header at the beginning of `bytes[from..end)`; keeps no state. */
export function parseProxyHeader(
  bytes: Buffer,
  from: number,
  end: number,
): ProxyHeaderResult {
  if (from === end) return { kind: "incomplete" };
  const isLine = bytes[from] === LINE_START[0];
  const start = isLine ? LINE_START : PROXY_BLOCK_START;
  const present = Math.min(start.length, end - from);
  if (bytes.compare(start, 0, present, from, from + present) !== 0)
    return { kind: "reject", code: "bad-signature" };
  if (present < start.length) return { kind: "incomplete" };
  const header = bytes.subarray(from, end);
  return isLine ? parseProxyLine(header) : parseProxyBlock(header);
}

/** The header for a connection with these ends; undefined: they cannot be told. */
export function proxyHeader(
  version: ProxyProtocolVersion,
  ends: ProxyEnds | undefined,
): Buffer {
  return version === "v1" ? proxyLine(ends) : proxyBlock(ends);
}

/** The header for a connection of our own, such as a health check. */
export function localProxyHeader(version: ProxyProtocolVersion): Buffer {
  // Section 2.2: LOCAL is for "health-checks"; version 1 has UNKNOWN alone.
  return version === "v1" ? proxyLine(undefined) : proxyBlock("local");
}
