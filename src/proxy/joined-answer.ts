import {
  evaluateConditional,
  type Fill,
  type FillHead,
  type FillListener,
  type FillSubscription,
  type StoredResponse,
} from "../cache/index.ts";
import { reasonPhrase, type RequestHead } from "../http/index.ts";
import type { ForwardLookup } from "./answer-relay.ts";
import type { Downstream } from "./downstream.ts";
import { Exchange } from "./exchange.ts";
import { type AnswerFraming, fieldLines } from "./forward-head.ts";
import type { Service } from "./service.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";

/** A fill without a head for this long lets one waiter ask for itself. */
const PATIENCE_MS = 5000;

/**
 * A request that waits for the answer to another one instead of asking a target
 * (request collapsing). The answer is read from the fill while it grows. Where
 * it is not for this client, or takes too long, an exchange of its own follows.
 */
export class JoinedAnswer implements Serving, FillListener {
  readonly service: Service;
  readonly startedAtMs: number;
  onOver: (() => void) | undefined;
  readonly #thread: Thread;
  readonly #client: Downstream;
  readonly #request: RequestHead;
  readonly #lookup: ForwardLookup;
  readonly #fill: Fill;
  #subscription: FillSubscription | undefined;
  #instead: Exchange | undefined;
  #offset = 0;
  #begun = false;
  #encode = false;
  #fromStore = false;
  #over = false;
  #movedAtMs: number;

  constructor(options: {
    readonly thread: Thread;
    readonly client: Downstream;
    readonly service: Service;
    readonly request: RequestHead;
    readonly lookup: ForwardLookup;
    readonly fill: Fill;
  }) {
    this.service = options.service;
    this.startedAtMs = performance.now();
    this.#movedAtMs = this.startedAtMs;
    this.#thread = options.thread;
    this.#client = options.client;
    this.#request = options.request;
    this.#lookup = options.lookup;
    this.#fill = options.fill;
  }

  get targetName(): string {
    return this.#instead?.targetName ?? "";
  }

  get cacheWord(): string {
    return "collapsed";
  }

  start(): void {
    const context = this.service.cacheContext;
    context.scheme = this.#client.facts.scheme;
    context.host = this.#request.host;
    this.#subscription = this.#fill.join(this.#request, context, this);
    // It may have been refused, or have ended, in that call.
    if (this.#over || this.#instead !== undefined) this.#subscription.leave();
  }

  abort(): void {
    if (this.#instead !== undefined) this.#instead.abort();
    else this.#settle();
  }

  sweep(nowMs: number): void {
    if (this.#instead !== undefined) {
      this.#instead.sweep(nowMs);
      return;
    }
    if (this.#over) return;
    if (this.#begun || this.#fromStore) {
      if (nowMs - this.#movedAtMs >= this.#thread.limits.stallTimeoutMs) {
        this.#client.cut();
        this.#settle();
      }
    } else if (
      nowMs - this.startedAtMs >= PATIENCE_MS &&
      this.#thread.mayAskBeside(this.#fill, PATIENCE_MS)
    )
      this.onRefused();
  }

  // ---- from the fill

  onHead(response: FillHead): void {
    this.#movedAtMs = this.#thread.coarseMs;
    if (evaluateConditional(this.#request, response) !== "full") {
      this.#fromStore = true;
      return;
    }
    this.#begun = true;
    const framing = this.#framing(response);
    const ageS = Math.max(
      0,
      Math.floor((Date.now() - response.bornAtMs) / 1000),
    );
    let text = `HTTP/1.1 ${response.status} ${reasonPhrase(response.status)}\r\n${fieldLines(response.fields)}`;
    if (framing === "chunked") text += "Transfer-Encoding: chunked\r\n";
    else if (response.bodyBytes !== undefined)
      text += `Content-Length: ${response.bodyBytes}\r\n`;
    this.#encode = framing === "chunked";
    const { name } = this.#thread;
    this.#client.begin(
      response.status,
      `${text}Age: ${ageS}\r\nVia: 1.1 ${name}\r\nCache-Status: ${name}; fwd=${this.#word()}; collapsed\r\n${this.#client.connectionLine(framing)}\r\n`,
    );
    this.#pump();
  }

  onData(): void {
    if (this.#begun) this.#pump();
  }

  onEnd(stored: StoredResponse | undefined): void {
    if (this.#over || this.#instead !== undefined) return;
    if (this.#begun) {
      this.#ended = true;
      this.#pump();
      return;
    }
    if (stored === undefined) {
      this.onRefused();
      return;
    }
    this.#client.cached(
      stored,
      `Cache-Status: ${this.#thread.name}; fwd=${this.#word()}; collapsed\r\n`,
    );
    this.#settle();
  }

  onRefused(): void {
    if (this.#over || this.#instead !== undefined) return;
    this.#subscription?.leave();
    this.#subscription = undefined;
    const exchange = new Exchange({
      thread: this.#thread,
      client: this.#client,
      service: this.service,
      request: this.#request,
      lookup: this.#lookup,
    });
    this.#instead = exchange;
    exchange.onOver = () => this.onOver?.();
    exchange.start();
    this.#client.flush();
  }

  onAborted(): void {
    if (this.#over || this.#instead !== undefined) return;
    if (this.#begun) {
      this.#client.cut();
      this.#settle();
    } else this.onRefused();
  }

  // ---- towards the client

  onClientDrain(): void {
    if (this.#instead !== undefined) this.#instead.onClientDrain();
    else if (this.#begun) this.#pump();
  }

  onClientMoved(): void {
    this.#movedAtMs = this.#thread.coarseMs;
  }

  onRequestData(bytes: Buffer, from: number, to: number, kept: boolean): void {
    this.#instead?.onRequestData(bytes, from, to, kept);
  }

  onRequestEnd(): void {
    this.#instead?.onRequestEnd();
  }

  onClientTunnelData(): boolean {
    return true; // an upgrade never joins
  }

  onClientTunnelEnd(): void {}

  #ended = false;

  /** Writes what is there until the client's socket is full. */
  #pump(): void {
    if (this.#over) return;
    this.#movedAtMs = this.#thread.coarseMs;
    const isHead = this.#request.method === "HEAD";
    for (;;) {
      const piece = isHead ? undefined : this.#fill.read(this.#offset);
      if (piece === undefined) break;
      this.#offset += piece.length;
      this.#client.content(piece, 0, piece.length, {
        encode: this.#encode,
        kept: true,
        lender: this.#fill,
      });
      if (!this.#client.flush()) return; // goes on when it drains
    }
    this.#client.flush();
    if (!this.#ended) return;
    this.#client.finish(this.#encode && !isHead);
    this.#settle();
  }

  #framing(response: FillHead): AnswerFraming {
    if (response.bodyBytes !== undefined) return "length";
    return this.#request.minorVersion === 0 ? "close" : "chunked";
  }

  #word(): string {
    return this.#lookup.kind === "stale" ? "stale" : "miss";
  }

  #settle(): void {
    if (this.#over) return;
    this.#over = true;
    this.#subscription?.leave();
    this.#subscription = undefined;
    this.onOver?.();
  }
}
