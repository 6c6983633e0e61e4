import {
  type BypassLookup,
  evaluateConditional,
  type Fill,
  type MissLookup,
  type StaleLookup,
  type StoredResponse,
} from "../cache/index.ts";
import {
  httpDateNow,
  type RequestHead,
  type ResponseHead,
} from "../http/index.ts";
import { forwardedLine } from "./cache-status-line.ts";
import { CodedContent, type CodedSink } from "./coded-content.ts";
import { recodedFields } from "./coded-head.ts";
import type { Downstream } from "./downstream.ts";
import { type AnswerFraming, answerHeadText } from "./forward-head.ts";
import type { Service } from "./service.ts";
import { variesUnseen } from "./request-rules.ts";
import { publicFields } from "./service-rules.ts";
import type { Target } from "./target.ts";
import type { Thread } from "./thread.ts";

/** Look-ups after which an answer may fill or refresh the cache. */
export type FillLookup = MissLookup | StaleLookup;

/** Look-ups after which a target is asked. */
export type ForwardLookup = FillLookup | BypassLookup;

/** Whose answer it is. */
export interface RelayHost {
  /** Compressed content moves; `reads`: the target may be read on. */
  relayMoved(reads: boolean): void;
  /** What `complete` called `later`; `failed`: it broke, at any time. */
  relayOver(outcome: "done" | "ask-again" | "failed"): void;
}

/** What becomes of the content of an answer. */
type ContentMode =
  /** The bytes as they came, framing included. */
  | "raw"
  /** Content only: the client gets another framing. */
  | "decoded"
  /** Content only, in chunks of ours. */
  | "encoded"
  /** Only stored; the client is answered from the store afterwards. */
  | "stored";

/**
 * A target's answer on its way to the client, and beside it into the cache.
 * `ask-again` means that the cache's own conditions led to an answer that is of
 * no use to this client: the request goes out once more without them.
 */
export class AnswerRelay {
  readonly #thread: Thread;
  #client: Downstream;
  readonly #service: Service;
  readonly #request: RequestHead;
  #lookup: ForwardLookup;
  #fill: Fill | undefined;
  #mode: ContentMode = "raw";
  /** The message is its content: no framing within. */
  #isPlain = false;
  /** Held until the client has been answered with it. */
  #refreshed: StoredResponse | undefined;
  /** Content that is compressed on its way. */
  #coded: CodedContent | undefined;
  readonly #host: RelayHost;

  constructor(options: {
    readonly thread: Thread;
    readonly client: Downstream;
    readonly service: Service;
    readonly request: RequestHead;
    readonly lookup: ForwardLookup;
    readonly host: RelayHost;
  }) {
    this.#host = options.host;
    this.#thread = options.thread;
    this.#client = options.client;
    this.#service = options.service;
    this.#request = options.request;
    this.#lookup = options.lookup;
  }

  get lookup(): ForwardLookup {
    return this.#lookup;
  }

  /** Whether the answer may be stored, as far as it is known. */
  get fills(): boolean {
    return this.#fill !== undefined;
  }

  /** Other clients wait for this answer. */
  get isAwaited(): boolean {
    return this.#fill !== undefined && this.#fill.waiterCount > 0;
  }

  /** The answer has begun, but nothing of it goes out before all is there. */
  get isHeldBack(): boolean {
    return this.#mode === "stored" || this.gathers;
  }

  /** The same because its content is compressed as a whole. */
  get gathers(): boolean {
    return this.#coded?.gathers === true;
  }

  /** The target is to be read no further for now. */
  get blocked(): boolean {
    return this.#coded?.blocked === true;
  }

  /** The client takes more. */
  resume(): void {
    this.#coded?.resume();
  }

  sweep(): void {
    this.#coded?.sweep();
  }

  /** From here on the answer goes to another client. */
  set client(client: Downstream) {
    this.#client = client;
    this.#coded?.resume();
  }

