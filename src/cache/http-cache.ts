import {
  type Journal,
  type OptionsOf,
  readOptions,
  silentJournal,
} from "../base/index.ts";
import type { FieldList, RequestHead } from "../http/index.ts";
import { AnswerFill } from "./answer-fill.ts";
import { bypassFor, whyBypass } from "./bypass.ts";
import { keyPrefix, keyTarget } from "./cache-key.ts";
import { Counters } from "./counters.ts";
import type { Entry } from "./entry.ts";
import { EntryStore } from "./entry-store.ts";
import { type ClaimWait, FillClaims, OVER } from "./fill-claims.ts";
import type { FillHost, FillOutcome } from "./fill-host.ts";
import { FillTable } from "./fill-table.ts";
import { keysChangedBy } from "./invalidation.ts";
import { mayJoin } from "./joining.ts";
import { CACHE_OPTIONS } from "./options.ts";
import { matchesPurge, removePurged } from "./purge.ts";
import type { ForwardReason, HitReason } from "./reasons.ts";
import { decideReuse, requestDirectives } from "./reuse.ts";
import { ReusedHit } from "./reused-hit.ts";
import {
  ageS,
  isShadowed,
  selected,
  ttlS,
  validatorsOf,
  whyNoVariant,
} from "./selection.ts";
import type { StoreMemory } from "./store-layout.ts";
import { createStoreMemory } from "./store-memory.ts";
import type {
  BypassLookup,
  CacheContext,
  CacheStats,
  CacheTotals,
  Fill,
  HitLookup,
  Lookup,
  MissLookup,
  Purge,
  StaleLookup,
  StoredResponse,
} from "./types.ts";
import { selects } from "./vary.ts";

/**
 * How far the wall clock may step back before what was stored "in the future"
 * counts as stale. More than the age of a coarse clock's reading.
 */
const MAX_STEP_BACK_MS = 5000;

const NO_VALIDATORS: FieldList = Object.freeze([]);

/** How often a look-up that others get in the way of begins anew. */
const MAX_ATTEMPTS = 4;

/**
 * One thread's cache. What it stores, all threads with the same memory find, and
 * what it removes, none of them finds any more. No I/O; every time is wall-clock
 * milliseconds. What it is given as context is read during the call only and may
 * be used again.
 */
export class HttpCache {
  readonly #store: EntryStore;
  readonly #claims: FillClaims;
  readonly #fills = new FillTable();
  readonly #counters = new Counters();
  readonly #host: FillHost<AnswerFill>;
  readonly #journal: Journal;
  #hit: ReusedHit | undefined;
  // The prefix of the last key: most requests are for the host of the last one.
  #service = "";
  #scheme = "";
  #hostName = "";
  #prefix = "";

