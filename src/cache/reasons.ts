/** The `fwd` values of RFC 9211 section 2.2 that this cache uses. */
export type ForwardWord =
  | "bypass"
  | "method"
  | "uri-miss"
  | "vary-miss"
  | "miss"
  | "request"
  | "stale"
  | "partial";

interface ForwardRule {
  /** The `fwd` parameter of Cache-Status. */
  readonly fwd: ForwardWord;
  /** Whether the answer may fill or refresh the cache. */
  readonly fill: boolean;
}

/**
 * Why a request was not answered from the cache alone. The word is the metric
 * label and, where it says more than `fwd`, the `detail` of Cache-Status.
 */
export const FORWARD_REASONS = {
  disabled: { fwd: "bypass", fill: false }, // the service does not cache
  method: { fwd: "method", fill: false }, // neither GET nor HEAD (RFC 9111 §3)
  "request-body": { fwd: "bypass", fill: false }, // a GET with content has no defined meaning (RFC 9110 §9.3.1)
  "request-upgrade": { fwd: "bypass", fill: false },
  "request-no-store": { fwd: "request", fill: false }, // RFC 9111 §5.2.1.5
  "request-precondition": { fwd: "request", fill: false }, // If-Match, If-Unmodified-Since: for the origin (RFC 9111 §4.3.2)
  "key-too-long": { fwd: "bypass", fill: false },
  "uri-miss": { fwd: "uri-miss", fill: true },
  "vary-miss": { fwd: "vary-miss", fill: true }, // RFC 9111 §4.1
  "release-miss": { fwd: "miss", fill: true }, // what is stored belongs to another release
  "request-no-cache": { fwd: "request", fill: true }, // RFC 9111 §5.2.1.4
  "request-max-age": { fwd: "request", fill: true }, // RFC 9111 §5.2.1.1
  "request-min-fresh": { fwd: "request", fill: true }, // RFC 9111 §5.2.1.3
  "request-cookie": { fwd: "request", fill: true }, // stored without explicit freshness
  "request-authorization": { fwd: "request", fill: true }, // stored without permission to share (RFC 9111 §3.5)
  stale: { fwd: "stale", fill: true },
} as const satisfies Record<string, ForwardRule>;

/** A word of {@link FORWARD_REASONS}. */
export type ForwardReason = keyof typeof FORWARD_REASONS;

/** Why an answer was served without asking a target. */
export const HIT_REASONS = {
  fresh: "within its freshness lifetime (RFC 9111 §4.2)",
  "max-stale": "stale, and the request accepts that (RFC 9111 §5.2.1.2)",
  disconnected: "stale, and every target is down (RFC 9111 §4.2.4)",
} as const;

/** A word of {@link HIT_REASONS}. */
export type HitReason = keyof typeof HIT_REASONS;

/** Why an answer was not stored; metric label and `detail` of Cache-Status. */
export const NO_STORE_REASONS = {
  method: "a HEAD answer has no body to store",
  status: "a status that is not understood, or not cacheable by default",
  partial: "206 is not stored (RFC 9111 §3.3)",
  "no-store": "RFC 9111 §5.2.2.5",
  private: "this is a shared cache (RFC 9111 §5.2.2.7)",
  "vary-star": "nothing else will ever match (RFC 9111 §4.1)",
  "vary-too-wide": "more fields or longer values than an entry may hold",
  authorization: "no permission to share it (RFC 9111 §3.5)",
  "set-cookie": "no permission given to shared caches",
  cookie: "the request carried Cookie and the freshness is not explicit",
  "no-freshness": "no lifetime named, and none may be guessed",
  expired: "stale on arrival and nothing to validate it with",
  "too-large": "more than one entry may hold",
  "fields-too-large": "more header bytes than one entry may hold",
  full: "what is being received, or read by clients, leaves no room",
  purged: "purged, invalidated or cleared while it was being received",
  "length-mismatch": "the body is not as long as announced",
  aborted: "the target or the reader left before the end",
} as const;

/** A word of {@link NO_STORE_REASONS}. */
export type NoStoreReason = keyof typeof NO_STORE_REASONS;
