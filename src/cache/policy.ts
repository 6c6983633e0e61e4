/*
 * What may be stored, and for how long it is fresh.
 *
 * RFC 9111 thinks of a cache that knows nothing of the origin but its answers,
 * and leaves three matters to the cache: what to guess when an answer names no
 * lifetime, how much to trust answers that may be meant for one person, and
 * how long to serve what is stale. This cache stands beside the origin, run by
 * the same people, and learns of each new release of a site, which it treats
 * as the end of all that was stored before. That lets it keep things longer
 * than a cache could that only has the clock. What we chose:
 *
 * - Lifetimes. `Zoogate-Cache-Control` (RFC 9213) wins over everything and is
 *   taken out: caches further out never hear of releases and must not believe
 *   it. Then `s-maxage`, `max-age`, `Expires`. Without any, the service's default
 *   (120 s) instead of a share of the time since Last-Modified: with releases
 *   known, the time since a file was written says nothing. RFC 9111 section
 *   4.2.2 lets a cache guess for any status cacheable by default; we guess only
 *   where `Last-Modified` says that this is a document rather than a
 *   computation, unless the service's rules lift that.
 * - Persons. An answer to a request with `Cookie`, or one that is to be served
 *   to such a request, needs a named lifetime: the origin has thought of
 *   caching. With `Authorization` it needs `public`, `s-maxage` or
 *   `must-revalidate` (section 3.5). An answer with `Set-Cookie` needs more
 *   than the RFC asks for (section 7.3 lets it be stored like any other):
 *   `public`, `s-maxage` or the targeted field, words that speak to shared
 *   caches. Frameworks add `Set-Cookie` to answers whose author only thought of
 *   the browser's own cache, and one visitor's session given to another is the
 *   worst that a cache can do.
 * - Doubtful words. The stricter reading wins. Qualified
 *   `private="..."` and `no-cache="..."` count as unqualified, which sections
 *   5.2.2.4 and 5.2.2.7 allow.
 * - Age. The corrected age value alone (section 4.2.3 allows it where no very
 *   old cache stands between), because the apparent age makes every answer of
 *   an origin whose clock is two minutes slow stale on arrival.
 * - Stale. `stale-while-revalidate` and `stale-if-error` (RFC 5861) as named, also
 *   beside `s-maxage`, whose ban on stale answers (section 5.2.2.10) yields to
 *   an explicit window of the same origin, but never beside `must-revalidate`
 *   or `proxy-revalidate`. Unasked only while every target is down, up to a
 *   day, and not against an explicit ban (section 4.2.4).
 * - Stored to be validated. `no-cache`, and a lifetime of 0, are kept when they
 *   have a validator: a 304 costs the target less than the answer.
 * - 206 is not stored; ranges are cut from whole answers.
 */
import {
  type CacheControl,
  isHeuristicallyCacheable,
  NO_CACHE_CONTROL,
  parseTargetedCacheControl,
  type RequestHead,
} from "../http/index.ts";
import { controlOf } from "./control-memo.ts";
import { ageOf, type AnswerFacts, dateMsOf } from "./answer-facts.ts";
import type { NoStoreReason } from "./reasons.ts";
import type { CacheRules } from "./types.ts";

/** Everything {@link decideStorage} looks at. */
export interface StorageQuestion {
  readonly request: Pick<RequestHead, "cookie" | "authorization">;
  readonly status: number;
  readonly facts: AnswerFacts;
  readonly rules: CacheRules;
  /** When the request was sent, at the latest. */
  readonly requestedAtMs: number;
  readonly receivedAtMs: number;
  /** How long a stale answer may stand in while every target is down. */
  readonly staleWhileDownMs: number;
}

/** Until when, and for whom, a stored answer may be used. Milliseconds since the epoch. */
export interface Terms {
  readonly bornAtMs: number;
  /** 0: never fresh, to be validated each time. */
  readonly freshUntilMs: number;
  readonly whileRevalidatingUntilMs: number;
  readonly onErrorUntilMs: number;
  readonly whileDownUntilMs: number;
  /** Not even a request's `max-stale` may have it stale. */
  readonly neverStale: boolean;
  readonly servesCookie: boolean;
  readonly servesAuthorization: boolean;
}

export type StorageDecision =
  | { readonly store: true; readonly terms: Terms }
  | { readonly store: false; readonly because: NoStoreReason };

/** Statuses whose meaning for caching is understood: stored when the answer says so. */
const WHEN_TOLD: ReadonlySet<number> = new Set([
  302, 303, 307, 400, 403, 406, 415, 421, 451, 500, 502, 503, 504,
]);

