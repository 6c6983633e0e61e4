import type {
  BypassLookup,
  Fill,
  MissLookup,
  StaleLookup,
  StoredResponse,
} from "../cache/index.ts";
import type {
  BodyReader,
  ProxyErrorType,
  RequestHead,
  ResponseHead,
} from "../http/index.ts";
import { forwardedLine } from "./cache-status-line.ts";
import {
  type AnswerFraming,
  answerHeadText,
  type ClientFacts,
  interimHeadText,
  requestHeadText,
  upgradeHeadText,
} from "./forward-head.ts";
import type { OwnAnswer } from "./own-answer.ts";
import { RequestBody } from "./request-body.ts";
import { type AttemptFault, decideRetry, isIdempotent } from "./retry.ts";
import type { Service, Waiter } from "./service.ts";
import type { Target } from "./target.ts";
import type { Thread } from "./thread.ts";
import type {
  UpstreamConnection,
  UpstreamFault,
  UpstreamUser,
} from "./upstream-connection.ts";
import { evaluateConditional } from "../cache/index.ts";
import { httpDateNow } from "../http/index.ts";

/** The client's side of an exchange. */
export interface Downstream {
  readonly facts: ClientFacts;
  /** The connection line that an answer of this framing needs; may be empty. */
  connectionLine(framing: AnswerFraming): string;
  interim(text: string): void;
  begin(status: number, text: string, framing: AnswerFraming): void;
  /** Bytes of the message as `begin` announced it; a `chunked` one is encoded when `encode`. */
  content(
    bytes: Buffer,
    range: { readonly from: number; readonly to: number },
    how: { readonly encode: boolean; readonly kept: boolean },
  ): void;
  /** The answer is whole. `encode` as in `content`. */
  finish(encode: boolean): void;
  /** The answer cannot be completed: the client must see that. */
  cut(): void;
  /** Writes what was put together; true when the kernel took everything. */
  flush(): boolean;
  own(answer: OwnAnswer): void;
  cached(entry: StoredResponse, how: { readonly statusLine: string }): void;
  pauseBody(): void;
  resumeBody(): void;
  upgrade(text: string): void;
  tunnelData(bytes: Buffer, end: number): boolean;
  tunnelEnd(): void;
}

/** Look-ups after which a target is asked. */
export type ForwardLookup = MissLookup | StaleLookup | BypassLookup;

/*
 *            ┌─► waiting ─┐   (no target: up to 5 s)
 *            │            ▼
 *   start ─► choosing ─► connecting ─► sent ─► answering ─► over
 *            ▲  ▲            │          │          │
 *            │  └── retry ───┴──────────┤          └─ cut: the client is cut too
 *            └───── no target ──────────┘          tunnel ─► over
 */
type Phase =
  | "choosing"
  | "waiting"
  | "connecting"
  | "sent"
  | "answering"
  | "tunnel"
  | "over";

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

/** One request on its way to a target and its answer on the way back. */
export class Exchange implements UpstreamUser, Waiter {
  readonly request: RequestHead;
  readonly service: Service;
  readonly body: RequestBody;
  readonly #thread: Thread;
  readonly #client: Downstream;
  readonly #startedAtMs: number;
  readonly #hashKey: string;
  #lookup: ForwardLookup;
  #fill: Fill | undefined;
  #phase: Phase = "choosing";
  #tried: Target[] = [];
  #target: Target | undefined;
  #connection: UpstreamConnection | undefined;
  #sentAtMs = 0;
  #movedAtMs = 0;
  #attempts = 0;
  #paidRetries = 0;
  #freshTried = false;
  #mode: ContentMode = "raw";
  /** Of the answer so far; 0 before. */
  status = 0;

  constructor(options: {
    readonly thread: Thread;
    readonly client: Downstream;
    readonly service: Service;
    readonly request: RequestHead;
    readonly lookup: ForwardLookup;
  }) {
    const { thread, client, service, request, lookup } = options;
    this.#thread = thread;
    this.#client = client;
    this.service = service;
    this.request = request;
    this.#lookup = lookup;
    this.#startedAtMs = performance.now();
    this.#hashKey = service.hashKey(request, client.facts.address);
    this.body = new RequestBody(request.framing, {
      holdBytes: thread.limits.heldBodyBytes,
      onBlocked: () => client.pauseBody(),
      onFlowing: () => client.resumeBody(),
    });
  }

