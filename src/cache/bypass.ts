import type { RequestHead } from "../http/index.ts";
import type { ForwardReason } from "./reasons.ts";
import type { BypassLookup, CacheContext } from "./types.ts";

/** Longest key stored; a head's own limit is usually lower. */
const MAX_KEY_CHARACTERS = 16_384;

/** Why the cache takes no part in a request; undefined when it does. */
export function whyBypass(
  request: RequestHead,
  context: CacheContext,
): ForwardReason | undefined {
  if (!context.rules.enabled) return "disabled";
  if (request.method !== "GET" && request.method !== "HEAD") return "method";
  if (request.framing.kind !== "none") return "request-body";
  if (request.upgrade !== undefined) return "request-upgrade";
  if (request.ifMatch !== undefined || request.ifUnmodifiedSince !== undefined)
    return "request-precondition";
  return request.target.length > MAX_KEY_CHARACTERS
    ? "key-too-long"
    : undefined;
}

/** One result for each reason: a bypass costs no allocation. */
const BYPASSES: Partial<Record<ForwardReason, BypassLookup>> = {};

export function bypassFor(because: ForwardReason): BypassLookup {
  return (BYPASSES[because] ??= Object.freeze({ kind: "bypass", because }));
}
