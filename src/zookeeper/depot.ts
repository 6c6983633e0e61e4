import { type Clock, Deque } from "../base/index.ts";
import type { FrameWriter } from "../jute/index.ts";
import { RequestHeader } from "../jute/index.ts";
import type { AnyRequest } from "./request.ts";
import type { ZooKeeperErrorCode } from "./zookeeper-error.ts";

const LAST_XID = 2 ** 31 - 1;

/**
 * Owns the requests: those that wait for a connection, and those in flight.
 * Servers answer in the order of the requests, so that a reply always belongs to
 * the oldest one in flight.
 */
export class Depot {
  readonly #limit: number;
  readonly #limitBytes: number;
  readonly #maxFrameBytes: number;
  readonly #waiting = new Set<AnyRequest>();
  readonly #sent = new Deque<AnyRequest>();
  /** Data of all requests that wait or are in flight. */
  #heldBytes = 0;
  #lastXid: number;

  constructor(options: {
    readonly limit: number;
    readonly limitBytes: number;
    /** The largest request that is sent. */
    readonly maxFrameBytes: number;
    /** The xid before the first one. */
    readonly lastXid?: number;
  }) {
    this.#limit = options.limit;
    this.#limitBytes = options.limitBytes;
    this.#maxFrameBytes = options.maxFrameBytes;
    this.#lastXid = options.lastXid ?? 0;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get inFlight(): number {
    return this.#sent.length;
  }

  get isFull(): boolean {
    return (
      this.#waiting.size + this.#sent.length >= this.#limit ||
      this.#heldBytes >= this.#limitBytes
    );
  }

  /** Keeps a request until there is a connection. */
  wait(request: AnyRequest): void {
    this.#waiting.add(request);
    this.#heldBytes += request.dataBytes;
  }

  /** Settles a request when its signal fires or its time is up. */
  guard(request: AnyRequest, clock: Clock): void {
    const { signal, timeoutMs } = request.options ?? {};
    if (signal?.aborted === true) {
      request.fail(signal.reason);
      return;
    }
    const onAbort = () => {
      request.fail(signal?.reason);
      this.#giveUp(request);
    };
    const onDeadline = () => {
      request.failWith("deadline", { maybeDone: request.wasSent });
      this.#giveUp(request);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer =
      timeoutMs === undefined
        ? undefined
        : clock.after(timeoutMs, onDeadline, { keepAlive: true });
    request.guard(timer, onAbort);
  }

  /** Forgets a request that was given up before it was sent; one in flight keeps its place. */
  #giveUp(request: AnyRequest): void {
    if (this.#waiting.delete(request)) this.#heldBytes -= request.dataBytes;
  }

  /** The requests that wait, oldest first; they no longer wait. */
  takeWaiting(): readonly AnyRequest[] {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const request of waiting) this.#heldBytes -= request.dataBytes;
    return waiting;
  }

  /** Writes a request; one that cannot be written fails and leaves no trace. */
  send(request: AnyRequest, frames: FrameWriter, nowMs: number): void {
    const xid = this.#nextXid();
    const writer = frames.begin();
    try {
      RequestHeader.write(writer, { xid, type: request.operation.code });
      request.write(writer);
    } catch (error) {
      frames.cancel();
      request.fail(error);
      return;
    }
    if (frames.end(this.#maxFrameBytes) > this.#maxFrameBytes) {
      request.failWith("frame-too-large");
      return;
    }
    this.#lastXid = xid;
    request.xid = xid;
    request.sentAtMs = nowMs;
    this.#sent.push(request);
    this.#heldBytes += request.dataBytes;
  }

  /** The request that a reply with this xid answers, or undefined where the server is out of step. */
  takeAnswered(xid: number): AnyRequest | undefined {
    if (this.#sent.peek()?.xid !== xid) return undefined;
    return this.#takeSent();
  }

  /** Fails what is in flight: the outcome is unknown. */
  loseConnection(detail: string): void {
    for (;;) {
      const request = this.#takeSent();
      if (request === undefined) return;
      request.failWith("connection-loss", { detail });
    }
  }

  /** Fails what waits: nothing of it was done. */
  failWaiting(code: ZooKeeperErrorCode): void {
    for (const request of this.takeWaiting()) request.failWith(code);
  }

  #takeSent(): AnyRequest | undefined {
    const request = this.#sent.shift();
    if (request !== undefined) this.#heldBytes -= request.dataBytes;
    return request;
  }

  /** From 1 to 2^31 - 1 and round again: 0 and negative xids have other meanings. */
  #nextXid(): number {
    return this.#lastXid >= LAST_XID ? 1 : this.#lastXid + 1;
  }
}