  get over(): boolean {
    return this.#phase === "over";
  }

  get targetName(): string {
    return this.#tried.at(-1)?.name ?? "";
  }

  get startedAtMs(): number {
    return this.#startedAtMs;
  }

  get cacheWord(): string {
    return this.#lookup.because;
  }

  start(): void {
    this.service.budget.requestStarted();
    this.#beginFill();
    this.#attempt();
  }

  /** Waits are over: there may be a target now. */
  retryChoice(): void {
    if (this.#phase !== "waiting") return;
    this.#phase = "choosing";
    this.#attempt();
    this.#client.flush();
  }

  /** The client has left, or broke the rules: everything is released at once. */
  abort(): void {
    if (this.#phase === "over") return;
    this.service.stopWaiting(this);
    this.#fill?.abort();
    this.#connection?.destroy();
    this.#settle();
  }

  /** The next bytes of the request's content. */
  onRequestData(bytes: Buffer, from: number, to: number, kept: boolean): void {
    this.#sentAtMs = this.#movedAtMs = this.#thread.coarseMs;
    this.body.data(bytes, from, to, kept);
  }

  /** The request's content is whole. */
  onRequestEnd(): void {
    this.body.end();
  }

  /** The client takes bytes again. */
  onClientDrain(): void {
    this.#movedAtMs = this.#thread.coarseMs;
    this.#connection?.wire.resume();
  }

  onClientTunnelData(bytes: Buffer, end: number): boolean {
    this.#movedAtMs = this.#thread.coarseMs;
    return (
      this.#connection?.wire.write(Buffer.from(bytes.subarray(0, end))) ?? true
    );
  }

  onClientTunnelEnd(): void {
    this.#connection?.wire.end();
  }

  /** Times that run out. */
  sweep(nowMs: number): void {
    const { retry } = this.service.definition;
    const { limits } = this.#thread;
    switch (this.#phase) {
      case "waiting":
        if (nowMs - this.#startedAtMs >= retry.waitMs) this.#unavailable();
        return;
      case "sent":
        if (nowMs - this.#sentAtMs >= retry.headTimeoutMs) this.#headTimedOut();
        return;
      case "answering":
        if (nowMs - this.#movedAtMs >= limits.stallTimeoutMs) {
          this.#connection?.destroy();
          this.onFault("cut", "stalled");
        }
        return;
      case "tunnel":
        if (nowMs - this.#movedAtMs >= limits.tunnelIdleMs) {
          this.#connection?.destroy();
          this.onFault("cut", "idle");
        }
        return;
      case "choosing":
      case "connecting":
      case "over":
        return;
      default:
        this.#phase satisfies never;
    }
  }

  // ---- towards the target

  #beginFill(): void {
    const lookup = this.#lookup;
    if (lookup.kind === "bypass") return;
    this.#fill = this.#thread.cache.beginFill(
      this.request,
      this.#context(false),
      lookup,
    );
  }

  #context(allTargetsDown: boolean) {
    const context = this.service.cacheContext;
    context.scheme = this.#client.facts.scheme;
    context.host = this.request.host;
    context.allTargetsDown = allTargetsDown;
    return context;
  }

  #attempt(): void {
    const target = this.service.choose({
      tried: this.#tried,
      key: this.#hashKey,
      fills: this.#fill !== undefined,
    });
    if (target === undefined) {
      this.#wait();
      return;
    }
    this.#attempts += 1;
    this.#tried.push(target);
    this.#target = target;
    target.sent(this.#thread.coarseMs);
    this.#connect(target, false);
  }

  #connect(target: Target, fresh: boolean): void {
    this.#phase = "connecting";
    const { method } = this.request;
    const connection = target.pool.take(this, {
      method,
      repeatable: isIdempotent(method),
      fresh,
      nowMs: performance.now(),
    });
    this.#connection = connection;
    if (!connection.connecting) this.#send(connection, target);
  }

  onConnected(): void {
    const connection = this.#connection;
    const target = this.#target;
    if (connection === undefined || target === undefined) return;
    this.#send(connection, target);
  }

