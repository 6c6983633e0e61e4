import {
  parseRequestHead,
  type RequestHead,
  type WireFault,
  wireFaultRule,
} from "../http/index.ts";
import type { Client, Dispatch } from "./client.ts";
import {
  type AnsweredConnection,
  ClientDownstream,
} from "./client-downstream.ts";
import { type ClientState, ClientTimes } from "./client-times.ts";
import type { ClientFacts } from "./client-facts.ts";
import { ContentFeed } from "./content-feed.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";
import type { Wire, WireHandler } from "./wire.ts";

/*
 *        first byte          whole head           answer whole
 *  idle ───────────► head ──────────────► busy ──────────────► idle
 *                     │                    │ └─ kernel has not taken it ─► flushing ─► idle
 *                     │ malformed          │ 101 ─► tunnel
 *                     ▼                    ▼
 *                 lingering ◄──── no more requests on this connection
 *                     │
 *                     └─► closed
 *
 * One request is served at a time; bytes of later ones (pipelining) wait in
 * `#rest`, and nothing more is read while some do. After a last answer with
 * bytes still coming, these are read away for a moment: closing at once would
 * send a reset that can destroy the answer on its way (RFC 9112 section 9.6).
 */

/** Read away at most, while lingering. */
const LINGER_BYTES = 4 * 1024 * 1024;
const EMPTY = Buffer.alloc(0);

