import { type Journal, readOptions, silentJournal } from "../base/index.ts";
import { type FieldList, httpDate, type RequestHead } from "../http/index.ts";
import { AnswerFill, type FillHost, type FillOutcome } from "./answer-fill.ts";
import { keyPrefix, keyTarget } from "./cache-key.ts";
import { Counters } from "./counters.ts";
import type { Entry } from "./entry.ts";
import { FillTable } from "./fill-table.ts";
import { keysChangedBy } from "./invalidation.ts";
import { CACHE_OPTIONS } from "./options.ts";
import { matchesPurge } from "./purge.ts";
import type { ForwardReason, HitReason } from "./reasons.ts";
import { decideReuse, requestDirectives } from "./reuse.ts";
import { SieveStore } from "./sieve-store.ts";
import type {
  BypassLookup,
  CacheContext,
  CacheStats,
  Fill,
  HitLookup,
  Lookup,
  MissLookup,
  Purge,
  StaleLookup,
  StoredResponse,
} from "./types.ts";
import { selects } from "./vary.ts";

/** A hit costs no allocation: there is one of these for each cache. */
class ReusedHit implements HitLookup {
  readonly kind = "hit";
  entry: StoredResponse;
  because: HitReason = "fresh";
  ageS = 0;
  ttlS = 0;
  constructor(entry: StoredResponse) {
    this.entry = entry;
  }
}

/** Longest key stored; a head's own limit is usually lower. */
const MAX_KEY_CHARACTERS = 16_384;

/**
 * How far the wall clock may step back before what was stored "in the future"
 * counts as stale. More than the age of a coarse clock's reading.
 */
const MAX_STEP_BACK_MS = 5000;

const NO_VALIDATORS: FieldList = Object.freeze([]);

/**
 * One private store; no I/O; every time is wall-clock milliseconds. What it is
 * given as context is read during the call only and may be used again.
 */
export class HttpCache {
  readonly #store: SieveStore;
  readonly #fills = new FillTable();
  readonly #counters = new Counters();
  readonly #host: FillHost;
  readonly #journal: Journal;
  #hit: ReusedHit | undefined;
  // The prefix of the last key: most requests are for the host of the last one.
  #service = "";
  #scheme = "";
  #hostName = "";
  #prefix = "";