  #send(connection: UpstreamConnection, target: Target): void {
    this.#phase = "sent";
    this.#sentAtMs = this.#movedAtMs = performance.now();
    const lookup = this.#lookup;
    const { slab } = this.#thread;
    slab.text(
      requestHeadText(this.request, {
        client: this.#client.facts,
        viaName: this.#thread.name,
        validators: lookup.kind === "bypass" ? undefined : lookup.validators,
        targetAuthority: target.authority,
      }),
    );
    this.body.attach(connection.wire, slab);
  }

  onUpstreamDrain(): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (this.#phase === "tunnel") this.#client.resumeBody();
    else this.body.drained();
  }

  #wait(): void {
    if (this.#serveStale()) return;
    const { service } = this;
    if (
      service.definition.retry.waitMs === 0 ||
      service.waiting >= this.#thread.limits.maxWaiting
    ) {
      this.#unavailable();
      return;
    }
    this.#phase = "waiting";
    service.wait(this);
  }

  #unavailable(): void {
    this.service.stopWaiting(this);
    this.#fail({
      status: 503,
      error: "destination_unavailable",
      retryAfterS: 5,
    });
  }

  #headTimedOut(): void {
    const target = this.#target;
    this.#connection?.destroy();
    this.#connection = undefined;
    if (target !== undefined)
      this.#thread.targetFailed(this.service, target, "timed-out");
    this.#retryOrFail("head-timed-out", undefined);
    this.#client.flush();
  }

  onFault(fault: UpstreamFault, detail: string | undefined): void {
    const connection = this.#connection;
    const target = this.#target;
    this.#connection = undefined;
    if (this.#phase === "answering" || this.#phase === "tunnel") {
      if (target !== undefined && this.#phase === "answering")
        this.#thread.targetFailed(this.service, target, "cut");
      this.#fill?.abort();
      this.#client.cut();
      this.#settle();
      return;
    }
    if (connection === undefined || target === undefined) return;
    if (this.#isKeepAliveRace(fault, connection)) {
      this.#freshTried = true;
      this.#connect(target, true);
      return;
    }
    const refused = fault === "refused" || fault === "connect-timed-out";
    this.#thread.targetFailed(
      this.service,
      target,
      refused ? "refused" : "cut",
    );
    this.#retryOrFail(fault, detail);
  }

  /**
   * The target closed an idle connection while our request was on its way: not
   * its failure. Once, the same target is asked over a new connection.
   */
  #isKeepAliveRace(
    fault: UpstreamFault,
    connection: UpstreamConnection,
  ): boolean {
    return (
      fault === "cut" &&
      connection.uses > 1 &&
      !connection.answerBegun &&
      !this.#freshTried &&
      this.body.held &&
      isIdempotent(this.request.method)
    );
  }

  #retryOrFail(fault: AttemptFault, detail: string | undefined): void {
    if (this.#mayRetry(fault)) {
      this.#attempt();
      return;
    }
    this.#failAfter(fault, detail);
  }

  /** Takes leave of the present target when another is to be tried. */
  #mayRetry(fault: AttemptFault): boolean {
    const { budget, definition, rotation } = this.service;
    const decision = decideRetry(
      {
        fault,
        idempotent: isIdempotent(this.request.method),
        anySent: this.#phase === "sent",
        bodyHeld: this.body.held,
        attempts: this.#attempts,
        elapsedMs: performance.now() - this.#startedAtMs,
        anotherTarget: rotation.some((one) => !this.#tried.includes(one)),
      },
      { definition: definition.retry, budget },
    );
    if (!decision.retry) return false;
    if (decision.costs) {
      this.#paidRetries += 1;
      budget.retryStarted();
    }
    this.#thread.totals.retries += 1;
    this.body.detach();
    this.#target?.settled();
    this.#target = undefined;
    this.#phase = "choosing";
    return true;
  }

  #failAfter(fault: AttemptFault, detail: string | undefined): void {
    const { status, error } = FAILURES[fault];
    this.#fail({
      status,
      error,
      details: detail ?? fault,
      ...(this.#target === undefined ? {} : { nextHop: this.#target.name }),
    });
  }

  #fail(answer: OwnAnswer): void {
    if (this.#serveStale()) return;
    this.#fill?.abort();
    this.status = answer.status;
    this.#client.own(answer);
    this.#settle();
  }

  /** A stored answer, where it may stand in for targets that do not answer. */
  #serveStale(): boolean {
    const lookup = this.#lookup;
    if (lookup.kind === "bypass") return false;
    let entry =
      lookup.kind === "stale" && lookup.serve !== "never"
        ? lookup.entry
        : undefined;
    if (entry === undefined) {
      const again = this.#thread.cache.lookup(
        this.request,
        this.#context(true),
        Date.now(),
      );
      if (again.kind === "hit") entry = again.entry;
    }
    if (entry === undefined) return false;
    this.#fill?.abort();
    this.#fill = undefined;
    this.#client.cached(entry, {
      statusLine: `Cache-Status: ${this.#thread.name}; hit; detail=stale\r\n`,
    });
    this.#settle();
    return true;
  }

  // ---- from the target

  onHead(head: ResponseHead): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (head.status === 101) {
      this.#onUpgrade(head);
      return;
    }
    if (head.status < 200) {
      // A 100 goes to who waits for it; HTTP/1.0 knows no interim answers
      // (RFC 9110 section 15.2: "MUST NOT send a 1xx response to an HTTP/1.0 client").
      if (
        this.request.minorVersion === 1 &&
        (head.status !== 100 || this.request.expectContinue)
      )
        this.#client.interim(interimHeadText(head));
      return;
    }
    const target = this.#target;
    if (target === undefined) return;
    const listed = this.service.definition.retry.statuses.includes(head.status);
    if (listed) {
      this.#thread.targetFailed(this.service, target, "listed-status");
      if (this.#mayRetry("listed-status")) {
        const connection = this.#connection;
        this.#connection = undefined;
        connection?.discard();
        this.#attempt();
        return;
      }
    }
    target.answered(performance.now() - this.#sentAtMs, !listed);
    this.#thread.targetAnswered(target);
    if (listed && this.#serveStaleInstead()) return;
    this.#phase = "answering";
    if (!this.body.ended) this.#connection?.forbidReuse();
    this.body.release();
    this.#answer(head, target);
  }

  /** `stale-if-error`: the stored answer rather than a target's failure. */
  #serveStaleInstead(): boolean {
    const lookup = this.#lookup;
    if (lookup.kind !== "stale" || lookup.serve === "never") return false;
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.discard();
    return this.#serveStale();
  }

  #answer(head: ResponseHead, target: Target): void {
    const { request } = this;
    this.status = head.status;
    const stored = this.#offerToCache(head, target);
    if (stored === "asked-again") return;
    const framing = this.#chooseMode(head, stored === "in-place");
    if (this.#mode === "stored") return;
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
      framing,
    );
    if (!isSafe(request.method))
      this.#thread.cache.afterUnsafe(request, this.#context(false), {
        status: head.status,
        fields: head.fields,
      });
  }

  /** `in-place`: the client is answered from the store once the body is whole. */
  #offerToCache(
    head: ResponseHead,
    target: Target,
  ): "not" | "stored" | "in-place" | "asked-again" {
    const fill = this.#fill;
    if (fill === undefined) return "not";
    const lookup = this.#lookup;
    const nowMs = Date.now();
    const release = target.release;
    if (
      head.status === 304 &&
      lookup.kind === "stale" &&
      lookup.validators.length > 0
    ) {
      const entry = fill.notModified(head.fields, release, nowMs);
      this.#fill = undefined;
      if (entry === undefined) {
        this.#askAgain();
        return "asked-again";
      }
      this.#refreshed = entry;
      return "in-place";
    }
    if (!fill.head(head.status, head.fields, release, nowMs).store) {
      this.#fill = undefined;
      return "not";
    }
    const { response } = fill;
    if (response === undefined || head.status !== 200) return "stored";
    return evaluateConditional(this.request, response) === "full"
      ? "stored"
      : "in-place";
  }

  #refreshed: StoredResponse | undefined;

  #chooseMode(head: ResponseHead, inPlace: boolean): AnswerFraming {
    const { kind } = head.framing;
    if (inPlace) {
      this.#mode = "stored";
      return "none";
    }
    this.#mode = "raw";
    if (kind === "none" || kind === "length") return kind;
    if (this.request.minorVersion === 0) {
      this.#mode = "decoded";
      return "close";
    }
    if (kind === "until-close") this.#mode = "encoded";
    return "chunked";
  }

  /** The same once more without the cache: its answer did not fit. */
  #askAgain(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.discard();
    this.#lookup = { kind: "bypass", because: this.#lookup.because };
    this.#target?.settled();
    this.#target = undefined;
    this.#tried = [];
    this.#refreshed = undefined;
    this.#phase = "choosing";
    this.#attempt();
  }

  onData(bytes: Buffer, from: number, to: number): void {
    this.#fill?.data(bytes.subarray(from, to));
    if (this.#mode === "decoded" || this.#mode === "encoded")
      this.#client.content(
        bytes,
        { from, to },
        { encode: this.#mode === "encoded", kept: this.#readsAreKept },
      );
  }

  onContent(bytes: Buffer, from: number, to: number): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (this.#mode === "raw")
      this.#client.content(
        bytes,
        { from, to },
        { encode: false, kept: this.#readsAreKept },
      );
  }

  get #readsAreKept(): boolean {
    return this.#connection?.wire.streams === true;
  }

  onTurnEnd(): void {
    if (this.#phase === "over") return;
    if (!this.#client.flush()) this.#connection?.wire.pause();
  }

  onComplete(_reader: BodyReader): void {
    const fill = this.#fill;
    this.#fill = undefined;
    const connection = this.#connection;
    this.#connection = undefined;
    if (!this.body.ended) connection?.forbidReuse();
    const entry = fill?.end() ?? this.#refreshed;
    if (this.#mode !== "stored") this.#client.finish(this.#mode === "encoded");
    else if (entry === undefined) {
      this.#askAgain();
      return;
    } else
      this.#client.cached(entry, {
        statusLine: forwardedLine(
          this.#thread.name,
          this.#lookup.because,
          true,
        ),
      });
    this.#settle();
  }

  // ---- upgraded connections

  #onUpgrade(head: ResponseHead): void {
    const connection = this.#connection;
    if (this.request.upgrade === undefined || connection === undefined) {
      connection?.destroy();
      this.onFault("invalid-response", "bad-status");
      return;
    }
    this.#target?.answered(performance.now() - this.#sentAtMs, true);
    this.#thread.totals.upgrades += 1;
    this.#fill?.abort();
    this.#fill = undefined;
    this.#phase = "tunnel";
    this.status = 101;
    this.#client.upgrade(upgradeHeadText(head));
  }

  onTunnelData(bytes: Buffer, end: number): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (!this.#client.tunnelData(bytes, end)) this.#connection?.wire.pause();
  }

  onTunnelEnd(): void {
    this.#client.tunnelEnd();
  }

  /** Every path ends here, once. */
  #settle(): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    const { budget } = this.service;
    budget.requestEnded();
    for (; this.#paidRetries > 0; this.#paidRetries--) budget.retryEnded();
    this.#target?.settled();
    this.#target = undefined;
    this.#connection = undefined;
    this.body.detach();
    this.#onOver?.();
  }

  #onOver: (() => void) | undefined;

  /** Called once when the exchange has let go of everything. */
  set onOver(action: () => void) {
    this.#onOver = action;
  }
}

const FAILURES: Readonly<
  Record<
    AttemptFault,
    { readonly status: number; readonly error: ProxyErrorType }
  >
> = {
  refused: { status: 502, error: "connection_refused" },
  "connect-timed-out": { status: 504, error: "connection_timeout" },
  cut: { status: 502, error: "connection_terminated" },
  "invalid-response": { status: 502, error: "http_protocol_error" },
  "head-timed-out": { status: 504, error: "http_response_timeout" },
  "listed-status": { status: 502, error: "http_response_incomplete" },
};

/** RFC 9110 section 9.2.1. */
function isSafe(method: string): boolean {
  return (
    method === "GET" ||
    method === "HEAD" ||
    method === "OPTIONS" ||
    method === "TRACE"
  );
}
