import { HEADER, RECORD_WORDS, type StoreMemory } from "./store-layout.ts";

/** Words of a record. Links are one more than the slot they lead to: 0 is none. */
export const RECORD = {
  state: 0,
  /** Counts the owners of the slot: who remembers it knows whether it is still the same. */
  generation: 1,
  /** Counts what a 304 has changed. */
  edition: 2,
  hashLow: 3,
  hashHigh: 4,
  serviceHash: 5,
  /** The next of its bucket, of the free, or of the guarded. */
  chain: 6,
  newer: 7,
  older: 8,
  /** The column that receives it. */
  owner: 9,
  bodyBytes: 10,
  keyBytes: 11,
  metaBytes: 12,
  firstBlock: 13,
  lastBlock: 14,
  /** Blocks of a head that no longer fits behind the body; 0: it is there. */
  metaBlock: 15,
  /** Of all its blocks. */
  units: 16,
  /** 1 while it is in the list of the guarded. */
  listed: 17,
} as const;

/** States of a record. */
export const STATE = {
  free: 0,
  /** On its way in: its owner's alone. */
  receiving: 1,
  stored: 2,
  /** Not to be found any more; somebody writes from it. */
  leaving: 3,
} as const;

/**
 * The records of all threads: slots, and the eviction queue (SIEVE, Zhang et
 * al., NSDI 2024). Every method is called with the lock held.
 *
 *   newest -> [e]-[d*]-[c]-[b*]-[a] <- oldest        * = visited
 *                           ^hand
 *
 * A hit sets one byte and moves nothing. To evict, the hand walks from the
 * oldest towards the newest, clears the mark of the visited and takes the first
 * that has none; it stays where it stopped. A newcomer is not protected by what
 * was popular before it, and one that nobody asks for a second time leaves at
 * the hand's next pass: a scan passes through and leaves the popular in place.
 */
export class RecordTable {
  readonly words: Int32Array;
  readonly visited: Uint8Array;
  readonly #header: Int32Array;
  readonly #records: number;

  constructor(memory: StoreMemory) {
    this.words = new Int32Array(memory.recordWords);
    this.visited = new Uint8Array(memory.visited);
    this.#header = new Int32Array(memory.header);
    this.#records = memory.records;
  }

  /** Slots that were ever used. */
  get touched(): number {
    return this.#header[HEADER.untouchedRecord] ?? 0;
  }

  get(slot: number, word: number): number {
    return this.words[slot * RECORD_WORDS + word] ?? 0;
  }

  set(slot: number, word: number, value: number): void {
    this.words[slot * RECORD_WORDS + word] = value;
  }

  state(slot: number): number {
    return Atomics.load(this.words, slot * RECORD_WORDS + RECORD.state);
  }

  /** Seen at once by threads that are about to pin. */
  setState(slot: number, state: number): void {
    Atomics.store(this.words, slot * RECORD_WORDS + RECORD.state, state);
  }

  generation(slot: number): number {
    return Atomics.load(this.words, slot * RECORD_WORDS + RECORD.generation);
  }

  /** A slot that nobody uses; undefined when all are in use. */
  claim(): number | undefined {
    const header = this.#header;
    const free = header[HEADER.freeRecord] ?? 0;
    if (free > 0) {
      header[HEADER.freeRecord] = this.get(free - 1, RECORD.chain);
      return free - 1;
    }
    const slot = this.touched;
    if (slot >= this.#records) return undefined;
    header[HEADER.untouchedRecord] = slot + 1;
    return slot;
  }

  /** Gives a slot back; from here on nobody may hold it. */
  release(slot: number): void {
    const at = slot * RECORD_WORDS;
    this.setState(slot, STATE.free);
    Atomics.add(this.words, at + RECORD.generation, 1);
    this.words.fill(0, at + RECORD.edition, at + RECORD_WORDS);
    this.set(slot, RECORD.chain, this.#header[HEADER.freeRecord] ?? 0);
    this.#header[HEADER.freeRecord] = slot + 1;
  }

  // ---- the eviction queue

  enqueue(slot: number): void {
    const header = this.#header;
    const link = slot + 1;
    const newest = header[HEADER.newest] ?? 0;
    this.visited[slot] = 0;
    this.set(slot, RECORD.newer, 0);
    this.set(slot, RECORD.older, newest);
    if (newest > 0) this.set(newest - 1, RECORD.newer, link);
    else header[HEADER.oldest] = link;
    header[HEADER.newest] = link;
    header[HEADER.entries] = (header[HEADER.entries] ?? 0) + 1;
  }

  dequeue(slot: number): void {
    const header = this.#header;
    const newer = this.get(slot, RECORD.newer);
    const older = this.get(slot, RECORD.older);
    if (header[HEADER.hand] === slot + 1) header[HEADER.hand] = newer;
    if (newer > 0) this.set(newer - 1, RECORD.older, older);
    else header[HEADER.newest] = older;
    if (older > 0) this.set(older - 1, RECORD.newer, newer);
    else header[HEADER.oldest] = newer;
    header[HEADER.entries] = (header[HEADER.entries] ?? 0) - 1;
  }

  /** From the newest to the oldest; the one at hand may be dequeued meanwhile. */
  *queue(): IterableIterator<number> {
    let link = this.#header[HEADER.newest] ?? 0;
    while (link > 0) {
      const slot = link - 1;
      link = this.get(slot, RECORD.older);
      yield slot;
    }
  }

  /**
   * The next to leave. Passes over those of which `isKept`, at most
   * `MAX_KEPT_PASSED`: memory that is being written from cannot be had.
   */
  victim(isKept: (slot: number) => boolean): number | undefined {
    const header = this.#header;
    let link = header[HEADER.hand] ?? 0;
    if (link === 0) link = header[HEADER.oldest] ?? 0;
    let passed = 0;
    while (link > 0) {
      const slot = link - 1;
      if (this.visited[slot] !== 0) this.visited[slot] = 0;
      else if (!isKept(slot)) break;
      else if (++passed > MAX_KEPT_PASSED) return undefined;
      link = this.get(slot, RECORD.newer);
      if (link === 0) link = header[HEADER.oldest] ?? 0;
      header[HEADER.hand] = link;
    }
    header[HEADER.hand] = link;
    return link > 0 ? link - 1 : undefined;
  }
}

/** Entries in use that the hand passes over before it gives up. */
const MAX_KEPT_PASSED = 256;