  /** @throws RangeError for a value out of the bounds of `CACHE_OPTIONS` */
  constructor(
    options: {
      readonly maxBytes?: number;
      readonly maxEntryBytes?: number;
      readonly maxVariants?: number;
      readonly staleWhileDownMs?: number;
      readonly journal?: Journal;
    } = {},
  ) {
    const { journal = silentJournal, ...given } = options;
    const { maxBytes, maxEntryBytes, maxVariants, staleWhileDownMs } =
      readOptions(CACHE_OPTIONS, given);
    const store = new SieveStore({ maxBytes, maxVariants });
    this.#store = store;
    this.#journal = journal;
    this.#host = {
      maxEntryBytes,
      staleWhileDownMs,
      reserve: (bytes) => store.reserve(bytes),
      unreserve: (bytes) => store.unreserve(bytes),
      put: (entry, request) => this.#put(entry, request),
      remove: (entry) => void store.remove(entry),
      onOver: (fill, outcome) => this.#onOver(fill, outcome),
    };
  }

  /**
   * What to do with this request. A `hit` is valid until the next call; its
   * entry, and every other result, for as long as it is held.
   */
  lookup(request: RequestHead, context: CacheContext, nowMs: number): Lookup {
    const barred = this.#whyBypass(request, context);
    if (barred !== undefined) return this.#bypass(barred);
    const key = this.#key(request, context);
    const newest = this.#store.first(key);
    if (newest === undefined)
      return this.#miss("uri-miss", { request, key, nowMs });
    const { currentRelease } = context;
    const entry =
      newest.release === currentRelease &&
      (!newest.varies || selects(newest.selector, request.fields))
        ? newest
        : selected(newest, currentRelease, request);
    if (entry === undefined)
      return this.#miss(whyNoVariant(newest, currentRelease), {
        request,
        key,
        nowMs,
      });
    if (
      nowMs < entry.freshUntilMs &&
      nowMs > entry.storedAtMs - MAX_STEP_BACK_MS &&
      request.cacheControl === undefined &&
      request.pragma === undefined &&
      (request.cookie === undefined || entry.terms.servesCookie) &&
      (request.authorization === undefined || entry.terms.servesAuthorization)
    )
      return this.#serve(entry, "fresh", nowMs);
    return this.#reuse(entry, { request, context, key, nowMs });
  }

  /**
   * Called before the request that may fill or refresh the cache is sent.
   * Undefined when its answer will not be stored.
   */
  beginFill(
    request: RequestHead,
    context: CacheContext,
    lookup: MissLookup | StaleLookup,
  ): Fill | undefined {
    if (request.method === "HEAD" && lookup.kind === "miss") return undefined;
    const fill = new AnswerFill(this.#host, { request, context, lookup });
    this.#fills.add(fill);
    return fill;
  }

  /**
   * An answer on its way that this request may wait for: of the same key,
   * release, and not purged since. It may still refuse the waiter.
   */
  inFlight(
    request: RequestHead,
    context: CacheContext,
    lookup: MissLookup | StaleLookup,
  ): Fill | undefined {
    if (
      !MAY_JOIN.has(lookup.because) ||
      request.range !== undefined ||
      this.#fills.isUnshared(lookup.key, lookup.atMs)
    )
      return undefined;
    const fill = this.#fills.joinable(lookup.key, context.currentRelease);
    if (fill !== undefined) this.#counters.joined += 1;
    return fill;
  }

  /**
   * After the answer to a method that is not safe: removes what it may have
   * changed (RFC 9111 section 4.4).
   */
  afterUnsafe(
    request: RequestHead,
    context: CacheContext,
    answer: { readonly status: number; readonly fields: FieldList },
  ): void {
    for (const key of keysChangedBy(request, context, answer)) {
      this.#counters.invalidated += this.#removeKey(key);
      this.#fills.revokeKey(key);
    }
  }

  /** Removes at once, under every release; answers how many entries. */
  purge(purge: Purge): number {
    let entries = 0;
    for (const entry of this.#store.entries())
      if (matchesPurge(purge, entry)) {
        this.#store.remove(entry);
        entries += 1;
      }
    this.#fills.revoke((fill) =>
      // What tags an answer on its way has is not known yet.
      purge.kind === "tag"
        ? fill.service === purge.service
        : matchesPurge(purge, fill),
    );
    this.#counters.purged += entries;
    this.#journal({
      level: "debug",
      room: "cache",
      event: "purged",
      message: `Purged ${entries} stored answers of ${purge.service}`,
      purge,
      entries,
    });
    return entries;
  }

  /** Removes everything, or everything of one service. */
  clear(service?: string): void {
    for (const entry of this.#store.entries())
      if (service === undefined || entry.service === service)
        this.#store.remove(entry);
    this.#fills.revoke(
      (fill) => service === undefined || fill.service === service,
    );
  }

  /** A copy. */
  stats(): CacheStats {
    const counters = this.#counters;
    return {
      entries: this.#store.count,
      bytes: this.#store.bytes,
      maxBytes: this.#store.maxBytes,
      fillsInFlight: this.#fills.count,
      hits: { ...counters.hits },
      forwarded: { ...counters.forwarded },
      notStored: { ...counters.notStored },
      stored: counters.stored,
      revalidated: counters.revalidated,
      joined: counters.joined,
      evicted: this.#store.evicted,
      invalidated: counters.invalidated,
      purged: counters.purged,
      unsatisfiable: counters.unsatisfiable,
    };
  }

  #whyBypass(
    request: RequestHead,
    context: CacheContext,
  ): ForwardReason | undefined {
    if (!context.rules.enabled) return "disabled";
    if (request.method !== "GET" && request.method !== "HEAD") return "method";
    if (request.framing.kind !== "none") return "request-body";
    if (request.upgrade !== undefined) return "request-upgrade";
    if (
      request.ifMatch !== undefined ||
      request.ifUnmodifiedSince !== undefined
    )
      return "request-precondition";
    return request.target.length > MAX_KEY_CHARACTERS
      ? "key-too-long"
      : undefined;
  }

  #key(request: RequestHead, context: CacheContext): string {
    if (
      context.host !== this.#hostName ||
      context.service !== this.#service ||
      context.scheme !== this.#scheme
    ) {
      this.#hostName = context.host;
      this.#service = context.service;
      this.#scheme = context.scheme;
      this.#prefix = keyPrefix(context);
    }
    return this.#prefix + keyTarget(request);
  }

  #serve(entry: Entry, because: HitReason, nowMs: number): HitLookup {
    entry.visited = true;
    this.#counters.hits[because] += 1;
    const hit = (this.#hit ??= new ReusedHit(entry));
    hit.entry = entry;
    hit.because = because;
    hit.ageS = ageS(entry, nowMs);
    hit.ttlS = ttlS(entry, nowMs);
    return hit;
  }

  #reuse(
    entry: Entry,
    asked: {
      readonly request: RequestHead;
      readonly context: CacheContext;
      readonly key: string;
      readonly nowMs: number;
    },
  ): Lookup {
    const { request, context, key, nowMs } = asked;
    const wishes = requestDirectives(request);
    const { bornAtMs, terms } = entry;
    const isFromFuture = nowMs <= entry.storedAtMs - MAX_STEP_BACK_MS;
    const freshUntilMs = isFromFuture ? 0 : entry.freshUntilMs;
    const reuse = decideReuse({ bornAtMs, freshUntilMs, terms }, request, {
      wishes,
      nowMs,
      allTargetsDown: context.allTargetsDown,
    });
    if (reuse.kind === "serve") return this.#serve(entry, reuse.because, nowMs);
    if (wishes.onlyIfCached) return this.#unsatisfiable();
    if (wishes.noStore) return this.#bypass("request-no-store");
    this.#counters.forwarded[reuse.because] += 1;
    if (reuse.kind === "refuse")
      return {
        kind: "miss",
        because: reuse.because,
        validators: undefined,
        key,
        atMs: nowMs,
      };
    entry.visited = true;
    return {
      kind: "stale",
      because: reuse.because,
      entry,
      ageS: ageS(entry, nowMs),
      ttlS: ttlS(entry, nowMs),
      validators: validatorsOf(entry),
      serve: reuse.serve,
      key,
      atMs: nowMs,
    };
  }

  #miss(
    because: ForwardReason,
    asked: {
      readonly request: RequestHead;
      readonly key: string;
      readonly nowMs: number;
    },
  ): Lookup {
    const { request, key, nowMs } = asked;
    if (request.cacheControl !== undefined) {
      const wishes = requestDirectives(request);
      if (wishes.onlyIfCached) return this.#unsatisfiable();
      if (wishes.noStore) return this.#bypass("request-no-store");
    }
    this.#counters.forwarded[because] += 1;
    // With a range, or where the last answer could not be stored, the client's
    // own conditions spare it the whole answer.
    const isForClientOnly =
      request.method === "HEAD" ||
      request.range !== undefined ||
      this.#fills.isUnshared(key, nowMs);
    return {
      kind: "miss",
      because,
      validators: isForClientOnly ? undefined : NO_VALIDATORS,
      key,
      atMs: nowMs,
    };
  }

  #bypass(because: ForwardReason): BypassLookup {
    this.#counters.forwarded[because] += 1;
    return bypassFor(because);
  }

  #unsatisfiable(): Lookup {
    this.#counters.unsatisfiable += 1;
    return UNSATISFIABLE;
  }

  /**
   * A look-up takes the newest that a request selects: older ones of this
   * release that the same request selects will never be used again.
   */
  #put(entry: Entry, request: RequestHead): boolean {
    let other = this.#store.first(entry.key);
    while (other !== undefined) {
      const next: Entry | undefined = other.nextVariant;
      const isShadowed =
        other.release === entry.release &&
        (!entry.varies || selects(other.selector, request.fields));
      if (isShadowed) this.#store.remove(other);
      other = next;
    }
    return this.#store.add(entry);
  }

  #onOver(fill: AnswerFill, outcome: FillOutcome): void {
    this.#fills.delete(fill);
    if (outcome === "stored") this.#counters.stored += 1;
    else if (outcome === "revalidated") this.#counters.revalidated += 1;
    else {
      this.#counters.notStored[outcome] += 1;
      const isWorthKnowing =
        fill.waiterCount > 0 ||
        fill.request.ifNoneMatch !== undefined ||
        fill.request.ifModifiedSince !== undefined;
      if (isWorthKnowing && outcome !== "aborted")
        this.#fills.markUnshared(fill.key, fill.startedAtMs);
    }
  }

  #removeKey(key: string): number {
    let entries = 0;
    for (
      let entry = this.#store.first(key);
      entry !== undefined;
      entry = this.#store.first(key)
    ) {
      this.#store.remove(entry);
      entries += 1;
    }
    return entries;
  }
}

