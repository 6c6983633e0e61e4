/** Bounds of a {@link Backoff}. */
export interface BackoffOptions {
  /** First delay in milliseconds. */
  readonly minMs: number;
  /** Longest delay in milliseconds. */
  readonly maxMs: number;
  /** A number in [0, 1); injected so that tests are deterministic. */
  readonly random?: () => number;
}

/**
 * Exponential delays with jitter: the n-th lies between half and the whole of
 * `minMs * 2^n`, capped at `maxMs`, so that many clients do not return together.
 */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#minMs = options.minMs;
    this.#maxMs = options.maxMs;
    this.#random = options.random ?? Math.random;
  }

  /** The delay before the next attempt; each call counts one more failure. */
  nextMs(): number {
    const wholeMs = Math.min(this.#maxMs, this.#minMs * 2 ** this.#failures);
    if (wholeMs < this.#maxMs) this.#failures += 1;
    return wholeMs * (0.5 + this.#random() / 2);
  }

  /** Called after a success. */
  reset(): void {
    this.#failures = 0;
  }
}
