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
import { characters, Entry, type EntryParts } from "./entry.ts";
import { encodeHead } from "./entry-codec.ts";
import { freshen, isSameRepresentation } from "./freshen.ts";
import type { FillHost, FillOutcome } from "./fill-host.ts";
import { decideStorage } from "./policy.ts";
import type { NoStoreReason } from "./reasons.ts";
import { ReceivingBody } from "./receiving-body.ts";
import type { SharedBody } from "./stored-body.ts";
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

/** An entry but for its body. */
interface Receiving extends EntryParts {
  readonly kind: "receiving";
  readonly body: ReceivingBody;
  /** As it will lie behind the body. */
  readonly head: Buffer;
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
  readonly #host: FillHost<AnswerFill>;
  /** What is validated; held until the fill is over. */
  #previous: Entry | undefined;
  readonly #stamp: number;
  #state: State = WAITING;
  #revoked = false;
  /** Whose bytes `read` gives. */
  #lent: ReceivingBody | SharedBody | undefined;
  /** Who may still read after the end; the body is held for them. */
  #readers = 0;
  #waiters: Waiters | undefined;
  // The cache's own: the place where other threads see this fill.
  claim = -1;
  // The table's own: the fills of this key.
  newerOfKey: AnswerFill | undefined = undefined;
  olderOfKey: AnswerFill | undefined = undefined;

  constructor(
    host: FillHost<AnswerFill>,
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
    this.#stamp = host.stampOf(this.key);
    this.#previous =
      lookup.kind === "stale" &&
      lookup.entry instanceof Entry && // always ours
      lookup.entry.body.hold()
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
    this.#lent = receiving.body;
    this.#host.onReceiving(this);
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
    else if (!state.body.append(chunk)) this.#refuse("full");
    else this.#waiters?.data();
  }

  end(): StoredResponse | undefined {
    const state = this.#state;
    if (state.kind !== "receiving") return undefined;
    if ((state.announcedBytes ?? state.body.length) !== state.body.length) {
      this.#refuse("length-mismatch");
      return undefined;
    }
    const { body: received, head } = state;
    const body = received.stored(received.length);
    if (!received.append(head)) {
      this.#refuse("full");
      return undefined;
    }
    received.hold();
    const entry = this.#publish(state, body);
    return entry === undefined
      ? this.#finish(new Entry(state, body, 0), "purged", false)
      : this.#finish(entry, "stored", true);
  }

  #publish(state: Receiving, body: SharedBody): Entry | undefined {
    if (this.#revoked) {
      this.#host.discard(state.body);
      return undefined;
    }
    const { request } = this;
    const how = { body, stamp: this.#stamp, request };
    return this.#host.publish(state, state.body, how);
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
    previous.body.hold();
    const { entry, outcome } = this.#freshened(previous, fields, nowMs);
    // Also one that may be served this once and no more.
    return this.#finish(entry, outcome, true);
  }

  abort(): void {
    this.#refuse("aborted");
  }

  read(offset: number): Buffer | undefined {
    const state = this.#state;
    if (state.kind === "receiving") return state.body.read(offset);
    return state.kind === "done" ? state.entry.body.read(offset) : undefined;
  }

  hold(): boolean {
    return this.#lent?.hold() ?? false;
  }

  release(): void {
    this.#lent?.release();
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
      reads: false,
    };
    const waiters = (this.#waiters ??= new Waiters());
    waiters.add(waiter);
    const state = this.#state;
    if (
      state.kind === "over" ||
      (state.kind === "done" && this.#readers === 0 && !state.entry.body.hold())
    )
      waiters.breakOff();
    else if (state.kind === "done") {
      this.#readers += 1;
      this.#tellEnd(state.entry, state.stored, undefined);
      this.#doneReading();
    } else {
      const head = this.response;
      if (head !== undefined && state.kind === "receiving")
        this.#giveHead(head, state, undefined);
    }
    return { leave: () => this.#leave(waiter) };
  }

  #leave(waiter: Waiter): void {
    this.#waiters?.delete(waiter);
    if (!waiter.reads) return;
    waiter.reads = false;
    this.#doneReading();
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
    const parts: EntryParts = {
      key: this.key,
      service: this.service,
      selector,
      release: head.release ?? release,
      status,
      fields,
      targetedControl: head.targetedCacheControl,
      etag: head.etag,
      lastModifiedMs: dateMsOf(head.lastModified),
      dateMs: dateMsOf(head.date) ?? nowMs,
      storedAtMs: nowMs,
      terms: decision.terms,
    };
    const encoded = encodeHead(parts);
    const body = this.#host.open(
      ReceivingBody.firstBytes(announcedBytes) + encoded.length,
    );
    return body === undefined
      ? "full"
      : { ...parts, kind: "receiving", body, head: encoded, announcedBytes };
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
    if (this.#revoked) return { entry, outcome: "purged" };
    const stored = this.#host.refresh(previous, entry, this.request);
    return stored === undefined
      ? { entry, outcome: "purged" }
      : { entry: stored, outcome: "revalidated" };
  }

  /** The body is held by now. Answers the entry when it `serves` who asked. */
  #finish(
    entry: Entry,
    outcome: FillOutcome,
    serves: boolean,
  ): StoredResponse | undefined {
    const stored = outcome === "stored" || outcome === "revalidated";
    this.#state = { kind: "done", entry, stored };
    this.#lent = entry.body;
    this.#readers = 1;
    this.#host.onOver(this, outcome);
    this.#tellEnd(entry, stored, entry.storedAtMs);
    if (serves) this.#host.guardHeld(entry.slot);
    this.#releasePrevious();
    this.#doneReading();
    return serves ? entry : undefined;
  }

  #tellEnd(entry: Entry, stored: boolean, nowMs: number | undefined): void {
    const waiters = this.#waiters;
    if (waiters === undefined) return;
    this.#giveHead(fillHead(entry, entry.body.length), entry, nowMs);
    this.#readers += waiters.markReaders();
    waiters.end(stored ? entry : undefined);
  }

  /** The last of the readers lets go of the body. */
  #doneReading(): void {
    this.#readers -= 1;
    const state = this.#state;
    if (state.kind === "done" && this.#readers === 0)
      state.entry.body.release();
  }

  #releasePrevious(): void {
    this.#previous?.body.release();
    this.#previous = undefined;
  }

  #refuse(because: NoStoreReason): Storable {
    const { kind } = this.#state;
    if (kind === "waiting" || kind === "receiving") {
      const state = this.#state;
      this.#state = OVER;
      if (state.kind === "receiving") this.#host.discard(state.body);
      this.#releasePrevious();
      this.#host.onOver(this, because);
      this.#waiters?.breakOff();
    }
    return { store: false, because };
  }

  /**
   * A waiter is served by an answer that a look-up would have given it, and that
   * is fresh: one that is to be validated each time is for one request only.
   */
  #giveHead(head: FillHead, from: EntryParts, nowMs: number | undefined): void {
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
}

function announcedBytesOf(head: AnswerHead): number | undefined {
  if (isBodiless(head.status)) return 0;
  return head.contentLength < 0 ? undefined : head.contentLength;
}

function fillHead(from: EntryParts, bodyBytes: number): FillHead {
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