/** Reasons for which the answer to another request will do as well. */
const MAY_JOIN: ReadonlySet<ForwardReason> = new Set([
  "uri-miss",
  "vary-miss",
  "release-miss",
  "stale",
]);

/** One result for each reason: a bypass costs no allocation. */
const BYPASSES: Partial<Record<ForwardReason, BypassLookup>> = {};

function bypassFor(because: ForwardReason): BypassLookup {
  return (BYPASSES[because] ??= Object.freeze({ kind: "bypass", because }));
}

const UNSATISFIABLE: Lookup = Object.freeze({
  kind: "unsatisfiable",
  because: "only-if-cached",
});

function selected(
  newest: Entry,
  release: string | undefined,
  request: RequestHead,
): Entry | undefined {
  for (
    let entry: Entry | undefined = newest;
    entry !== undefined;
    entry = entry.nextVariant
  )
    if (
      entry.release === release &&
      (!entry.varies || selects(entry.selector, request.fields))
    )
      return entry;
  return undefined;
}

function whyNoVariant(
  newest: Entry,
  release: string | undefined,
): ForwardReason {
  for (
    let entry: Entry | undefined = newest;
    entry !== undefined;
    entry = entry.nextVariant
  )
    if (entry.release === release) return "vary-miss";
  return "release-miss";
}

/** RFC 9111 section 5.1: whole seconds, not negative. */
function ageS(entry: StoredResponse, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - entry.bornAtMs) / 1000));
}

/** RFC 9211 section 2.4; an answer that is never fresh is stale by its age. */
function ttlS(entry: StoredResponse, nowMs: number): number {
  const untilMs =
    entry.freshUntilMs === 0 ? entry.bornAtMs : entry.freshUntilMs;
  return Math.floor((untilMs - nowMs) / 1000);
}

/** RFC 9111 section 4.3.1. */
function validatorsOf(entry: StoredResponse): FieldList {
  const validators: string[] = [];
  if (entry.etag !== undefined) validators.push("If-None-Match", entry.etag);
  if (entry.lastModifiedMs !== undefined)
    validators.push("If-Modified-Since", httpDate(entry.lastModifiedMs));
  return validators;
}
