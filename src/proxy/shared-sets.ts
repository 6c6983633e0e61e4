/**
 * A table of fixed size in shared memory, keyed by few words: sets of a few
 * slots, each set with a lock of its own. A key belongs to one set; where that
 * is full, the table's owner says what gives way.
 *
 * A lock is held for well under a microsecond, but its holder may lose its
 * processor, or its life. So whoever waits sleeps in between, and not for ever:
 * a set whose lock cannot be had is taken as unknown, and limits then let pass.
 * The main thread takes the locks of a dead thread from it.
 */

/** Slots of a set. */
export const WAYS = 16;
const SPINS = 64;
const NAP_MS = 1;
const NAPS = 100;
const FREE = 0;

/** Made by the main thread, given to workers as it is. */
export interface SetsMemory {
  readonly sets: number;
  /** Words of a key. */
  readonly keyWords: number;
  /** Unknown outside, so that nobody can aim at one set. */
  readonly seed: number;
  readonly keys: SharedArrayBuffer;
  readonly locks: SharedArrayBuffer;
}

export function createSetsMemory(options: {
  /** Rounded up to whole sets; a power of two. */
  readonly slots: number;
  readonly keyWords: number;
  readonly seed: number;
}): SetsMemory {
  const { keyWords, seed } = options;
  let sets = 1;
  while (sets * WAYS < options.slots) sets *= 2;
  return {
    sets,
    keyWords,
    seed,
    keys: new SharedArrayBuffer(sets * WAYS * keyWords * 4),
    locks: new SharedArrayBuffer(sets * 4),
  };
}

/** One thread's view of the sets. */
export class SharedSets {
  readonly #keys: Int32Array;
  readonly #locks: Int32Array;
  readonly #words: number;
  readonly #mask: number;
  readonly #seed: number;
  /** What a lock holds while this thread has it. */
  readonly #holder: number;

  constructor(memory: SetsMemory, column: number) {
    this.#keys = new Int32Array(memory.keys);
    this.#locks = new Int32Array(memory.locks);
    this.#words = memory.keyWords;
    this.#mask = memory.sets - 1;
    this.#seed = memory.seed;
    this.#holder = column + 1;
  }

  setOf(key: Int32Array): number {
    let hash = this.#seed;
    for (let word = 0; word < this.#words; word += 1) {
      hash = Math.imul(hash ^ (key[word] ?? 0), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0x85ebca77);
    return (hash ^ (hash >>> 13)) & this.#mask;
  }

  /** False when it cannot be had in time. */
  lock(set: number): boolean {
    for (let nap = 0; nap < NAPS; nap += 1) {
      for (let spin = 0; spin < SPINS; spin += 1)
        if (this.#tryLock(set)) return true;
      const holder = Atomics.load(this.#locks, set);
      // Nobody is told when it is free: telling would cost every holder.
      if (holder !== FREE) Atomics.wait(this.#locks, set, holder, NAP_MS);
    }
    return false;
  }

  #tryLock(set: number): boolean {
    return (
      Atomics.compareExchange(this.#locks, set, FREE, this.#holder) === FREE
    );
  }

  unlock(set: number): void {
    Atomics.store(this.#locks, set, FREE);
  }

  /** The slot of a key in its locked set; -1 where it has none. */
  find(set: number, key: Int32Array): number {
    const first = set * WAYS;
    for (let slot = first; slot < first + WAYS; slot += 1)
      if (this.#holds(slot, key)) return slot;
    return -1;
  }

  #holds(slot: number, key: Int32Array): boolean {
    const at = slot * this.#words;
    for (let word = 0; word < this.#words; word += 1)
      if (this.#keys[at + word] !== key[word]) return false;
    return true;
  }

  /** Gives a slot of a locked set to a key. */
  assign(slot: number, key: Int32Array): void {
    this.#keys.set(key, slot * this.#words);
  }

  /** The thread of a column is gone: what it had locked is free. */
  unlockAllOf(column: number): void {
    for (let set = 0; set <= this.#mask; set += 1)
      Atomics.compareExchange(this.#locks, set, column + 1, FREE);
  }
}