/** Whether the answer may be stored (RFC 9111 section 3), and on which terms. */
export function decideStorage(question: StorageQuestion): StorageDecision {
  const { status, facts, request } = question;
  if (status === 206) return refuse("partial");
  if (!isHeuristicallyCacheable(status) && !WHEN_TOLD.has(status))
    return refuse("status");
  const targeted =
    facts.targetedCacheControl === undefined
      ? undefined
      : parseTargetedCacheControl(facts.targetedCacheControl);
  const directives = targeted ?? plainControl(facts.cacheControl);
  // Section 5.2.2.3: who understands must-understand ignores the no-store beside it.
  if (directives.noStore && !directives.mustUnderstand)
    return refuse("no-store");
  if (directives.private !== false) return refuse("private");
  const isForShared = directives.public || directives.sMaxAgeS !== undefined;
  const servesAuthorization = isForShared || directives.mustRevalidate;
  if (request.authorization !== undefined && !servesAuthorization)
    return refuse("authorization");
  const namedMs = namedLifetimeMs(directives, targeted === undefined, question);
  if (
    facts.hasSetCookie &&
    !isForShared &&
    (targeted === undefined || namedMs === undefined)
  )
    return refuse("set-cookie");
  if (namedMs === undefined && request.cookie !== undefined)
    return refuse("cookie");
  const lifetimeMs = namedMs ?? guessedLifetimeMs(directives, question);
  const hasValidator =
    facts.etag !== undefined || dateMsOf(facts.lastModified) !== undefined;
  if (
    lifetimeMs === undefined &&
    !(
      directives.noCache !== false &&
      hasValidator &&
      isHeuristicallyCacheable(status)
    )
  )
    return refuse(isHeuristicallyCacheable(status) ? "no-freshness" : "status");
  const terms = termsOf(directives, question, {
    lifetimeMs: lifetimeMs ?? 0,
    servesCookie: namedMs !== undefined,
    servesAuthorization,
  });
  const lastUseMs = Math.max(
    terms.freshUntilMs,
    terms.whileRevalidatingUntilMs,
    terms.onErrorUntilMs,
  );
  if (lastUseMs <= question.receivedAtMs && !hasValidator)
    return refuse("expired");
  return { store: true, terms };
}

function plainControl(value: string | undefined): CacheControl {
  return value === undefined ? NO_CACHE_CONTROL : controlOf(value);
}

function refuse(because: NoStoreReason): StorageDecision {
  return { store: false, because };
}

/** RFC 9111 section 4.2.1. `Expires` does not count beside a targeted field (RFC 9213 section 2.2). */
function namedLifetimeMs(
  directives: CacheControl,
  mayExpire: boolean,
  { facts, receivedAtMs }: StorageQuestion,
): number | undefined {
  const seconds = directives.sMaxAgeS ?? directives.maxAgeS;
  if (seconds !== undefined) return seconds * 1000;
  if (!mayExpire || facts.expires === undefined) return undefined;
  // Section 5.3: an invalid date, "0" above all, is in the past.
  const expiresMs = dateMsOf(facts.expires);
  return expiresMs === undefined
    ? 0
    : Math.max(0, expiresMs - (dateMsOf(facts.date) ?? receivedAtMs));
}

/** RFC 9111 section 4.2.2, narrowed as the essay says. */
function guessedLifetimeMs(
  directives: CacheControl,
  { status, facts, rules }: StorageQuestion,
): number | undefined {
  if (!isHeuristicallyCacheable(status) && !directives.public) return undefined;
  switch (rules.heuristic) {
    case "off":
      return undefined;
    case "last-modified":
      return dateMsOf(facts.lastModified) === undefined
        ? undefined
        : rules.defaultTtlMs;
    case "all":
      return rules.defaultTtlMs;
    default:
      return rules.heuristic satisfies never;
  }
}

function termsOf(
  directives: CacheControl,
  { facts, requestedAtMs, receivedAtMs, staleWhileDownMs }: StorageQuestion,
  known: {
    readonly lifetimeMs: number;
    readonly servesCookie: boolean;
    readonly servesAuthorization: boolean;
  },
): Terms {
  const bornAtMs =
    receivedAtMs - initialAgeMs(ageOf(facts), requestedAtMs, receivedAtMs);
  const freshUntilMs =
    directives.noCache !== false || known.lifetimeMs === 0
      ? 0
      : bornAtMs + known.lifetimeMs;
  const isBanned =
    directives.noCache !== false ||
    directives.mustRevalidate ||
    directives.proxyRevalidate;
  const staleFromMs = bornAtMs + known.lifetimeMs;
  const neverStale = isBanned || directives.sMaxAgeS !== undefined;
  return {
    bornAtMs,
    freshUntilMs,
    whileRevalidatingUntilMs: isBanned
      ? 0
      : staleFromMs + (directives.staleWhileRevalidateS ?? 0) * 1000,
    onErrorUntilMs: isBanned
      ? 0
      : staleFromMs + (directives.staleIfErrorS ?? 0) * 1000,
    whileDownUntilMs: neverStale ? 0 : staleFromMs + staleWhileDownMs,
    neverStale,
    servesCookie: known.servesCookie,
    servesAuthorization: known.servesAuthorization,
  };
}

/** RFC 9111 section 4.2.3: the corrected age value. */
export function initialAgeMs(
  ageS: number,
  requestedAtMs: number,
  receivedAtMs: number,
): number {
  const responseDelayMs = Math.max(0, receivedAtMs - requestedAtMs);
  return ageS * 1000 + responseDelayMs;
}
