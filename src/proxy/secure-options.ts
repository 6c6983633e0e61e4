import type { OptionTable } from "../base/index.ts";

/** Limits of TLS and HTTP/2 towards clients; those of HTTP/1.1 hold there too. */
export const SECURE_OPTIONS = {
  handshakeTimeoutMs: {
    type: "number",
    default: 10_000,
    min: 100,
    max: 600_000,
    doc: "From the first byte of a TLS handshake to its end.",
  },
  hstsSeconds: {
    type: "number",
    default: 0,
    min: 0,
    max: 126_230_400,
    doc: "Answers over TLS carry Strict-Transport-Security with this max-age unless the target sent its own; 0 adds none (RFC 6797).",
    danger: "Browsers refuse plain HTTP, and bad certificates, for this long.",
  },
  http2MaxStreams: {
    type: "number",
    default: 128,
    min: 1,
    max: 10_000,
    doc: "Requests one HTTP/2 connection may have in work at a time (RFC 9113 section 5.1.2).",
    danger: "Every one of them may hold a window of content in memory.",
  },
  http2MaxHeaderListBytes: {
    type: "number",
    default: 65_536,
    min: 4096,
    max: 1_048_576,
    doc: "Largest header list of an HTTP/2 request, decompressed, 32 bytes added for each field; above it the stream is reset.",
  },
  http2WindowBytes: {
    type: "number",
    default: 65_535,
    min: 16_384,
    max: 16_777_216,
    doc: "Content an HTTP/2 client may send on one stream before a target has taken it.",
  },
  http2SessionMegabytes: {
    type: "number",
    default: 10,
    min: 1,
    max: 1024,
    doc: "Memory one HTTP/2 connection may hold; above it new streams are refused.",
  },
  http2IntervalMs: {
    type: "number",
    default: 10_000,
    min: 100,
    max: 600_000,
    doc: "The time over which resets and control frames of one HTTP/2 connection are counted.",
  },
  http2MaxResets: {
    type: "number",
    default: 200,
    min: 1,
    max: 1_000_000,
    doc: "Streams an HTTP/2 client may reset in one interval; above it the connection is closed with ENHANCE_YOUR_CALM (CVE-2023-44487).",
  },
  http2MaxControlFrames: {
    type: "number",
    default: 500,
    min: 1,
    max: 1_000_000,
    doc: "PING and SETTINGS frames an HTTP/2 client may send in one interval; above it the connection is closed with ENHANCE_YOUR_CALM.",
  },
} as const satisfies OptionTable;
