import type { Entry } from "./entry.ts";

/**
 * What one thread has noted of answers it gave lately, by key: their heads,
 * read from shared memory once. Two generations: when the younger one is full it
 * becomes the older, and what nobody has asked for since is forgotten.
 */
export class LocalEntries {
  readonly #maxBytes: number;
  #young = new Map<string, Entry>();
  #old = new Map<string, Entry>();
  #youngBytes = 0;

  /** Both generations together take `maxBytes`, a few entries at the least. */
  constructor(maxBytes: number) {
    this.#maxBytes = Math.max(maxBytes / 2, 64 * 1024);
  }

  get(key: string): Entry | undefined {
    return this.#young.get(key) ?? this.#promote(key);
  }

  /** The chain of a key, in place of what was noted. */
  set(key: string, first: Entry): void {
    if (this.#young.get(key) === undefined) {
      for (
        let entry: Entry | undefined = first;
        entry !== undefined;
        entry = entry.nextVariant
      )
        this.#youngBytes += entry.noteBytes;
    }
    if (this.#youngBytes > this.#maxBytes) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngBytes = first.noteBytes;
    }
    this.#young.set(key, first);
  }

  delete(key: string): void {
    if (this.#young.size > 0) this.#young.delete(key);
    if (this.#old.size > 0) this.#old.delete(key);
  }

  #promote(key: string): Entry | undefined {
    const entry = this.#old.size === 0 ? undefined : this.#old.get(key);
    if (entry === undefined) return undefined;
    this.#old.delete(key);
    this.set(key, entry);
    return entry;
  }
}
