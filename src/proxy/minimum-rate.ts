/**
 * Whether a peer moves bytes as fast as it must. It has a credit of time, which
 * runs down while the peer is waited for; each byte adds the time it may take at
 * the lowest rate, up to a bound. So who has been fast may pause, who is only
 * ever slow may not, and bytes far apart buy nothing.
 */
export class MinimumRate {
  #creditMs: number;
  #atMs: number;
  #bytes: number;

  /** `bytes` have moved so far. */
  constructor(creditMs: number, nowMs: number, bytes: number) {
    this.#creditMs = creditMs;
    this.#atMs = nowMs;
    this.#bytes = bytes;
  }

  /** Since the last look; true when the credit is used up. */
  isUsedUp(
    seen: {
      readonly nowMs: number;
      /** Moved so far. */
      readonly bytes: number;
      /** False: what has not moved is not the peer's doing. */
      readonly isAwaited: boolean;
    },
    rule: { readonly bytesPerSecond: number; readonly mostMs: number },
  ): boolean {
    const movedMs = ((seen.bytes - this.#bytes) * 1000) / rule.bytesPerSecond;
    const waitedMs = seen.isAwaited ? seen.nowMs - this.#atMs : 0;
    this.#creditMs = Math.min(rule.mostMs, this.#creditMs - waitedMs + movedMs);
    this.#atMs = seen.nowMs;
    this.#bytes = seen.bytes;
    return this.#creditMs < 0;
  }
}
