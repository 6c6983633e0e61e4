/**
 * Counts what a client does too often, in intervals that follow each other. One
 * more than `limit` within an interval is too many, and so is everything after.
 */
export class FrameMeter {
  readonly #limit: number;
  readonly #intervalMs: number;
  #sinceMs = -Infinity;
  #count = 0;

  constructor(options: {
    readonly limit: number;
    readonly intervalMs: number;
  }) {
    this.#limit = options.limit;
    this.#intervalMs = options.intervalMs;
  }

  /** Counts one; true when that is too many. */
  add(nowMs: number): boolean {
    if (this.#count > this.#limit) return true;
    if (nowMs - this.#sinceMs >= this.#intervalMs) {
      this.#sinceMs = nowMs;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count > this.#limit;
  }
}
