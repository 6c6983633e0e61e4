import type { StoredResponse } from "../cache/index.ts";
import {
  parseRequestHead,
  type RequestHead,
  type WireFault,
  wireFaultRule,
} from "../http/index.ts";
import { AnswerWriter } from "./answer-writer.ts";
import { clientFacts } from "./client-facts.ts";
import { ContentFeed } from "./content-feed.ts";
import type { Asker, Client, Dispatch } from "./client.ts";
import type { ContentHow } from "./downstream.ts";
import type { AnswerFraming, ClientFacts } from "./forward-head.ts";
import { hstsOfStored } from "./hsts.ts";
import type { OwnAnswer } from "./own-answer.ts";
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
type State =
  "idle" | "head" | "busy" | "flushing" | "tunnel" | "lingering" | "closed";

const LINGER_MS = 2000;
/** Read away at most, while lingering. */
const LINGER_BYTES = 4 * 1024 * 1024;
/**
 * A client that has sent FIN may be gone or may only have said all it had to
 * say. It gets the answer if that comes, or moves, within this.
 */
const HALF_CLOSED_GRACE_MS = 1000;
const EMPTY = Buffer.alloc(0);

/** One client's connection, HTTP/1.1. */
export class ClientConnection implements WireHandler, Asker, Client {
  readonly wire: Wire;
  readonly scheme: "http" | "https";
  readonly #thread: Thread;
  readonly #dispatch: Dispatch;
  readonly #onGone: (client: ClientConnection) => void;
  #facts: ClientFacts | undefined;
  #state: State = "idle";
  #sinceMs: number;
  #rest: Buffer = EMPTY;
  #taking = false;
  #halfClosedAtMs = 0;
  #requests = 0;
  #lingered = 0;

  #request: RequestHead | undefined;
  #exchange: Serving | undefined;
  readonly #content: ContentFeed;
  #keepAlive = true;
  readonly #answer: AnswerWriter;

  constructor(
    wire: Wire,
    options: {
      readonly thread: Thread;
      readonly dispatch: Dispatch;
      readonly onGone: (client: ClientConnection) => void;
    },
  ) {
    this.wire = wire;
    this.scheme = wire.secure ? "https" : "http";
    this.#thread = options.thread;
    this.#dispatch = options.dispatch;
    this.#onGone = options.onGone;
    this.#sinceMs = options.thread.coarseMs;
    this.#answer = new AnswerWriter(options.thread, wire);
    this.#content = new ContentFeed(wire, options.thread.limits);
    wire.handler = this;
  }

  get holding(): AnswerWriter {
    return this.#answer;
  }

