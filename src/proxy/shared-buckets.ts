import {
  createSetsMemory,
  type SetsMemory,
  SharedSets,
  WAYS,
} from "./shared-sets.ts";

/**
 * Token buckets in shared memory, one for each address and purpose. A bucket is
 * one number, the time at which it will be full again (the "theoretical arrival
 * time" of the Generic Cell Rate Algorithm, ITU-T I.371): a token moves it on by
 * the time between two tokens, and it is empty when it lies a whole burst ahead.
 *
 * A bucket that is full says nothing and needs no slot. In a full set the one
 * that is nearest to being full gives way: at worst its address gets a whole
 * burst too early, and nobody is refused who should not be.
 */

/** Addresses and purposes that can be held below their burst at one time: 2 MB. */
export const BUCKET_SLOTS = 65_536;

/** Of the address, and the purpose. */
const KEY_WORDS = 5;
const PURPOSE = 4;
/** A sum of many times may be off by this much. */
const ROUNDING_MS = 1e-3;
/** A thread may have looked at the clock this long before it got the lock. */
const CLOCK_LAG_MS = 1000;

export interface BucketsMemory {
  readonly sets: SetsMemory;
  /** For each slot, when its bucket is full again. */
  readonly fullAt: SharedArrayBuffer;
}

export function createBucketsMemory(options: {
  readonly slots: number;
  readonly seed: number;
}): BucketsMemory {
  const sets = createSetsMemory({ ...options, keyWords: KEY_WORDS });
  return { sets, fullAt: new SharedArrayBuffer(sets.sets * WAYS * 8) };
}

/** How many tokens, and how fast they come. */
export interface BucketRate {
  readonly perSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

/** One thread's view. */
export class SharedBuckets {
  readonly #sets: SharedSets;
  readonly #fullAt: Float64Array;
  readonly #key = new Int32Array(KEY_WORDS);

  constructor(memory: BucketsMemory, column: number) {
    this.#sets = new SharedSets(memory.sets, column);
    this.#fullAt = new Float64Array(memory.fullAt);
  }

  /**
   * Takes a token from the bucket of an address for a purpose.
   * `nowMs` is the same clock in all threads.
   * @returns 0, or in how many milliseconds there will be a token
   */
  // oxlint-disable-next-line eslint/max-params -- called for every request: no object for it
  take(
    address: Int32Array,
    purpose: number,
    rate: BucketRate,
    nowMs: number,
  ): number {
    this.#key.set(address);
    this.#key[PURPOSE] = purpose;
    const set = this.#sets.setOf(this.#key);
    if (!this.#sets.lock(set)) return 0;
    const wait = this.#takeLocked(set, rate, nowMs);
    this.#sets.unlock(set);
    return wait;
  }

  #takeLocked(set: number, rate: BucketRate, nowMs: number): number {
    const betweenMs = 1000 / rate.perSecond;
    const burstMs = betweenMs * rate.burst;
    const slot = this.#sets.find(set, this.#key);
    if (slot === -1) {
      const free = this.#leastUsed(set);
      this.#sets.assign(free, this.#key);
      this.#fullAt[free] = nowMs + betweenMs;
      return 0;
    }
    let fullAt = this.#fullAt[slot] ?? 0;
    // Further ahead than an empty bucket: the burst was larger when it was used.
    if (fullAt > nowMs + burstMs + CLOCK_LAG_MS) fullAt = nowMs + burstMs;
    const next = Math.max(fullAt, nowMs) + betweenMs;
    const waitMs = next - burstMs - nowMs;
    const isEmpty = waitMs > ROUNDING_MS;
    this.#fullAt[slot] = isEmpty ? fullAt : next;
    return isEmpty ? waitMs : 0;
  }

  /** The slot whose bucket is full, or will be first. */
  #leastUsed(set: number): number {
    let least = set * WAYS;
    for (let slot = least + 1; slot < (set + 1) * WAYS; slot += 1)
      if ((this.#fullAt[slot] ?? 0) < (this.#fullAt[least] ?? 0)) least = slot;
    return least;
  }

  /** The thread of a column is gone. */
  forget(column: number): void {
    this.#sets.unlockAllOf(column);
  }
}