  /**
   * Without `memory` it has some of its own.
   * @throws RangeError for a value out of the bounds of `CACHE_OPTIONS`
   */
  constructor(
    options: Partial<OptionsOf<typeof CACHE_OPTIONS>> & {
      readonly memory?: StoreMemory | undefined;
      /** This thread's own in that memory. */
      readonly column?: number;
      readonly journal?: Journal;
    } = {},
  ) {
    const { memory: given, column = 0, journal, ...rest } = options;
    const { maxBytes, maxEntryBytes, maxVariants, staleWhileDownMs } =
      readOptions(CACHE_OPTIONS, rest);
    const memory = given ?? createStoreMemory({ maxBytes, workers: 0 });
    const store = new EntryStore(memory, { column, maxVariants });
    this.#store = store;
    this.#claims = new FillClaims(memory, column);
    this.#journal = journal ?? silentJournal;
    this.#host = {
      maxEntryBytes,
      staleWhileDownMs,
      open: (bytes) => store.open(bytes),
      discard: (body) => store.discard(body),
      stampOf: (key) => store.stampOf(key),
      publish: (parts, received, { body, stamp, request }) =>
        store.publish(parts, received, {
          body,
          stamp,
          shadows: (other) => isShadowed(other, parts, request),
        }),
      refresh: (previous, parts, request) =>
        store.refresh(previous, parts, (other) =>
          isShadowed(other, parts, request),
        ),
      remove: (entry) => void store.remove(entry),
      guardHeld: (slot) => store.guardHeld(slot),
      onReceiving: (fill) => this.#claims.receiving(fill.claim),
      onOver: (fill, outcome) => this.#onOver(fill, outcome),
    };
  }

  /**
   * What to do with this request. A `hit` is valid until the next call; its
   * entry, and every other result, for as long as it is held.
   */
  lookup(request: RequestHead, context: CacheContext, nowMs: number): Lookup {
    const barred = whyBypass(request, context);
    if (barred !== undefined) return this.#bypass(barred);
    const key = this.#key(request, context);
    const { currentRelease } = context;
    const noted = this.#store.noted(key);
    let entry: Entry | ForwardReason | undefined;
    if (noted !== undefined) {
      entry =
        noted.release === currentRelease &&
        (!noted.varies || selects(noted.selector, request.fields))
          ? noted
          : selected(noted, currentRelease, request);
      if (entry !== undefined && !this.#store.guard(entry)) entry = undefined;
    }
    entry ??= this.#renewed(key, request, currentRelease);
    if (typeof entry === "string")
      return this.#miss(entry, { request, key, nowMs });
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
    if (fill.joinable)
      fill.claim = this.#claims.claim(fill.key, context.currentRelease);
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
      !mayJoin(request, lookup) ||
      this.#fills.isUnshared(lookup.key, lookup.atMs)
    )
      return undefined;
    const fill = this.#fills.joinable(lookup.key, context.currentRelease);
    if (fill !== undefined) this.#counters.joined += 1;
    return fill;
  }

  /**
   * The same, of an answer that another thread is receiving: wait until it has
   * changed, and see whether it has {@link HttpCache.arrived}. Undefined when the
   * target is to be asked: then other threads wait for the fill that begins now.
   */
  inFlightElsewhere(
    request: RequestHead,
    context: CacheContext,
    lookup: MissLookup | StaleLookup,
  ): ClaimWait | undefined {
    const { key } = lookup;
    if (
      this.#claims.isAlone ||
      !mayJoin(request, lookup) ||
      this.#fills.isUnshared(key, lookup.atMs)
    )
      return undefined;
    if (request.method !== "GET")
      return this.#claims.find(key, context.currentRelease);
    const wait = this.#claims.reserve(key, context.currentRelease);
    // Between the look-up and the claim another's may have come and gone.
    if (wait !== undefined || !this.#store.hasNews(key)) return wait;
    this.#claims.unreserve();
    return OVER;
  }

  /** Another thread's claim, as it is after a wait. */
  stillInFlightElsewhere(
    context: CacheContext,
    lookup: MissLookup | StaleLookup,
  ): ClaimWait | undefined {
    return this.#claims.find(lookup.key, context.currentRelease);
  }

  /**
   * The answer that another thread has stored meanwhile, if it is fresh and this
   * request may have it; valid until the next look-up.
   */
  arrived(
    request: RequestHead,
    context: CacheContext,
    lookup: MissLookup | StaleLookup,
    nowMs: number,
  ): StoredResponse | undefined {
    const { key } = lookup;
    const entry = this.#renewed(key, request, context.currentRelease);
    if (typeof entry !== "string") {
      const reuse = decideReuse(entry, request, {
        wishes: requestDirectives(request),
        nowMs,
        allTargetsDown: false,
      });
      if (reuse.kind === "serve") {
        this.#store.visit(entry);
        this.#counters.joined += 1;
        return entry;
      }
    }
    return undefined;
  }

  /** A wait was for nothing: for a while nobody waits for answers of this key. */
  waitedInVain(lookup: MissLookup | StaleLookup, nowMs: number): void {
    this.#fills.markUnshared(lookup.key, nowMs);
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
      this.#counters.invalidated += this.#store.removeKey(key);
      this.#fills.revokeKey(key);
    }
  }

  /** Removes at once, under every release; answers how many entries. */
  purge(purge: Purge): number {
    this.#store.unguard();
    // First those on their way: none of them shall come after the others left.
    this.#fills.revoke((fill) =>
      // What tags an answer on its way has is not known yet.
      purge.kind === "tag"
        ? fill.service === purge.service
        : matchesPurge(purge, fill),
    );
    const entries = removePurged(this.#store, purge);
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
    this.#store.unguard();
    this.#fills.revoke(
      (fill) => service === undefined || fill.service === service,
    );
    this.#store.removeWhere(
      () => true,
      service === undefined ? {} : { service },
    );
  }

  /** Now and then: what this thread has looked up last may be freed. */
  tidy(): void {
    this.#claims.unreserve();
    this.#store.tidy();
  }

  /** A copy. */
  stats(): CacheStats {
    return {
      ...this.#store.size,
      ...this.totals(),
    };
  }

  /** This thread's own part of {@link HttpCache.stats}. A copy. */
  totals(): CacheTotals {
    const counters = this.#counters;
    return {
      fillsInFlight: this.#fills.count,
      hits: { ...counters.hits },
      forwarded: { ...counters.forwarded },
      notStored: { ...counters.notStored },
      stored: counters.stored,
      revalidated: counters.revalidated,
      joined: counters.joined,
      invalidated: counters.invalidated,
      purged: counters.purged,
      unsatisfiable: counters.unsatisfiable,
    };
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
    this.#store.visit(entry);
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
    this.#store.visit(entry);
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

  /** The answer that a request selects, as things are now, guarded; or why there is none. */
  #renewed(
    key: string,
    request: RequestHead,
    release: string | undefined,
  ): Entry | ForwardReason {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const newest = this.#store.renewed(key);
      if (newest === undefined) return "uri-miss";
      const entry = selected(newest, release, request);
      if (entry === undefined) return whyNoVariant(newest, release);
      if (this.#store.guard(entry)) return entry;
    }
    return "uri-miss";
  }

  #onOver(fill: AnswerFill, outcome: FillOutcome): void {
    this.#fills.delete(fill);
    this.#claims.release(fill.claim);
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
}

const UNSATISFIABLE: Lookup = Object.freeze({
  kind: "unsatisfiable",
  because: "only-if-cached",
});
