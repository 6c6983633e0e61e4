import type { FieldList, RequestHead, ResponseHead } from "../http/index.ts";
import type { AnswerFacts } from "./answer-facts.ts";
import type { ForwardReason, HitReason, NoStoreReason } from "./reasons.ts";

/** How one service caches; the `cache` part of a service definition. */
export interface CacheRules {
  readonly enabled: boolean;
  /** Lifetime of an answer that names none and may be given one. */
  readonly defaultTtlMs: number;
  /**
   * Which answers may be given that lifetime: those with `Last-Modified`
   * (RFC 9111 section 4.2.2), all of a status cacheable by default, or none.
   */
  readonly heuristic: "last-modified" | "all" | "off";
  /** A lower bound for one entry than the cache's own; the smaller wins. */
  readonly maxEntryBytes?: number;
}

/** What the proxy knows about a request beside its head. */
export interface CacheContext {
  readonly service: string;
  readonly scheme: "http" | "https";
  /** Authority, lower case, without the scheme's default port. */
  readonly host: string;
  readonly currentRelease: string | undefined;
  readonly rules: CacheRules;
  /** No target of the service answers: a stale answer is better than none. */
  readonly allTargetsDown: boolean;
}

/** Bytes in memory that others give away when nobody needs them any more. */
export interface Lender {
  /**
   * They stay as they are until `release`. False, and nothing to release, when
   * they are gone already.
   */
  hold(): boolean;
  release(): void;
}

/**
 * The content of a stored answer, in memory that all threads share. Its bytes
 * are valid while it is held, and without that as long as what gave it says.
 */
export interface StoredBody extends Lender {
  readonly length: number;
  /** All of it, where it lies in one piece; nearly always it does. */
  readonly only: Buffer | undefined;
  /** The piece from `offset` on; undefined at the end. Not a copy. */
  read(offset: number): Buffer | undefined;
  /** All of it as text, for small ones. */
  toString(): string;
}

/**
 * A whole stored answer. Never changes, except for `prepared` and what it was
 * prepared for; a refresh makes a new one. Only its body may be taken away: see {@link StoredBody}.
 */
export interface StoredResponse {
  readonly status: number;
  /**
   * End-to-end fields as received, with `Date` added when it was missing and
   * without `Age`, `Content-Length` (it is `body.length`) and Zoogate's own
   * fields.
   */
  readonly fields: FieldList;
  readonly body: StoredBody;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  /** The `Date` field, in milliseconds since the epoch. */
  readonly dateMs: number;
  readonly storedAtMs: number;
  /** The moment at which its age was 0; age is now minus this. */
  readonly bornAtMs: number;
  readonly freshUntilMs: number;
  readonly release: string | undefined;
  /** The head in the proxy's own form; set, read and owned by the proxy. */
  prepared: Buffer | undefined;
  /** The rules that went into `prepared`: others need another. The proxy's own. */
  preparedFor: object | undefined;
}

/**
 * Answer from `entry` and ask no target. One object, reused by the next look-up,
 * until which the body is valid.
 */
export interface HitLookup {
  readonly kind: "hit";
  readonly entry: StoredResponse;
  readonly because: HitReason;
  /** For the `Age` field, in whole seconds. */
  readonly ageS: number;
  /** For `ttl` in Cache-Status; negative when stale. */
  readonly ttlS: number;
}

/**
 * There is an answer that must, or should, be validated first. Send the request
 * with `validators` in place of its own If-None-Match and If-Modified-Since.
 */
export interface StaleLookup {
  readonly kind: "stale";
  readonly because: ForwardReason;
  /** Its body is valid until the next look-up, and as long as a fill for this look-up goes on. */
  readonly entry: StoredResponse;
  readonly ageS: number;
  readonly ttlS: number;
  readonly validators: FieldList;
  /**
   * `now`: answer from `entry` at once and validate in the background
   * (stale-while-revalidate). `on-error`: `entry` may be served when the targets
   * answer 500, 502, 503 or 504, or not at all (stale-if-error). `never`: when
   * no target answers, the client gets an error (504, RFC 9111 section 5.2.2.2).
   */
  readonly serve: "now" | "on-error" | "never";
  readonly key: string;
  readonly atMs: number;
}

/**
 * Nothing to answer with. Unless `validators` is undefined, send the request
 * with these (none) in place of its own If-None-Match and If-Modified-Since,
 * so that the whole answer comes; then `evaluateConditional` serves the client.
 */
export interface MissLookup {
  readonly kind: "miss";
  readonly because: ForwardReason;
  readonly validators: FieldList | undefined;
  readonly key: string;
  readonly atMs: number;
}

/** The cache takes no part: forward as it is, store nothing. */
export interface BypassLookup {
  readonly kind: "bypass";
  readonly because: ForwardReason;
}

/** `only-if-cached` and nothing to answer with: 504 (RFC 9111 section 5.2.1.7). */
export interface UnsatisfiableLookup {
  readonly kind: "unsatisfiable";
  readonly because: "only-if-cached";
}

export type Lookup =
  HitLookup | StaleLookup | MissLookup | BypassLookup | UnsatisfiableLookup;

