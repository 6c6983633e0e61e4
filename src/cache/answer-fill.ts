/*
 * One answer on its way into the store.
 *
 *   waiting --head()--> receiving --end()--------> done
 *      |                   |
 *      +--notModified()----|---------------------> done
 *      +--head() says no---+--too long, no room--> over  (waiters without a head ask
 *      +--abort()----------+--abort, wrong size--> over   themselves, others are cut)
 *
 * Waiters get the head at once where the length of the body is announced: room
 * for all of it is then set aside, so that nothing but the target can break it
 * off. Without a length they get it at the end, because a body that turns out
 * too long to be stored could not be streamed to them in bounded memory.
 */
import {
  type FieldList,
  httpDate,
  isBodiless,
  type RequestHead,
} from "../http/index.ts";
import { dateMsOf, readAnswerFacts, storedFields } from "./answer-facts.ts";
import { BodyBuffer } from "./body-buffer.ts";
import { characters, Entry, type EntryParts, headBytes } from "./entry.ts";
import { freshen, isSameRepresentation } from "./freshen.ts";
import { decideStorage } from "./policy.ts";
import type { NoStoreReason } from "./reasons.ts";
import type {
  AnswerHead,
  CacheContext,
  CacheRules,
  Fill,
  FillHead,
  FillListener,
  FillSubscription,
  MissLookup,
  StaleLookup,
  Storable,
  StoredResponse,
} from "./types.ts";
import { selectorOf, selects } from "./vary.ts";
import { type Waiter, Waiters } from "./waiters.ts";

/** Most characters of a head that is stored; above that it is not a page's head. */
const MAX_FIELD_CHARACTERS = 64 * 1024;

/** What a fill needs of the cache it fills. */
export interface FillHost {
  readonly maxEntryBytes: number;
  readonly staleWhileDownMs: number;
  reserve(bytes: number): boolean;
  unreserve(bytes: number): void;
  /** Stores an entry, in place of those that its request would also select. */
  put(entry: Entry, request: RequestHead): boolean;
  remove(entry: Entry): void;
  /** The fill is over. */
  onOver(fill: AnswerFill, outcome: FillOutcome): void;
}

/** How a fill ended; a reason says that nothing was stored. */
export type FillOutcome = "stored" | "revalidated" | NoStoreReason;

/** An entry but for its body. */
interface Receiving extends Omit<EntryParts, "body"> {
  readonly kind: "receiving";
  readonly body: BodyBuffer;
  /** Undefined when no length was announced. */
  readonly announcedBytes: number | undefined;
}

type State =
  | { readonly kind: "waiting" }
  | Receiving
  | { readonly kind: "done"; readonly entry: Entry; readonly stored: boolean }
  | { readonly kind: "over" };

const WAITING: State = { kind: "waiting" };
const OVER: State = { kind: "over" };

/** See the head of this file. */
export class AnswerFill implements Fill {
  readonly key: string;
  readonly startedAtMs: number;
  readonly request: RequestHead;
  readonly service: string;
  /** The service's release when the request was sent. */
  readonly releaseAtStart: string | undefined;
  readonly #rules: CacheRules;
  readonly #host: FillHost;
  readonly #previous: Entry | undefined;
  readonly #reserve = (bytes: number): boolean => this.#reserveMore(bytes);
  #state: State = WAITING;
  #revoked = false;
  #reservedBytes = 0;
  #waiters: Waiters | undefined;
  // The table's own: the fills of this key.
  newerOfKey: AnswerFill | undefined = undefined;
  olderOfKey: AnswerFill | undefined = undefined;

  constructor(
    host: FillHost,
    begun: {
      readonly request: RequestHead;
      readonly context: CacheContext;
      readonly lookup: MissLookup | StaleLookup;
    },
  ) {
    const { request, context, lookup } = begun;
    this.#host = host;
    this.request = request;
    // Copied: a caller may use one context object for all of its requests.
    this.service = context.service;
    this.releaseAtStart = context.currentRelease;
    this.#rules = context.rules;
    this.key = lookup.key;
    this.startedAtMs = lookup.atMs;
    this.#previous =
      lookup.kind === "stale" && lookup.entry instanceof Entry // always ours
        ? lookup.entry
        : undefined;
  }

