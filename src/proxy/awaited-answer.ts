import type { ClaimWait } from "../cache/index.ts";
import type { RequestHead } from "../http/index.ts";
import type { FillLookup } from "./answer-relay.ts";
import type { Downstream } from "./downstream.ts";
import type { Service } from "./service.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";

/** How long a head of another thread's target is waited for; as for one of our own. */
const HEAD_PATIENCE_MS = 5000;
/** And how long a body behind it: what takes longer is asked for here too. */
const BODY_PATIENCE_MS = 1000;

/** What a request needs of the thread to wait, and to go on without. */
export interface AwaitedRequest {
  readonly thread: Thread;
  readonly client: Downstream;
  readonly service: Service;
  readonly request: RequestHead;
  readonly lookup: FillLookup;
}

/**
 * A request whose answer another thread is receiving: it waits until that is
 * stored, and is then answered from the store. Where nothing is stored that it
 * may have, or not soon enough, `instead` serves it.
 */
export class AwaitedAnswer implements Serving {
  readonly service: Service;
  readonly startedAtMs = performance.now();
  onOver: (() => void) | undefined;
  readonly #asked: AwaitedRequest;
  readonly #instead: () => Serving;
  #wait: ClaimWait;
  #receivingSinceMs: number | undefined;
  #serving: Serving | undefined;
  #isOver = false;

  constructor(
    asked: AwaitedRequest,
    wait: ClaimWait,
    /** Serves the request without waiting for other threads. */
    instead: () => Serving,
  ) {
    this.service = asked.service;
    this.#asked = asked;
    this.#wait = wait;
    this.#instead = instead;
  }

  get targetName(): string {
    return this.#serving?.targetName ?? "";
  }

  get cacheWord(): string {
    return this.#serving?.cacheWord ?? "collapsed";
  }

  start(): void {
    const nowMs = performance.now();
    if (this.#wait.isReceiving) this.#receivingSinceMs ??= nowMs;
    const untilMs =
      this.#receivingSinceMs === undefined
        ? this.startedAtMs + HEAD_PATIENCE_MS
        : this.#receivingSinceMs + BODY_PATIENCE_MS;
    if (nowMs >= untilMs) this.#goOn();
    else void this.#wait.changed(untilMs - nowMs).then(() => this.#look());
  }

  abort(): void {
    if (this.#serving !== undefined) this.#serving.abort();
    else this.#settle();
  }

  sweep(nowMs: number): void {
    this.#serving?.sweep(nowMs);
  }

  /** The claim has changed: its head has come, or it is over. */
  #look(): void {
    if (this.#isOver) return;
    const { thread, client, request, lookup } = this.#asked;
    const context = this.#context();
    const { cache } = thread;
    const wait = cache.stillInFlightElsewhere(context, lookup);
    if (wait !== undefined) {
      this.#wait = wait;
      this.start();
      return;
    }
    const nowMs = Date.now();
    const entry = cache.arrived(request, context, lookup, nowMs);
    if (entry === undefined) {
      if (!this.#wait.isOver) cache.waitedInVain(lookup, nowMs);
      this.#goOn();
      return;
    }
    const word = lookup.kind === "stale" ? "stale" : "miss";
    client.cached(
      entry,
      `Cache-Status: ${thread.name}; fwd=${word}; collapsed\r\n`,
    );
    this.#settle();
    client.flush();
  }

  #goOn(): void {
    const serving = this.#instead();
    this.#serving = serving;
    serving.onOver = () => this.#settle();
    serving.start();
    this.#asked.client.flush();
  }

  #context() {
    const { client, request, service } = this.#asked;
    const context = service.cacheContext;
    context.scheme = client.facts.scheme;
    context.host = request.host;
    return context;
  }

  onRequestData(bytes: Buffer, from: number, to: number, kept: boolean): void {
    this.#serving?.onRequestData(bytes, from, to, kept);
  }

  onRequestEnd(): void {
    this.#serving?.onRequestEnd();
  }

  onClientDrain(): void {
    this.#serving?.onClientDrain();
  }

  onClientMoved(): void {
    this.#serving?.onClientMoved?.();
  }

  onClientTunnelData(): boolean {
    return true; // an upgrade never waits for another answer
  }

  onClientTunnelEnd(): void {}

  #settle(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.onOver?.();
  }
}