  get facts(): ClientFacts {
    this.#facts ??= clientFacts(this.wire.socket, this.#thread);
    return this.#facts;
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
        this.#sinceMs = this.#thread.coarseMs;
        this.#keep(bytes, this.#feed(bytes, 0, end), end);
        return;
      case "tunnel":
        if (this.#exchange?.onClientTunnelData(bytes, end) === false)
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
        this.#sinceMs = this.#thread.coarseMs;
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
    this.#sinceMs = this.#thread.coarseMs;
    this.#request = head;
    this.#requests += 1;
    this.#answer.reset();
    this.#keepAlive =
      head.keepAlive &&
      this.#requests < this.#thread.limits.maxRequestsPerConnection;
    if (!this.#content.begin(head.framing)) {
      this.own({ status: 413 });
      return;
    }
    const exchange = this.#dispatch(this, head);
    if (exchange === undefined) return;
    this.#exchange = exchange;
    exchange.onOver = () => {
      if (this.#exchange === exchange) this.#exchange = undefined;
    };
    exchange.start();
    this.flush();
  }

  /** Hands content to who serves; answers the index after it. */
  #feed(bytes: Buffer, from: number, end: number): number {
    const content = this.#content;
    if (!content.open || this.#state !== "busy") return from;
    const before = content.totalBytes;
    const result = content.feed(bytes, from, end, this.#exchange);
    this.#thread.totals.bytesFromClients += content.totalBytes - before;
    switch (result) {
      case "more":
      case "whole":
        return content.position;
      case "too-large":
      case "malformed":
        this.#exchange?.abort();
        if (this.#answer.begun) this.cut();
        else if (result === "too-large") this.own({ status: 413 });
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
    this.#keepAlive = false;
    this.#content.drop();
    this.own({
      status: wireFaultRule(code, "client").status,
      error: "http_request_error",
      details: code,
    });
  }

  // ---- the client's side of an exchange

  connectionLine(framing: AnswerFraming): string {
    // An early answer: what is left of the request's content will not be read.
    if (this.#content.open) this.#keepAlive = false;
    if (framing === "close" || this.#thread.draining) this.#keepAlive = false;
    if (!this.#keepAlive) return "Connection: close\r\n";
    return this.#request?.minorVersion === 0
      ? "Connection: keep-alive\r\n"
      : "";
  }

  interim(text: string): void {
    this.#answer.interim(text);
  }

  begin(status: number, text: string): void {
    this.#answer.begin(status, text);
  }

  content(bytes: Buffer, from: number, to: number, how: ContentHow): void {
    if (this.#halfClosedAtMs > 0) this.#halfClosedAtMs = performance.now();
    this.#answer.content(bytes, from, to, how);
  }

  finish(encode: boolean): void {
    if (encode) this.#answer.endChunks();
    this.#answered();
  }

  flush(): boolean {
    return this.#answer.flush();
  }

  cut(): void {
    this.#thread.slab.discard(this.wire);
    this.#count();
    if (this.#state !== "closed") this.wire.reset();
  }

  own(answer: OwnAnswer): void {
    if (this.#content.open || this.#thread.draining) this.#keepAlive = false;
    this.#answer.own(answer, {
      close: !this.#keepAlive,
      isHead: this.#request?.method === "HEAD",
    });
    this.#answered();
  }

  cached(entry: StoredResponse, statusLine: string): void {
    const ageMs = Math.max(0, Date.now() - entry.bornAtMs);
    this.hit(entry, Math.floor(ageMs / 1000), statusLine);
  }

  /** {@link cached} with the age known. */
  hit(entry: StoredResponse, ageS: number, statusLine: string): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#answer.stored(entry, {
      request,
      ageS,
      statusLine: this.wire.secure
        ? statusLine + hstsOfStored(entry, this.#thread.hsts)
        : statusLine,
      connectionLine: this.connectionLine("length"),
    });
    this.#answered();
  }

  pauseBody(): void {
    if (this.#content.open || this.#state === "tunnel") this.wire.pause();
  }

  resumeBody(): void {
    if (this.#rest.length === 0) this.wire.resume();
  }

  upgrade(text: string): void {
    this.#state = "tunnel";
    this.#answer.begin(101, text);
    this.#count();
    this.flush();
    const rest = this.#rest;
    this.#rest = EMPTY;
    if (rest.length > 0) this.onBytes(rest, rest.length);
    this.wire.resume();
  }

  tunnelData(bytes: Buffer, end: number): boolean {
    return this.#answer.tunnelData(bytes, end);
  }

  tunnelEnd(): void {
    this.wire.end();
  }

  /** The answer is whole (and may still be in the slab). */
  #answered(): void {
    this.#count();
    const taken = this.flush();
    if (
      !this.#keepAlive ||
      this.#thread.draining || // told too late for this answer's head
      this.#halfClosedAtMs > 0 ||
      this.#content.open
    ) {
      this.#linger();
      return;
    }
    this.#request = undefined;
    this.#state = taken ? "idle" : "flushing";
    this.#sinceMs = this.#thread.coarseMs;
    if (taken) this.#next();
  }

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
    this.#sinceMs = this.#thread.coarseMs;
    this.#content.drop();
    this.#rest = EMPTY;
    this.wire.end();
    if (this.#halfClosedAtMs === 0) this.wire.resume();
  }

  #count(): void {
    this.#answer.count(this, this.#request, this.#exchange);
  }

  onDrain(): void {
    switch (this.#state) {
      case "busy":
      case "tunnel":
        this.#exchange?.onClientDrain();
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
        this.#exchange?.onClientTunnelEnd();
        return;
      case "busy":
        // Content that will never be whole: the client has left.
        if (this.#content.open) this.wire.destroy();
        else this.#halfClosedAtMs = performance.now();
        return;
      case "flushing":
        this.#linger();
        return;
      case "lingering":
        if (this.wire.pendingBytes === 0) this.wire.destroy();
        else this.#halfClosedAtMs = performance.now();
        return;
      case "closed":
        return;
      default:
        this.#state satisfies never;
    }
  }

  onClose(_code: string | undefined): void {
    if (this.#state === "closed") return;
    const wasBusy = this.#state === "busy" && !this.#answer.begun;
    this.#state = "closed";
    if (wasBusy) this.#count();
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.abort();
    this.#onGone(this);
  }

  /** No request is in work, so a drain may close it now. */
  closeIfIdle(): void {
    if (this.#state === "idle") this.wire.destroy();
  }

  /** Whatever is going on, it ends. */
  destroy(): void {
    this.wire.reset();
    this.wire.destroy();
  }

  sweep(nowMs: number): void {
    const { limits } = this.#thread;
    if (this.wire.pendingBytes > 0 && this.wire.moved()) {
      this.#sinceMs = nowMs;
      this.#exchange?.onClientMoved?.();
    }
    const elapsedMs = nowMs - this.#sinceMs;
    switch (this.#state) {
      case "idle":
        if (elapsedMs >= limits.idleTimeoutMs) this.wire.destroy();
        return;
      case "head":
        if (elapsedMs < limits.headTimeoutMs) return;
        this.#keepAlive = false;
        this.own({ status: 408 });
        return;
      case "busy":
        this.#sweepBusy(nowMs, elapsedMs);
        return;
      case "flushing":
        if (elapsedMs >= limits.stallTimeoutMs) this.cut();
        return;
      case "tunnel":
        this.#exchange?.sweep(nowMs);
        return;
      case "lingering":
        if (this.wire.pendingBytes > 0) {
          if (elapsedMs >= limits.stallTimeoutMs) this.cut();
        } else if (elapsedMs >= LINGER_MS || this.#halfClosedAtMs > 0)
          this.wire.destroy();
        return;
      case "closed":
        return;
      default:
        this.#state satisfies never;
    }
  }

  #sweepBusy(nowMs: number, elapsedMs: number): void {
    const { limits } = this.#thread;
    if (
      this.#halfClosedAtMs > 0 &&
      nowMs - this.#halfClosedAtMs >= HALF_CLOSED_GRACE_MS &&
      this.wire.pendingBytes === 0
    ) {
      this.wire.destroy();
      return;
    }
    // Content that does not come, though we read.
    const isMissing = this.#content.open && !this.wire.paused;
    if (isMissing && elapsedMs >= limits.stallTimeoutMs) {
      this.#keepAlive = false;
      this.#exchange?.abort();
      if (this.#answer.begun) this.cut();
      else this.own({ status: 408 });
      return;
    }
    this.#exchange?.sweep(nowMs);
  }
}
