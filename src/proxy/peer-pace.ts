import { MinimumRate } from "./minimum-rate.ts";
import type { ProxyLimits } from "./options.ts";

/** The request content of a client, as it comes. */
export interface Incoming {
  /** More of it is to come. */
  readonly open: boolean;
  /** Which of the connection's it is. */
  readonly number: number;
  readonly bytes: number;
  /** We read, and nobody else has to speak first. */
  readonly isAwaited: boolean;
}

/** The answer of a client, as it goes. */
export interface Outgoing {
  /** Written and not taken by the client's side. */
  readonly pendingBytes: number;
  readonly takenBytes: number;
}

/**
 * Whether a client sends its content and takes its answers fast enough; asked at
 * each sweep. It holds nothing while the client owes nothing.
 */
export class PeerPace {
  readonly #limits: ProxyLimits;
  #incoming: MinimumRate | undefined;
  #number = -1;
  #wasAwaited = false;
  #outgoing: MinimumRate | undefined;

  constructor(limits: ProxyLimits) {
    this.#limits = limits;
  }

  sendsTooSlowly(content: Incoming, nowMs: number): boolean {
    const {
      minBodyBytesPerSecond: bytesPerSecond,
      bodyGraceMs,
      stallTimeoutMs,
    } = this.#limits;
    if (!content.open || bytesPerSecond === 0) {
      this.#incoming = undefined;
      return false;
    }
    const { bytes, isAwaited } = content;
    if (this.#incoming === undefined || this.#number !== content.number) {
      this.#number = content.number;
      this.#incoming = new MinimumRate(bodyGraceMs, nowMs, bytes);
    }
    // Who was not awaited at one of the two looks was not for all that time.
    const seen = { nowMs, bytes, isAwaited: isAwaited && this.#wasAwaited };
    this.#wasAwaited = isAwaited;
    const mostMs = Math.max(bodyGraceMs, stallTimeoutMs);
    return this.#incoming.isUsedUp(seen, { bytesPerSecond, mostMs });
  }

  /** Never while it has taken all there was: then its target is the slow one. */
  readsTooSlowly(answer: Outgoing, nowMs: number): boolean {
    const { minSendBytesPerSecond: bytesPerSecond, stallTimeoutMs: mostMs } =
      this.#limits;
    if (bytesPerSecond === 0 || answer.pendingBytes === 0) {
      this.#outgoing = undefined;
      return false;
    }
    const bytes = answer.takenBytes;
    this.#outgoing ??= new MinimumRate(mostMs, nowMs, bytes);
    const seen = { nowMs, bytes, isAwaited: true };
    return this.#outgoing.isUsedUp(seen, { bytesPerSecond, mostMs });
  }
}
