import type { ProxyLimits } from "./options.ts";
import { type Incoming, PeerPace } from "./peer-pace.ts";
import type { Wire } from "./wire.ts";

/** What an HTTP/1.1 connection is at; drawn in `client-connection.ts`. */
export type ClientState =
  "idle" | "head" | "busy" | "flushing" | "tunnel" | "lingering" | "closed";

/**
 * What is to be done with a connection whose time is up: close it, say that
 * nothing more comes and read away what does (a request may be on its way, which
 * a close would answer with a reset: RFC 9112 section 9.6), cut it with a reset,
 * or answer that the request took too long.
 */
export type Overdue = "no" | "close" | "leave" | "cut" | "answer";

const LINGER_MS = 2000;
/**
 * A client that has sent FIN may be gone or may only have said all it had to
 * say. It gets the answer if that comes, or moves, within this.
 */
const HALF_CLOSED_GRACE_MS = 1000;

/** Since when one client connection has been at what it is at, and how long it may. */
export class ClientTimes {
  /** When it began, or last moved. */
  sinceMs: number;
  /** When the client sent FIN, or its answer last moved after that; 0 before. */
  halfClosedAtMs = 0;
  readonly #wire: Wire;
  readonly #limits: ProxyLimits;
  /** Made when it is first asked: few requests live that long. */
  #ownPace: PeerPace | undefined;
  #draining = false;

  constructor(wire: Wire, limits: ProxyLimits, nowMs: number) {
    this.#wire = wire;
    this.#limits = limits;
    this.sinceMs = nowMs;
  }

  get halfClosed(): boolean {
    return this.halfClosedAtMs > 0;
  }

  /** From here on an idle connection stays for a moment only. */
  drain(state: ClientState, nowMs: number): void {
    this.#draining = true;
    if (state === "idle") this.sinceMs = nowMs;
  }

  /** True when the client has taken bytes that waited for it. */
  moved(nowMs: number): boolean {
    if (this.#wire.pendingBytes === 0 || !this.#wire.moved()) return false;
    this.sinceMs = nowMs;
    return true;
  }

  /** `content`: of the present request. */
  overdue(state: ClientState, nowMs: number, content: Incoming): Overdue {
    const { headTimeoutMs, stallTimeoutMs } = this.#limits;
    const elapsedMs = nowMs - this.sinceMs;
    const isStalled = elapsedMs >= stallTimeoutMs;
    switch (state) {
      case "idle":
        return this.#overdueIdle(elapsedMs);
      case "head":
        return elapsedMs >= headTimeoutMs ? "answer" : "no";
      case "busy":
        if (this.#hasLeft(nowMs)) return "close";
        if (this.#pace.readsTooSlowly(this.#wire, nowMs)) return "cut";
        if (this.#pace.sendsTooSlowly(content, nowMs)) return "answer";
        // Content that does not come, though we read.
        return isStalled && content.open && !this.#wire.paused
          ? "answer"
          : "no";
      case "flushing":
        return this.#overdueAnswer(isStalled, nowMs);
      case "lingering":
        if (this.#wire.pendingBytes > 0)
          return this.#overdueAnswer(isStalled, nowMs);
        return elapsedMs >= LINGER_MS || this.halfClosed ? "close" : "no";
      case "tunnel":
      case "closed":
        return "no";
      default:
        return state satisfies never;
    }
  }

  get #pace(): PeerPace {
    this.#ownPace ??= new PeerPace(this.#limits);
    return this.#ownPace;
  }

  #overdueAnswer(isStalled: boolean, nowMs: number): Overdue {
    return this.#pace.readsTooSlowly(this.#wire, nowMs) || isStalled
      ? "cut"
      : "no";
  }

  #overdueIdle(elapsedMs: number): Overdue {
    const { idleTimeoutMs, drainIdleMs } = this.#limits;
    if (this.#draining && elapsedMs >= drainIdleMs) return "leave";
    return elapsedMs >= idleTimeoutMs ? "close" : "no";
  }

  #hasLeft(nowMs: number): boolean {
    return (
      this.halfClosed &&
      nowMs - this.halfClosedAtMs >= HALF_CLOSED_GRACE_MS &&
      this.#wire.pendingBytes === 0
    );
  }
}
