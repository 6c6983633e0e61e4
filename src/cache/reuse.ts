/*
 * Whether a stored answer may be used for a request (RFC 9111 section 4), when it
 * is not simply fresh and nothing stands in the way. The request's own wishes
 * are honoured; a proxy that is not to be told by clients to ask its targets
 * strips Cache-Control before it asks here.
 */
import {
  type CacheControl,
  NO_CACHE_CONTROL,
  type RequestHead,
} from "../http/index.ts";
import { controlOf } from "./control-memo.ts";
import type { Entry } from "./entry.ts";
import type { ForwardReason, HitReason } from "./reasons.ts";

/** What is to be done with the answer that a request selects. */
export type Reuse =
  | { readonly kind: "serve"; readonly because: HitReason }
  /** Validate it; `serve` as in StaleLookup. */
  | {
      readonly kind: "validate";
      readonly because: ForwardReason;
      readonly serve: "now" | "on-error" | "never";
    }
  /** It is not for this request at all. */
  | { readonly kind: "refuse"; readonly because: ForwardReason };

/** The part of a request that decides about reuse. */
export type ReuseRequest = Pick<
  RequestHead,
  "authorization" | "cacheControl" | "cookie" | "pragma"
>;

const NO_CACHE: CacheControl = Object.freeze({
  ...NO_CACHE_CONTROL,
  noCache: true,
});

/** The wishes of a request; `Pragma: no-cache` counts where Cache-Control is missing (RFC 9111 section 5.4). */
export function requestDirectives(
  request: Pick<RequestHead, "cacheControl" | "pragma">,
): CacheControl {
  if (request.cacheControl !== undefined)
    return controlOf(request.cacheControl);
  return request.pragma?.toLowerCase().includes("no-cache") === true
    ? NO_CACHE
    : NO_CACHE_CONTROL;
}

/** Decides at `nowMs`, for a request that selects `entry`. */
export function decideReuse(
  entry: Pick<Entry, "bornAtMs" | "freshUntilMs" | "terms">,
  request: ReuseRequest,
  now: {
    readonly wishes: CacheControl;
    readonly nowMs: number;
    readonly allTargetsDown: boolean;
  },
): Reuse {
  const { terms } = entry;
  if (request.cookie !== undefined && !terms.servesCookie)
    return { kind: "refuse", because: "request-cookie" };
  if (request.authorization !== undefined && !terms.servesAuthorization)
    return { kind: "refuse", because: "request-authorization" };
  const { nowMs, wishes } = now;
  const because = whyNot(entry, wishes, nowMs);
  if (because === undefined) return { kind: "serve", because: "fresh" };
  if (because === "stale" && acceptsStale(entry, wishes, nowMs))
    return { kind: "serve", because: "max-stale" };
  if (now.allTargetsDown && isUsableWhileDown(entry, nowMs))
    return { kind: "serve", because: "disconnected" };
  if (because === "stale" && nowMs < terms.whileRevalidatingUntilMs)
    return { kind: "validate", because, serve: "now" };
  const serve =
    nowMs < terms.onErrorUntilMs || isFresh(entry, nowMs)
      ? "on-error"
      : "never";
  return { kind: "validate", because, serve };
}

function isFresh(entry: Pick<Entry, "freshUntilMs">, nowMs: number): boolean {
  return nowMs < entry.freshUntilMs;
}

function isUsableWhileDown(
  entry: Pick<Entry, "freshUntilMs" | "terms">,
  nowMs: number,
): boolean {
  return isFresh(entry, nowMs) || nowMs < entry.terms.whileDownUntilMs;
}

/** Undefined when the answer is fresh enough for the request's wishes. */
function whyNot(
  entry: Pick<Entry, "bornAtMs" | "freshUntilMs">,
  wishes: CacheControl,
  nowMs: number,
): ForwardReason | undefined {
  if (wishes.noCache !== false) return "request-no-cache";
  if (!isFresh(entry, nowMs)) return "stale";
  const ageMs = nowMs - entry.bornAtMs;
  // Section 5.2.1.1: an age "less than or equal" will do; 0 asks for validation,
  // also within the millisecond in which the answer came.
  if (
    wishes.maxAgeS !== undefined &&
    (wishes.maxAgeS === 0 || ageMs > wishes.maxAgeS * 1000)
  )
    return "request-max-age";
  return entry.freshUntilMs - nowMs < (wishes.minFreshS ?? 0) * 1000
    ? "request-min-fresh"
    : undefined;
}

/** RFC 9111 section 5.2.1.2, within the answer's own ban (section 4.2.4). */
function acceptsStale(
  entry: Pick<Entry, "freshUntilMs" | "bornAtMs" | "terms">,
  wishes: CacheControl,
  nowMs: number,
): boolean {
  if (wishes.maxStaleS === undefined || entry.terms.neverStale) return false;
  const ageMs = nowMs - entry.bornAtMs;
  if (wishes.maxAgeS !== undefined && ageMs > wishes.maxAgeS * 1000)
    return false;
  const staleSinceMs =
    entry.freshUntilMs === 0 ? entry.bornAtMs : entry.freshUntilMs;
  return nowMs - staleSinceMs <= wishes.maxStaleS * 1000;
}