  /** Before the request is sent: what is purged from now on stays out. */
  beginFill(): void {
    const lookup = this.#lookup;
    if (lookup.kind === "bypass") return;
    this.#fill = this.#thread.cache.beginFill(
      this.#request,
      this.#context(false),
      lookup,
    );
  }

  /** The answer that was begun broke off unseen: the next one begins anew. */
  restart(): void {
    this.abandonFill();
    this.#mode = "raw";
    this.beginFill();
  }

  abandonFill(): void {
    this.#fill?.abort();
    this.#fill = undefined;
    this.#coded?.destroy();
    this.#coded = undefined;
    this.#dropRefreshed();
  }

  #dropRefreshed(): void {
    this.#refreshed?.body.release();
    this.#refreshed = undefined;
  }

  /** Answers with the proxy's page where the service wants that and there is one. */
  replaceError(head: ResponseHead): boolean {
    const page = this.#thread.pages.insteadOf(head, this.#service);
    if (page === undefined) return false;
    this.abandonFill();
    this.#client.own(page);
    return true;
  }

  /** The final head; begins the client's answer. */
  head(head: ResponseHead, target: Target): "relayed" | "ask-again" {
    const { compression } = this.#service;
    if (compression === undefined) return this.#begin(head, target);
    const plan = compression.plan(head, this.#request);
    if (plan.kind === "none") return this.#begin(head, target);
    if (plan.kind === "head") return this.#begin(plan.head, target);
    const thread = this.#thread;
    if (thread.compressing >= thread.limits.maxCompressions)
      return this.#begin(plan.uncoded, target);
    this.#coded = new CodedContent(plan, this.#codedSink(target), thread);
    return "relayed";
  }

  #codedSink(target: Target): CodedSink {
    const host = this.#host;
    return {
      begin: (head) => void this.#begin(head, target),
      content: (piece) => {
        this.#take(piece, 0, piece.length, true);
        this.#pass(piece, 0, piece.length, true);
        host.relayMoved(false);
      },
      end: () => this.#end(),
      flush: () => this.#client.flush() || this.isAwaited,
      taken: () => host.relayMoved(true),
      over: (outcome) => host.relayOver(outcome),
    };
  }

  #begin(head: ResponseHead, target: Target): "relayed" | "ask-again" {
    const stored = this.#offer(head, target);
    if (stored === "ask-again") return stored;
    const framing = this.#chooseMode(head, stored === "in-place");
    if (this.#mode === "stored") return "relayed";
    this.#client.begin(
      head.status,
      answerHeadText(head, {
        framing,
        viaName: this.#thread.name,
        extraLines: forwardedLine(
          this.#thread.name,
          this.#lookup.because,
          stored === "stored",
        ),
        dateLine:
          head.date === undefined ? `Date: ${httpDateNow(Date.now())}\r\n` : "",
        connectionLine: this.#client.connectionLine(framing),
      }),
    );
    if (!isSafe(this.#request.method))
      this.#thread.cache.afterUnsafe(this.#request, this.#context(false), {
        status: head.status,
        fields: publicFields(
          head.fields,
          this.#service.rules,
          this.#request.host,
        ),
      });
    return "relayed";
  }

  /** Content, as it stands within the message. */
  data(bytes: Buffer, from: number, to: number, kept: boolean): void {
    if (this.#coded === undefined) this.#take(bytes, from, to, kept);
    else this.#coded.data(bytes.subarray(from, to));
  }

  // oxlint-disable-next-line eslint/max-params -- called for every piece: no object for it
  #take(bytes: Buffer, from: number, to: number, kept: boolean): void {
    this.#fill?.data(bytes.subarray(from, to));
    const mode = this.#mode;
    if (mode === "decoded" || mode === "encoded")
      this.#client.content(bytes, from, to, {
        encode: mode === "encoded",
        kept: kept && !this.#isStoring,
      });
  }

  /** The message as it came, content and framing. */
  message(bytes: Buffer, from: number, to: number, kept: boolean): void {
    if (this.#coded === undefined) this.#pass(bytes, from, to, kept);
  }

  // oxlint-disable-next-line eslint/max-params -- called for every piece: no object for it
  #pass(bytes: Buffer, from: number, to: number, kept: boolean): void {
    if (this.#mode !== "raw") return;
    const stored = kept ? this.#storedPiece(to - from) : undefined;
    if (stored === undefined)
      this.#client.content(bytes, from, to, {
        encode: false,
        kept: kept && !this.#isStoring,
      });
    else
      this.#client.content(stored, 0, stored.length, {
        encode: false,
        kept: true,
        ...(this.#fill === undefined ? {} : { lender: this.#fill }),
      });
  }

  /**
   * While an answer is stored its target is read on for those that wait, even
   * when this client takes nothing: no write may depend on the input buffer.
   */
  get #isStoring(): boolean {
    return this.#fill !== undefined && this.#fill.bodyBytes > 0;
  }

  /** The last `length` bytes of the message, as they lie in the store. */
  #storedPiece(length: number): Buffer | undefined {
    const fill = this.#fill;
    if (fill === undefined || !this.#isPlain) return undefined;
    const piece = fill.read(fill.bodyBytes - length);
    return piece?.length === length ? piece : undefined;
  }

  /** The target's answer is whole. `later`: the host is told when the client's is. */
  complete(): "done" | "ask-again" | "later" {
    return this.#coded === undefined ? this.#end() : this.#coded.complete();
  }

  #end(): "done" | "ask-again" {
    const fill = this.#fill;
    this.#fill = undefined;
    const entry = fill?.end() ?? this.#refreshed;
    if (this.#mode !== "stored") {
      this.#client.finish(this.#mode === "encoded");
      return "done";
    }
    if (entry === undefined) return "ask-again";
    this.#client.cached(
      entry,
      forwardedLine(this.#thread.name, this.#lookup.because, true),
    );
    this.#dropRefreshed();
    return "done";
  }

  /** From here on the cache takes no part. */
  withoutCache(): void {
    this.abandonFill();
    this.#mode = "raw";
    this.#lookup = { kind: "bypass", because: this.#lookup.because };
  }

  /**
   * A stored answer in place of targets that fail. `listed` is about one that
   * answered, but badly: then only what `stale-if-error` allows may be used.
   */
  serveStale(why: "no-target" | "listed"): boolean {
    const lookup = this.#lookup;
    if (lookup.kind === "bypass") return false;
    let entry =
      lookup.kind === "stale" && lookup.serve !== "never"
        ? lookup.entry
        : undefined;
    if (entry === undefined && why === "no-target") {
      const again = this.#thread.cache.lookup(
        this.#request,
        this.#context(true),
        Date.now(),
      );
      if (again.kind === "hit") entry = again.entry;
    }
    if (entry === undefined || !entry.body.hold()) return false;
    this.abandonFill();
    this.#client.cached(
      entry,
      `Cache-Status: ${this.#thread.name}; hit; detail=stale\r\n`,
    );
    entry.body.release();
    return true;
  }

  #context(allTargetsDown: boolean) {
    const context = this.#service.cacheContext;
    context.scheme = this.#client.facts.scheme;
    context.host = this.#request.host;
    context.allTargetsDown = allTargetsDown;
    return context;
  }

  /** `in-place`: the client is answered from the store once the body is whole. */
  #offer(
    head: ResponseHead,
    target: Target,
  ): "not" | "stored" | "in-place" | "ask-again" {
    const fill = this.#fill;
    if (fill === undefined) return "not";
    const lookup = this.#lookup;
    const nowMs = Date.now();
    if (
      head.status === 304 &&
      lookup.kind === "stale" &&
      lookup.validators.length > 0
    ) {
      const fields =
        this.#service.compression === undefined
          ? head.fields
          : recodedFields(head.fields, lookup.entry.fields);
      const refreshed = fill.notModified(fields, target.release, nowMs);
      this.#fill = undefined;
      if (refreshed?.body.hold() !== true) return "ask-again";
      this.#refreshed = refreshed;
      return "in-place";
    }
    // To be known as an answer that no other request may have.
    const seen = variesUnseen(head.vary, this.#service.rules?.requests)
      ? { ...head, vary: "*" }
      : head;
    if (!fill.answer(seen, target.release, nowMs).store) {
      this.#fill = undefined;
      return "not";
    }
    const { response } = fill;
    if (response === undefined || head.status !== 200) return "stored";
    return evaluateConditional(this.#request, response) === "full"
      ? "stored"
      : "in-place";
  }

  #chooseMode(head: ResponseHead, inPlace: boolean): AnswerFraming {
    const { kind } = head.framing;
    if (inPlace) {
      this.#mode = "stored";
      return "none";
    }
    this.#mode = "raw";
    this.#isPlain = kind === "length";
    if (kind === "none" || kind === "length") return kind;
    if (this.#request.minorVersion === 0) {
      this.#mode = "decoded";
      return "close";
    }
    if (kind === "until-close") this.#mode = "encoded";
    return "chunked";
  }
}

/** RFC 9110 section 9.2.1. */
function isSafe(method: string): boolean {
  return (
    method === "GET" ||
    method === "HEAD" ||
    method === "OPTIONS" ||
    method === "TRACE"
  );
}