  /** Whether its answer may still serve requests that arrive now. */
  get joinable(): boolean {
    return (
      !this.#revoked &&
      this.request.method === "GET" &&
      this.request.range === undefined &&
      (this.#state.kind === "waiting" || this.#state.kind === "receiving")
    );
  }

  /** What was asked for before a purge or an invalidation is not stored after it. */
  revoke(): void {
    this.#revoked = true;
  }

  get waiterCount(): number {
    return this.#waiters?.count ?? 0;
  }

  get bodyBytes(): number {
    const state = this.#state;
    if (state.kind === "done") return state.entry.body.length;
    return state.kind === "receiving" ? state.body.length : 0;
  }

  get response(): FillHead | undefined {
    const state = this.#state;
    if (state.kind === "done")
      return fillHead(state.entry, state.entry.body.length);
    return state.kind === "receiving" && state.announcedBytes !== undefined
      ? fillHead(state, state.announcedBytes)
      : undefined;
  }

  head(
    status: number,
    fields: FieldList,
    release: string | undefined,
    nowMs: number,
  ): Storable {
    const head = { ...readAnswerFacts(fields), status, fields };
    return this.answer(head, release, nowMs);
  }

  answer(
    head: AnswerHead,
    release: string | undefined,
    nowMs: number,
  ): Storable {
    if (this.#state.kind !== "waiting")
      return { store: false, because: "aborted" };
    if (this.request.method === "HEAD") {
      if (head.status === 200) this.#freshenByHead(head, nowMs);
      return this.#refuse("method");
    }
    const receiving = this.#prepare(head, release, nowMs);
    if (typeof receiving === "string") return this.#refuse(receiving);
    this.#state = receiving;
    const { response } = this;
    if (response !== undefined) this.#giveHead(response, receiving, nowMs);
    return { store: true, freshForMs: receiving.terms.freshUntilMs - nowMs };
  }

  data(chunk: Buffer): void {
    const state = this.#state;
    if (state.kind !== "receiving") return;
    const length = state.body.length + chunk.length;
    if (length > (state.announcedBytes ?? Infinity))
      this.#refuse("length-mismatch");
    else if (length > this.#maxBodyBytes()) this.#refuse("too-large");
    else if (!state.body.append(chunk, this.#reserve)) this.#refuse("full");
    else this.#waiters?.data();
  }

  end(): StoredResponse | undefined {
    const state = this.#state;
    if (state.kind !== "receiving") return undefined;
    if ((state.announcedBytes ?? state.body.length) !== state.body.length) {
      this.#refuse("length-mismatch");
      return undefined;
    }
    const entry = new Entry({ ...state, body: state.body.whole() });
    this.#unreserve();
    return this.#finish(entry, this.#put(entry) ?? "stored");
  }

  notModified(
    fields: FieldList,
    release: string | undefined,
    nowMs: number,
  ): StoredResponse | undefined {
    const previous = this.#previous;
    if (this.#state.kind !== "waiting" || previous === undefined)
      return undefined;
    const facts = readAnswerFacts(fields);
    if (
      !isSameRepresentation(facts, previous) ||
      (facts.release ?? release) !== previous.release
    ) {
      this.#refuse("status");
      return undefined;
    }
    const { entry, outcome } = this.#freshened(previous, fields, nowMs);
    this.#finish(entry, outcome);
    return entry;
  }

  abort(): void {
    this.#refuse("aborted");
  }

  read(offset: number): Buffer | undefined {
    const state = this.#state;
    if (state.kind === "receiving") return state.body.read(offset);
    return state.kind === "done" && offset < state.entry.body.length
      ? state.entry.body.subarray(offset)
      : undefined;
  }

  join(
    request: RequestHead,
    context: CacheContext,
    listener: FillListener,
  ): FillSubscription {
    const waiter: Waiter = {
      request,
      currentRelease: context.currentRelease,
      listener,
      hasHead: false,
    };
    const waiters = (this.#waiters ??= new Waiters());
    waiters.add(waiter);
    const state = this.#state;
    const head = this.response;
    if (state.kind === "over") waiters.breakOff();
    else if (head !== undefined && state.kind !== "waiting") {
      const from = state.kind === "done" ? state.entry : state;
      this.#giveHead(head, from, undefined);
      if (state.kind === "done")
        waiters.end(state.stored ? state.entry : undefined);
    }
    return { leave: () => waiters.delete(waiter) };
  }

  /** Decides, and sets aside what the answer needs. */
  #prepare(
    head: AnswerHead,
    release: string | undefined,
    nowMs: number,
  ): Receiving | NoStoreReason {
    const { status } = head;
    const decision = decideStorage({
      ...this.#asked(nowMs),
      status,
      facts: head,
    });
    if (!decision.store) return decision.because;
    const selector = selectorOf(head.vary, this.request.fields);
    if (selector === "star") return "vary-star";
    if (selector === "too-wide") return "vary-too-wide";
    if (this.#revoked) return "purged";
    const announcedBytes = announcedBytesOf(head);
    if ((announcedBytes ?? 0) > this.#maxBodyBytes()) return "too-large";
    const fields = storedFields(head.fields, httpDate(nowMs));
    if (characters(fields) > MAX_FIELD_CHARACTERS) return "fields-too-large";
    const bytes =
      headBytes(this.key, fields, selector) +
      BodyBuffer.firstBytes(announcedBytes);
    if (!this.#reserveMore(bytes)) return "full";
    return {
      kind: "receiving",
      key: this.key,
      service: this.service,
      selector,
      release: head.release ?? release,
      status,
      fields,
      targetedControl: head.targetedCacheControl,
      body: new BodyBuffer(announcedBytes),
      announcedBytes,
      etag: head.etag,
      lastModifiedMs: dateMsOf(head.lastModified),
      dateMs: dateMsOf(head.date) ?? nowMs,
      storedAtMs: nowMs,
      terms: decision.terms,
    };
  }

  #asked(nowMs: number) {
    return {
      request: this.request,
      rules: this.#rules,
      requestedAtMs: this.startedAtMs,
      receivedAtMs: nowMs,
      staleWhileDownMs: this.#host.staleWhileDownMs,
    };
  }

  /** RFC 9111 section 4.3.5: a HEAD refreshes the stored answer or shows that it has changed. */
  #freshenByHead(head: AnswerHead, nowMs: number): void {
    const previous = this.#previous;
    if (previous === undefined || this.#revoked) return;
    const isSame =
      (head.etag !== undefined || head.lastModified !== undefined) &&
      isSameRepresentation(head, previous) &&
      (head.contentLength < 0 || head.contentLength === previous.body.length);
    if (isSame) this.#freshened(previous, head.fields, nowMs);
    else this.#host.remove(previous);
  }

  #freshened(
    previous: Entry,
    update: FieldList,
    nowMs: number,
  ): { readonly entry: Entry; readonly outcome: FillOutcome } {
    const { entry, because } = freshen(previous, update, this.#asked(nowMs));
    if (because !== undefined) {
      this.#host.remove(previous);
      return { entry, outcome: because };
    }
    return { entry, outcome: this.#put(entry) ?? "revalidated" };
  }

  #put(entry: Entry): NoStoreReason | undefined {
    if (this.#revoked) return "purged";
    return this.#host.put(entry, this.request) ? undefined : "full";
  }

  #finish(entry: Entry, outcome: FillOutcome): StoredResponse | undefined {
    const stored = outcome === "stored" || outcome === "revalidated";
    this.#state = { kind: "done", entry, stored };
    this.#host.onOver(this, outcome);
    if (this.#waiters !== undefined) {
      this.#giveHead(
        fillHead(entry, entry.body.length),
        entry,
        entry.storedAtMs,
      );
      this.#waiters.end(stored ? entry : undefined);
    }
    return stored ? entry : undefined;
  }

  #refuse(because: NoStoreReason): Storable {
    const { kind } = this.#state;
    if (kind === "waiting" || kind === "receiving") {
      this.#state = OVER;
      this.#unreserve();
      this.#host.onOver(this, because);
      this.#waiters?.breakOff();
    }
    return { store: false, because };
  }

  /**
   * A waiter is served by an answer that a look-up would have given it, and that
   * is fresh: one that is to be validated each time is for one request only.
   */
  #giveHead(
    head: FillHead,
    from: Omit<EntryParts, "body">,
    nowMs: number | undefined,
  ): void {
    const { terms, selector, release } = from;
    const isFresh = terms.freshUntilMs > (nowMs ?? from.storedAtMs);
    this.#waiters?.giveHead(
      head,
      ({ request, currentRelease }) =>
        isFresh &&
        release === currentRelease &&
        (request.cookie === undefined || terms.servesCookie) &&
        (request.authorization === undefined || terms.servesAuthorization) &&
        selects(selector, request.fields),
    );
  }

  #maxBodyBytes(): number {
    return Math.min(
      this.#host.maxEntryBytes,
      this.#rules.maxEntryBytes ?? Infinity,
    );
  }

  #reserveMore(bytes: number): boolean {
    if (!this.#host.reserve(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  #unreserve(): void {
    this.#host.unreserve(this.#reservedBytes);
    this.#reservedBytes = 0;
  }
}

function announcedBytesOf(head: AnswerHead): number | undefined {
  if (isBodiless(head.status)) return 0;
  return head.contentLength < 0 ? undefined : head.contentLength;
}

function fillHead(from: Omit<EntryParts, "body">, bodyBytes: number): FillHead {
  return {
    status: from.status,
    fields: from.fields,
    bodyBytes,
    bornAtMs: from.terms.bornAtMs,
    freshUntilMs: from.terms.freshUntilMs,
    etag: from.etag,
    lastModifiedMs: from.lastModifiedMs,
    dateMs: from.dateMs,
  };
}