/** What a fill looks at in the head of an answer; a `ResponseHead` has all of it. */
export type AnswerHead = Pick<ResponseHead, "status" | "fields"> & AnswerFacts;

/** What {@link Fill.head} decides. `freshForMs` is 0 or less when it must be validated first. */
export type Storable =
  | { readonly store: true; readonly freshForMs: number }
  | { readonly store: false; readonly because: NoStoreReason };

/** Told to those who wait for a fill of someone else. Called in the turn of the fill. */
export interface FillListener {
  /** The head is known and serves this waiter too. Read the body with `fill.read`. */
  onHead(response: FillHead): void;
  /** More of the body may be read. */
  onData(): void;
  onEnd(stored: StoredResponse | undefined): void;
  /** Make your own request: this answer is not stored, or not for you. Only before `onHead`. */
  onRefused(): void;
  /** The target broke off after the head: cut the client's connection. */
  onAborted(): void;
}

/** The head of an answer that is being received. */
export interface FillHead {
  readonly status: number;
  readonly fields: FieldList;
  /** Undefined when it was not announced. */
  readonly bodyBytes: number | undefined;
  readonly bornAtMs: number;
  readonly freshUntilMs: number;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly dateMs: number;
}

/** What a purge removes, under every release. Answers being received are not stored either. */
export type Purge =
  | { readonly kind: "service"; readonly service: string }
  /** One URL on every scheme, or on the one given. */
  | {
      readonly kind: "url";
      readonly service: string;
      readonly host: string;
      readonly target: string;
    }
  | {
      readonly kind: "prefix";
      readonly service: string;
      readonly host?: string;
      readonly prefix: string;
    }
  /** A word of the answer's `Cache-Tag` (commas) or `Surrogate-Key` (spaces). */
  | { readonly kind: "tag"; readonly service: string; readonly tag: string };

/** What is stored, by all threads together. */
export interface CacheSize {
  readonly entries: number;
  /** Everything that is in use of the bound, answers being received included. */
  readonly bytes: number;
  /** Of these, what writes to clients need. */
  readonly pinnedBytes: number;
  readonly maxBytes: number;
  /** Entries that left for want of room. */
  readonly evicted: number;
}

/** One thread's running totals since its start. */
export interface CacheTotals {
  readonly fillsInFlight: number;
  readonly hits: Readonly<Record<HitReason, number>>;
  readonly forwarded: Readonly<Record<ForwardReason, number>>;
  readonly stored: number;
  readonly revalidated: number;
  readonly notStored: Readonly<Record<NoStoreReason, number>>;
  /** Requests that waited for the answer to another. */
  readonly joined: number;
  readonly invalidated: number;
  readonly purged: number;
  readonly unsatisfiable: number;
}

/** One thread's totals, and what all have stored. */
export interface CacheStats extends CacheSize, CacheTotals {}

/**
 * One answer on its way into the cache. Begin it before the request is sent: a
 * purge, an invalidation or a `clear` that comes later keeps the answer out.
 */
export interface Fill extends Lender {
  readonly key: string;
  readonly startedAtMs: number;
  /**
   * The final head of the answer, as received. `release` is the one of the
   * registration the connection was opened under; a `Zoogate-Release` field wins
   * over it. When the answer is not to be stored the fill is over.
   */
  head(
    status: number,
    fields: FieldList,
    release: string | undefined,
    nowMs: number,
  ): Storable;
  /** The same for a parsed head, which spares reading the fields again. */
  answer(
    head: AnswerHead,
    release: string | undefined,
    nowMs: number,
  ): Storable;
  /** Copies. Ignored when the fill is over. */
  data(chunk: Buffer): void;
  /**
   * The body is complete. Undefined when it was not stored; what is answered is
   * valid until the next look-up.
   */
  end(): StoredResponse | undefined;
  /**
   * In place of `head`: a 304 for `validators` of the look-up. Answers what to
   * serve, refreshed, and valid until the next look-up; undefined when the 304 is
   * not about the stored answer: then ask again without conditions, with a new
   * fill.
   */
  notModified(
    fields: FieldList,
    release: string | undefined,
    nowMs: number,
  ): StoredResponse | undefined;
  /** The answer will not come, or not whole. Waiters are told. */
  abort(): void;

  /** The head, once it is known and the answer is being stored. */
  readonly response: FillHead | undefined;
  /** Bytes of the body that `read` can give by now; 0 when nothing is stored any more. */
  readonly bodyBytes: number;
  /** How many have joined and not left. */
  readonly waiterCount: number;
  /**
   * The next piece of the body from `offset` on, of what has come so far;
   * undefined when there is none yet. Not a copy: `hold` the fill while a write
   * of it is under way. A subscriber may read on after the end until it leaves.
   */
  read(offset: number): Buffer | undefined;
  /**
   * Waits for this answer instead of sending a request of one's own. Calls
   * `onHead` in this turn when the head is already there.
   */
  join(
    request: RequestHead,
    context: CacheContext,
    listener: FillListener,
  ): FillSubscription;
}

/** A waiter's place at a fill. */
export interface FillSubscription {
  /** The waiter leaves; the fill goes on. */
  leave(): void;
}
