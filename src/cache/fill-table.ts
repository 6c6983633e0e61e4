import type { AnswerFill } from "./answer-fill.ts";

/** How long nobody waits for an answer of a key whose last one could not be shared. */
const UNSHARED_MS = 10_000;
/** Keys remembered as such; the oldest leaves first. */
const MAX_UNSHARED = 4096;

/** How many fills of one key are looked at for one to join; ranges of it may be thousands. */
const MAX_STEPS = 8;

/** The answers on their way, by key. */
export class FillTable {
  /** The latest of each key; the others follow by `olderOfKey`. */
  readonly #latest = new Map<string, AnswerFill>();
  readonly #unsharedUntilMs = new Map<string, number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(fill: AnswerFill): void {
    const latest = this.#latest.get(fill.key);
    fill.olderOfKey = latest;
    if (latest !== undefined) latest.newerOfKey = fill;
    this.#latest.set(fill.key, fill);
    this.#count += 1;
  }

  /** Takes constant time: thousands of requests may be on their way for one key. */
  delete(fill: AnswerFill): void {
    const { newerOfKey, olderOfKey } = fill;
    if (olderOfKey !== undefined) olderOfKey.newerOfKey = newerOfKey;
    if (newerOfKey !== undefined) newerOfKey.olderOfKey = olderOfKey;
    else if (olderOfKey !== undefined) this.#latest.set(fill.key, olderOfKey);
    else this.#latest.delete(fill.key);
    fill.newerOfKey = undefined;
    fill.olderOfKey = undefined;
    this.#count -= 1;
  }

  /** One of the latest of a key that began under `release` and may be joined. */
  joinable(key: string, release: string | undefined): AnswerFill | undefined {
    let fill = this.#latest.get(key);
    for (let i = 0; i < MAX_STEPS && fill !== undefined; i++) {
      if (fill.joinable && fill.releaseAtStart === release) return fill;
      fill = fill.olderOfKey;
    }
    return undefined;
  }

  /** What was asked for before now and matches is not stored. */
  revoke(matches: (fill: AnswerFill) => boolean): void {
    for (const latest of this.#latest.values())
      for (
        let fill: AnswerFill | undefined = latest;
        fill !== undefined;
        fill = fill.olderOfKey
      )
        if (matches(fill)) fill.revoke();
  }

  /** The same for one key. */
  revokeKey(key: string): void {
    let fill = this.#latest.get(key);
    while (fill !== undefined) {
      fill.revoke();
      fill = fill.olderOfKey;
    }
  }

  /**
   * Remembers that an answer of this key could not be stored, so that the next
   * requests do not queue up behind one another for nothing.
   */
  markUnshared(key: string, nowMs: number): void {
    this.#unsharedUntilMs.delete(key);
    this.#unsharedUntilMs.set(key, nowMs + UNSHARED_MS);
    if (this.#unsharedUntilMs.size <= MAX_UNSHARED) return;
    const oldest = this.#unsharedUntilMs.keys().next();
    if (oldest.done !== true) this.#unsharedUntilMs.delete(oldest.value);
  }

  isUnshared(key: string, nowMs: number): boolean {
    if (this.#unsharedUntilMs.size === 0) return false;
    const untilMs = this.#unsharedUntilMs.get(key);
    if (untilMs === undefined) return false;
    if (nowMs < untilMs) return true;
    this.#unsharedUntilMs.delete(key);
    return false;
  }
}