/** One client's connection, HTTP/1.1. */
export class ClientConnection
  implements WireHandler, Client, AnsweredConnection
{
  readonly wire: Wire;
  readonly receiving: ContentFeed;
  serving: Serving | undefined;
  readonly #thread: Thread;
  readonly #dispatch: Dispatch;
  readonly #onGone: (client: ClientConnection) => void;
  readonly #downstream: ClientDownstream;
  readonly #times: ClientTimes;
  #state: ClientState = "idle";
  #rest: Buffer = EMPTY;
  #taking = false;
  #lingered = 0;

  constructor(
    wire: Wire,
    options: {
      readonly thread: Thread;
      readonly dispatch: Dispatch;
      readonly onGone: (client: ClientConnection) => void;
    },
  ) {
    const { thread } = options;
    this.wire = wire;
    this.#thread = thread;
    this.#dispatch = options.dispatch;
    this.#onGone = options.onGone;
    this.receiving = new ContentFeed(wire, thread.limits);
    this.#times = new ClientTimes(wire, thread.limits, thread.coarseMs);
    this.#downstream = new ClientDownstream(this, thread);
    wire.handler = this;
  }

  get facts(): ClientFacts {
    return this.#downstream.facts;
  }

  // ---- bytes from the client

  onBytes(bytes: Buffer, end: number): void {
    switch (this.#state) {
      case "idle":
      case "head":
        this.#take(bytes, end);
        return;
      case "busy":
      case "flushing":
        this.#times.sinceMs = this.#thread.coarseMs;
        this.#keep(bytes, this.#feed(bytes, 0, end), end);
        return;
      case "tunnel":
        if (this.serving?.onClientTunnelData(bytes, end) === false)
          this.wire.pause();
        return;
      case "lingering":
        this.#lingered += end;
        if (this.#lingered > LINGER_BYTES) this.wire.destroy();
        return;
      case "closed":
        return;
      default:
        this.#state satisfies never;
    }
  }

  /** Serves what `bytes` holds, one request after the other. */
  #take(fresh: Buffer, freshEnd: number): void {
    let bytes = fresh;
    let end = freshEnd;
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, fresh.subarray(0, freshEnd)]);
      end = bytes.length;
      this.#rest = EMPTY;
    }
    this.#taking = true;
    let at = 0;
    while (at < end && this.#state !== "busy") {
      if (this.#state === "idle") {
        this.#state = "head";
        this.#times.sinceMs = this.#thread.coarseMs;
      }
      if (this.#state !== "head") break;
      const result = parseRequestHead(bytes, at, end, this.#thread.limits);
      if (result.kind === "incomplete") break;
      if (result.kind === "reject") {
        this.#refuse(result.code);
        break;
      }
      at += result.size;
      this.#begin(result.head);
      at = this.#feed(bytes, at, end);
    }
    this.#taking = false;
    this.#keep(bytes, at, end);
  }

  #begin(head: RequestHead): void {
    this.#state = "busy";
    this.#times.sinceMs = this.#thread.coarseMs;
    const downstream = this.#downstream;
    downstream.ask(head);
    if (!this.receiving.begin(head)) {
      downstream.own({ status: 413 });
      return;
    }
    const serving = this.#dispatch(downstream, head);
    if (serving === undefined) return;
    this.serving = serving;
    serving.onOver = () => {
      if (this.serving === serving) this.serving = undefined;
    };
    serving.start();
    downstream.flush();
  }

  /** Hands content to who serves; answers the index after it. */
  #feed(bytes: Buffer, from: number, end: number): number {
    const content = this.receiving;
    if (!content.open || this.#state !== "busy") return from;
    const before = content.totalBytes;
    const result = content.feed(bytes, from, end, this.serving);
    this.#thread.totals.bytesFromClients += content.totalBytes - before;
    switch (result) {
      case "more":
      case "whole":
        return content.position;
      case "too-large":
      case "malformed":
        this.serving?.abort();
        if (this.#downstream.begun) this.#downstream.cut();
        else if (result === "too-large") this.#downstream.own({ status: 413 });
        else this.#refuse(content.fault);
        return end;
      default:
        return result satisfies never;
    }
  }

  /** Bytes that nobody has taken yet wait; reading stops while a request is served. */
  #keep(bytes: Buffer, at: number, end: number): void {
    if (at >= end || this.#state === "closed" || this.#state === "lingering")
      return;
    if (this.#state === "tunnel") {
      this.onBytes(Buffer.from(bytes.subarray(at, end)), end - at);
      return;
    }
    const more = bytes.subarray(at, end);
    this.#rest =
      this.#rest.length === 0
        ? Buffer.from(more)
        : Buffer.concat([this.#rest, more]);
    if (this.#state === "busy" || this.#state === "flushing") this.wire.pause();
  }

  #refuse(code: WireFault): void {
    const { clientFaults } = this.#thread.totals;
    clientFaults[code] = (clientFaults[code] ?? 0) + 1;
    this.#downstream.keepAlive = false;
    this.receiving.drop();
    this.#downstream.own({
      status: wireFaultRule(code, "client").status,
      error: "http_request_error",
      details: code,
    });
  }

  // ---- what the answers ask of the connection

  answered(): void {
    const downstream = this.#downstream;
    const taken = downstream.flush();
    if (
      !downstream.keepAlive ||
      this.#times.halfClosed ||
      this.receiving.open
    ) {
      this.#linger();
      return;
    }
    downstream.forget();
    this.#state = taken ? "idle" : "flushing";
    this.#times.sinceMs = this.#thread.coarseMs;
    if (taken) this.#next();
  }

  moved(): void {
    if (this.#times.halfClosed) this.#times.halfClosedAtMs = performance.now();
  }

  pauseBody(): void {
    if (this.receiving.open || this.#state === "tunnel") this.wire.pause();
  }

  resumeBody(): void {
    if (this.#rest.length === 0) this.wire.resume();
  }

  upgraded(): void {
    this.#state = "tunnel";
    this.#downstream.flush();
    const rest = this.#rest;
    this.#rest = EMPTY;
    if (rest.length > 0) this.onBytes(rest, rest.length);
    if (this.#times.halfClosed) this.serving?.onClientTunnelEnd();
    else this.wire.resume();
  }

  // ---- what comes after

  /** Goes on with what has come meanwhile. */
  #next(): void {
    if (this.#taking) return;
    if (this.#rest.length > 0) {
      const rest = this.#rest;
      this.#rest = EMPTY;
      this.#take(rest, rest.length);
    }
    if (this.#state === "idle" || this.#state === "head") this.wire.resume();
  }

  #linger(): void {
    this.#state = "lingering";
    this.#times.sinceMs = this.#thread.coarseMs;
    this.receiving.drop();
    this.#rest = EMPTY;
    this.wire.end();
    if (!this.#times.halfClosed) this.wire.resume();
  }

  onDrain(): void {
    switch (this.#state) {
      case "busy":
      case "tunnel":
        this.serving?.onClientDrain();
        return;
      case "flushing":
        this.#state = "idle";
        this.#next();
        return;
      case "idle":
      case "head":
      case "lingering":
      case "closed":
        return;
      default:
        this.#state satisfies never;
    }
  }

  onEnd(): void {
    switch (this.#state) {
      case "idle":
      case "head":
        this.wire.destroy();
        return;
      case "tunnel":
        this.serving?.onClientTunnelEnd();
        return;
      case "busy":
        // Content that will never be whole: the client has left.
        if (this.receiving.open) this.wire.destroy();
        else this.#times.halfClosedAtMs = performance.now();
        return;
      case "flushing":
        this.#linger();
        return;
      case "lingering":
        if (this.wire.pendingBytes === 0) this.wire.destroy();
        else this.#times.halfClosedAtMs = performance.now();
        return;
      case "closed":
        return;
      default:
        this.#state satisfies never;
    }
  }

  onClose(_code: string | undefined): void {
    if (this.#state === "closed") return;
    const wasBusy = this.#state === "busy" && !this.#downstream.begun;
    this.#state = "closed";
    if (wasBusy) this.#downstream.count();
    const { serving } = this;
    this.serving = undefined;
    serving?.abort();
    this.#onGone(this);
  }

  drain(): void {
    this.#times.drain(this.#state, this.#thread.coarseMs);
  }

  /** Whatever is going on, it ends; what is unfinished with a reset. */
  destroy(): void {
    const isWhole =
      this.#state === "idle" ||
      (this.#state === "lingering" && this.wire.pendingBytes === 0);
    if (!isWhole) this.wire.reset();
    this.wire.destroy();
  }

  sweep(nowMs: number): void {
    const times = this.#times;
    if (times.moved(nowMs)) this.serving?.onClientMoved?.();
    const overdue = times.overdue(this.#state, nowMs, this.receiving);
    switch (overdue) {
      case "no":
        if (this.#state === "busy" || this.#state === "tunnel")
          this.serving?.sweep(nowMs);
        return;
      case "close":
        this.wire.destroy();
        return;
      case "leave":
        this.#linger();
        return;
      case "cut":
        this.#thread.guard.count("reading-too-slow");
        this.#downstream.cut();
        return;
      case "answer":
        this.#answerLate();
        return;
      default:
        overdue satisfies never;
    }
  }

  /** What was asked, or its content, took too long to come. */
  #answerLate(): void {
    const downstream = this.#downstream;
    const isBusy = this.#state === "busy";
    this.#thread.guard.count(isBusy ? "sending-too-slow" : "head-too-slow");
    downstream.keepAlive = false;
    this.serving?.abort();
    if (isBusy && downstream.begun) downstream.cut();
    else downstream.own({ status: 408 });
  }
}
