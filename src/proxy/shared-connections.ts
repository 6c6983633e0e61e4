import {
  createSetsMemory,
  type SetsMemory,
  SharedSets,
  WAYS,
} from "./shared-sets.ts";

/**
 * How many client connections there are, over all threads of the process: in
 * all, and for each address. Every thread counts in a column of its own; a
 * figure is the sum over the columns, so that what a dead thread had can be
 * given back exactly.
 *
 * An address has a slot while it has connections. Where a set is full of
 * addresses, one more is not counted by itself, and only the total bounds it.
 */

/** Addresses that can have connections at one time: 1.3 MB, and 256 KB for each thread. */
export const ADDRESS_SLOTS = 65_536;

const KEY_WORDS = 4;
/** A column's words before those of the slots: the connections in all. */
const TOTAL = 0;
const BEFORE_SLOTS = 1;

/** What {@link SharedConnections.enter} answers instead of a lease. */
export const FULL = -3;
export const ADDRESS_FULL = -2;
/** A lease too: in the total alone. */
export const UNCOUNTED = -1;

export interface ConnectionsMemory {
  readonly sets: SetsMemory;
  readonly columns: readonly SharedArrayBuffer[];
}

export function createConnectionsMemory(options: {
  readonly slots: number;
  readonly workers: number;
  readonly seed: number;
}): ConnectionsMemory {
  const sets = createSetsMemory({ ...options, keyWords: KEY_WORDS });
  const words = BEFORE_SLOTS + sets.sets * WAYS;
  return {
    sets,
    columns: Array.from(
      { length: options.workers + 1 },
      () => new SharedArrayBuffer(words * 4),
    ),
  };
}

/** One thread's view: adds in its own column, reads all. */
export class SharedConnections {
  readonly #sets: SharedSets;
  readonly #columns: readonly Int32Array[];
  readonly #own: Int32Array;

  constructor(memory: ConnectionsMemory, column: number) {
    this.#sets = new SharedSets(memory.sets, column);
    this.#columns = memory.columns.map((bytes) => new Int32Array(bytes));
    const own = this.#columns[column];
    if (own === undefined)
      throw new RangeError(`Cannot use column ${column}: there is none`);
    this.#own = own;
  }

  /**
   * One more connection in all.
   * @returns a lease for {@link leave}, or {@link FULL}
   */
  enter(max: number): number {
    // Added before it is summed: two threads may both refuse, never both enter.
    Atomics.add(this.#own, TOTAL, 1);
    if (this.#sum(TOTAL) <= max) return UNCOUNTED;
    Atomics.sub(this.#own, TOTAL, 1);
    return FULL;
  }

  /**
   * One more connection of an address that is in the total already.
   * @returns a lease for {@link leave}, or {@link ADDRESS_FULL}
   */
  enterFrom(key: Int32Array, max: number): number {
    const set = this.#sets.setOf(key);
    if (!this.#sets.lock(set)) return UNCOUNTED;
    const lease = this.#enterLocked(set, key, max);
    this.#sets.unlock(set);
    return lease;
  }

  #enterLocked(set: number, key: Int32Array, max: number): number {
    let slot = this.#sets.find(set, key);
    if (slot === -1) {
      slot = this.#freeSlot(set);
      if (slot === -1) return UNCOUNTED;
      this.#sets.assign(slot, key);
    } else if (this.#sum(BEFORE_SLOTS + slot) >= max) return ADDRESS_FULL;
    Atomics.add(this.#own, BEFORE_SLOTS + slot, 1);
    return slot;
  }

  #freeSlot(set: number): number {
    const first = set * WAYS;
    for (let slot = first; slot < first + WAYS; slot += 1)
      if (this.#sum(BEFORE_SLOTS + slot) === 0) return slot;
    return -1;
  }

  /** The address has one connection less; the total stays. */
  leaveFrom(lease: number): void {
    // Needs no lock: who looks for a free slot sees it a moment later.
    if (lease >= 0) Atomics.sub(this.#own, BEFORE_SLOTS + lease, 1);
  }

  /** The connection is gone. */
  leave(lease: number): void {
    this.leaveFrom(lease);
    Atomics.sub(this.#own, TOTAL, 1);
  }

  /** Connections of all threads. */
  get total(): number {
    return this.#sum(TOTAL);
  }

  /** Connections of an address, by all threads. */
  totalFrom(key: Int32Array): number {
    const set = this.#sets.setOf(key);
    if (!this.#sets.lock(set)) return 0;
    const slot = this.#sets.find(set, key);
    // Before the lock goes: nobody enters meanwhile, to be counted beside who leaves.
    const total = slot === -1 ? 0 : this.#sum(BEFORE_SLOTS + slot);
    this.#sets.unlock(set);
    return total;
  }

  /** The thread of a column is gone, and its connections with it. */
  forget(column: number): void {
    this.#columns[column]?.fill(0);
    this.#sets.unlockAllOf(column);
  }

  #sum(at: number): number {
    let sum = 0;
    for (const column of this.#columns) sum += Atomics.load(column, at);
    return sum;
  }
}
