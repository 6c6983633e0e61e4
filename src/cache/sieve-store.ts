/*
 * A bounded map of entries with SIEVE eviction (Zhang et al., NSDI 2024).
 *
 *   newest -> [e]-[d*]-[c]-[b*]-[a] <- oldest        * = visited
 *                           ^hand
 *
 * A hit sets one bit and moves nothing. To evict, the hand walks from the oldest
 * towards the newest, clears the bit of the visited and takes the first that
 * is not; it stays where it stopped. A newcomer is not protected by what was
 * popular before it, and one that nobody asks for a second time leaves at the
 * hand's next pass: a scan passes through and leaves the popular ones in place.
 * Each step of the hand uses up a bit that a hit has set, so that eviction costs
 * O(1) for each hit or put.
 */
import type { Entry } from "./entry.ts";

/** Counts and holds entries, never more bytes than its bound. */
export class SieveStore {
  readonly maxBytes: number;
  readonly #maxVariants: number;
  readonly #first = new Map<string, Entry>();
  #newest: Entry | undefined;
  #oldest: Entry | undefined;
  #hand: Entry | undefined;
  #count = 0;
  #entryBytes = 0;
  #reservedBytes = 0;
  #evicted = 0;

  constructor(options: {
    readonly maxBytes: number;
    readonly maxVariants: number;
  }) {
    this.maxBytes = options.maxBytes;
    this.#maxVariants = options.maxVariants;
  }

  get count(): number {
    return this.#count;
  }

  /** Entries and reservations together. */
  get bytes(): number {
    return this.#entryBytes + this.#reservedBytes;
  }

  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** Entries that left for want of room. */
  get evicted(): number {
    return this.#evicted;
  }

  /** The newest entry of a key; the others follow by `nextVariant`, newest first. */
  first(key: string): Entry | undefined {
    return this.#first.get(key);
  }

  /**
   * Sets bytes aside, evicting what is in the way. False, with nothing evicted,
   * when reservations would take more than half of the bound: many large
   * answers at once must not push everything else out.
   */
  reserve(bytes: number): boolean {
    if (this.#reservedBytes + bytes > this.maxBytes / 2) return false;
    this.#makeRoom(bytes);
    this.#reservedBytes += bytes;
    return true;
  }

  /** Gives back what `reserve` has set aside. */
  unreserve(bytes: number): void {
    this.#reservedBytes -= bytes;
  }

  /**
   * Adds an entry as the newest of its key. False when it is larger than the
   * bound leaves room for.
   */
  add(entry: Entry): boolean {
    if (this.#reservedBytes + entry.chargedBytes > this.maxBytes) return false;
    this.#makeRoom(entry.chargedBytes);
    this.#limitVariants(entry.key);
    entry.nextVariant = this.#first.get(entry.key);
    this.#first.set(entry.key, entry);
    entry.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    entry.stored = true;
    this.#count += 1;
    this.#entryBytes += entry.chargedBytes;
    return true;
  }

  /** Removes an entry; one that is not there is left alone. */
  remove(entry: Entry): boolean {
    if (!entry.stored) return false;
    entry.stored = false;
    this.#unchain(entry);
    if (this.#hand === entry) this.#hand = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.newer = undefined;
    entry.older = undefined;
    this.#count -= 1;
    this.#entryBytes -= entry.chargedBytes;
    return true;
  }

  /** From the newest to the oldest; the entry at hand may be removed meanwhile. */
  *entries(): IterableIterator<Entry> {
    let entry = this.#newest;
    while (entry !== undefined) {
      const next: Entry | undefined = entry.older;
      yield entry;
      entry = next;
    }
  }

  #makeRoom(bytes: number): void {
    while (this.bytes + bytes > this.maxBytes) {
      const victim = this.#victim();
      if (victim === undefined) return;
      this.remove(victim);
      this.#evicted += 1;
    }
  }

  #victim(): Entry | undefined {
    let entry = this.#hand ?? this.#oldest;
    while (entry !== undefined && entry.visited) {
      entry.visited = false;
      entry = entry.newer ?? this.#oldest;
    }
    this.#hand = entry;
    return entry;
  }

  /** Keeps a key's chain short enough for one more. */
  #limitVariants(key: string): void {
    let length = 0;
    let last: Entry | undefined;
    for (
      let entry = this.#first.get(key);
      entry !== undefined;
      entry = entry.nextVariant
    ) {
      length += 1;
      last = entry;
    }
    if (length < this.#maxVariants || last === undefined) return;
    this.remove(last);
    this.#evicted += 1;
  }

  #unchain(entry: Entry): void {
    const first = this.#first.get(entry.key);
    if (first === entry) {
      if (entry.nextVariant === undefined) this.#first.delete(entry.key);
      else this.#first.set(entry.key, entry.nextVariant);
    } else {
      let before = first;
      while (before !== undefined && before.nextVariant !== entry)
        before = before.nextVariant;
      if (before !== undefined) before.nextVariant = entry.nextVariant;
    }
    entry.nextVariant = undefined;
  }
}
