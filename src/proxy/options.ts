import type { OptionsOf, OptionTable } from "../base/index.ts";
import { CHUNKED_OPTIONS, HEAD_OPTIONS } from "../http/options.ts";
import { SECURE_OPTIONS } from "./secure-options.ts";

/**
 * Limits and times of the data plane, those of heads and chunked content on
 * both sides included. Connections, and what is told of addresses, are counted over
 * all worker threads; everything else holds for one.
 */
export const PROXY_OPTIONS = {
  ...HEAD_OPTIONS,
  ...CHUNKED_OPTIONS,
  ...SECURE_OPTIONS,
  maxConnections: {
    type: "number",
    default: 65_536,
    min: 1,
    max: 10_000_000,
    doc: "Client connections at a time, over all workers and with those in their TLS handshake; above it new ones are closed.",
  },
  maxConnectionsPerAddress: {
    type: "number",
    default: 0,
    min: 0,
    max: 1_000_000,
    doc: "Of those, how many one address may have; 0: no limit. Connections that were open before this was switched on are not counted.",
    danger:
      "Everybody behind one router, or one proxy that is not trusted, is one address.",
  },
  connectionsPerSecond: {
    type: "number",
    default: 0,
    min: 0,
    max: 1_000_000,
    doc: "New connections one address may make, beyond connectionBurst; others are closed. 0: no limit.",
    danger: "As of maxConnectionsPerAddress.",
  },
  connectionBurst: {
    type: "number",
    default: 100,
    min: 1,
    max: 1_000_000,
    doc: "New connections one address may make at once.",
  },
  requestsPerSecond: {
    type: "number",
    default: 0,
    min: 0,
    max: 1_000_000,
    doc: "Requests one address may send, beyond requestBurst; others are answered with 429 and Retry-After. 0: no limit.",
    danger: "As of maxConnectionsPerAddress.",
  },
  requestBurst: {
    type: "number",
    default: 100,
    min: 1,
    max: 1_000_000,
    doc: "Requests one address may send at once; a page with its pictures is often 100.",
  },
  ipv6PrefixBits: {
    type: "number",
    default: 64,
    min: 16,
    max: 128,
    doc: "How much of an IPv6 address counts as the address: a household or a machine has a whole /64 (RFC 6177).",
    danger: "With more than 64, one machine has as many addresses as it likes.",
  },
  headTimeoutMs: {
    type: "number",
    default: 10_000,
    min: 100,
    max: 600_000,
    doc: "From the first byte of a request head to its last.",
    danger: "Long times let slow senders hold connections.",
  },
  idleTimeoutMs: {
    type: "number",
    default: 75_000,
    min: 100,
    max: 86_400_000,
    doc: "A client connection without a request is closed after this.",
  },
  stallTimeoutMs: {
    type: "number",
    default: 60_000,
    min: 100,
    max: 86_400_000,
    doc: "A body that moves no byte in either direction for this long ends its exchange.",
  },
  drainIdleMs: {
    type: "number",
    default: 1000,
    min: 0,
    max: 600_000,
    doc: "When the proxy stops, a connection without a request may send one more within this: the answer tells it to close.",
  },
  drainTimeoutMs: {
    type: "number",
    default: 30_000,
    min: 0,
    max: 86_400_000,
    doc: "When the proxy stops, what is still in work after this is cut.",
    danger:
      "Whoever starts the proxy must be as patient: TimeoutStopSec of systemd.",
  },
  minBodyBytesPerSecond: {
    type: "number",
    default: 500,
    min: 0,
    max: 1_000_000_000,
    doc: "Slowest rate at which the content of a request may come while it is read, once bodyGrace is over; a slower one is answered with 408. Half of what the slowest mobile network gives. 0: no limit.",
    danger:
      "Without it, a client may hold a request open with a byte a minute.",
  },
  bodyGraceMs: {
    type: "number",
    default: 20_000,
    min: 100,
    max: 600_000,
    doc: "How long content may take to begin to come at that rate; what comes faster earns pauses of up to stallTimeout.",
  },
  minSendBytesPerSecond: {
    type: "number",
    default: 500,
    min: 0,
    max: 1_000_000_000,
    doc: "Slowest rate at which a client may take an answer, over stallTimeout; a slower one is cut. Never counted while the target is the slow one. 0: no limit.",
    danger:
      "Without it, slow readers hold answers in memory for as long as they like.",
  },
  tunnelIdleMs: {
    type: "number",
    default: 3_600_000,
    min: 100,
    max: 86_400_000,
    doc: "An upgraded connection that is silent in both directions is closed after this.",
  },
  maxBodyBytes: {
    type: "number",
    default: 1024 ** 4,
    min: 0,
    max: 2 ** 52,
    doc: "Longest request body taken; a longer one is answered with 413.",
  },
  maxRequestsPerConnection: {
    type: "number",
    default: 1_000_000,
    min: 1,
    max: 2 ** 52,
    doc: "Requests one client connection may send before it is closed.",
  },
  heldBodyBytes: {
    type: "number",
    default: 65_536,
    min: 0,
    max: 16_777_216,
    doc: "How much of a request body is kept so that the request can be sent again.",
  },
  connectTimeoutMs: {
    type: "number",
    default: 2000,
    min: 10,
    max: 60_000,
    doc: "A target that does not accept a connection within this is taken as refusing.",
  },
  slowHeadMs: {
    type: "number",
    default: 3000,
    min: 10,
    max: 600_000,
    doc: "A repeatable request without a response head after this makes the proxy probe the target.",
  },
  upstreamIdleMs: {
    type: "number",
    default: 30_000,
    min: 0,
    max: 3_600_000,
    doc: "An unused connection to a target is closed after this, earlier when the target says so.",
  },
  maxIdleUpstreams: {
    type: "number",
    default: 128,
    min: 0,
    max: 65_536,
    doc: "Unused connections kept for each target.",
  },
  maxWaiting: {
    type: "number",
    default: 1024,
    min: 0,
    max: 1_000_000,
    doc: "Requests of one service that may wait for a target to appear.",
  },
  maxCompressions: {
    type: "number",
    default: 256,
    min: 0,
    max: 65_536,
    doc: "Answers one worker compresses at one time, about 1 MB each; others go out as they are.",
  },
  accessRecords: {
    type: "number",
    default: 0,
    min: 0,
    max: 1_000_000,
    doc: "The last requests kept in memory for the access log; 0 keeps none.",
  },
} as const satisfies OptionTable;

export type ProxyLimits = OptionsOf<typeof PROXY_OPTIONS>;
