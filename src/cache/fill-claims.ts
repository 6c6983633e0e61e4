/*
 * Which keys are being fetched, for all threads: a table of words, one for each
 * claim, found by the hash of key and release.
 *
 *   0 ──claim──► asked ──the head says it is stored──► receiving ──over──► 0
 *
 * Who finds a claim of another thread waits for its word to change instead of
 * asking a target for the same. A claim that finds its place taken is not made,
 * and two keys that look alike only make one wait for nothing: what is served is
 * always looked up.
 */
import { KeyHasher } from "./key-hash.ts";
import { CLAIMS, type StoreMemory } from "./store-layout.ts";

const COLUMN_BITS = 8;
const RECEIVING = 1 << COLUMN_BITS;
const TAG_SHIFT = COLUMN_BITS + 1;

/** A claim of another thread, as it was found. */
export interface ClaimWait {
  /** It is over already: what was looked up has changed since. */
  readonly isOver: boolean;
  /** Its head has come: it is being stored. */
  readonly isReceiving: boolean;
  /** Resolves as soon as it has changed, or after this time. */
  changed(timeoutMs: number): Promise<void>;
}

/** What came in the very moment in which it was looked for. */
export const OVER: ClaimWait = Object.freeze({
  isOver: true,
  isReceiving: false,
  changed: () => Promise.resolve(),
});

/** One thread's view of the table. */
export class FillClaims {
  /** No other thread fetches: nothing is ever claimed. */
  readonly isAlone: boolean;
  readonly #words: Int32Array;
  readonly #name: number;
  readonly #hash: KeyHasher;
  /** Reserved for the fill that begins next. */
  #reserved = -1;
  #reservedTag = 0;

  constructor(memory: StoreMemory, column: number) {
    this.isAlone = memory.columns <= 2 || memory.columns >= 2 ** COLUMN_BITS;
    this.#words = new Int32Array(memory.claims);
    this.#name = column + 1;
    this.#hash = new KeyHasher(memory.seed);
  }

  /** Tells the others that this key is being fetched; answers where, or -1. */
  claim(key: string, release: string | undefined): number {
    if (this.isAlone) return -1;
    const tag = this.#tag(key, release);
    const at = this.#place();
    const reserved = this.#reserved;
    if (reserved === at && this.#reservedTag === tag) {
      this.#reserved = -1;
      return at;
    }
    this.unreserve();
    return this.#take(at, tag) ? at : -1;
  }

  /**
   * Claims the key for the fill that begins next. Answers the claim of another
   * thread where there is one already.
   */
  reserve(key: string, release: string | undefined): ClaimWait | undefined {
    this.unreserve();
    const tag = this.#tag(key, release);
    const at = this.#place();
    if (this.#take(at, tag)) {
      this.#reserved = at;
      this.#reservedTag = tag;
      return undefined;
    }
    return this.find(key, release);
  }

  /** The fill for which it was reserved did not begin. */
  unreserve(): void {
    const at = this.#reserved;
    this.#reserved = -1;
    this.release(at);
  }

  /** The head has come, and says that the answer will be stored. */
  receiving(at: number): void {
    if (at < 0) return;
    Atomics.or(this.#words, at, RECEIVING);
    Atomics.notify(this.#words, at);
  }

  /** It is stored, or it will not be. */
  release(at: number): void {
    if (at < 0) return;
    Atomics.store(this.#words, at, 0);
    Atomics.notify(this.#words, at);
  }

  /** Another thread's claim of a key. */
  find(key: string, release: string | undefined): ClaimWait | undefined {
    const tag = this.#tag(key, release);
    const at = this.#place();
    const words = this.#words;
    const word = Atomics.load(words, at);
    const name = word & (RECEIVING - 1);
    if (
      name === 0 ||
      name === this.#name ||
      (word & ~RECEIVING) !== (tag | name)
    )
      return undefined;
    return {
      isOver: false,
      isReceiving: (word & RECEIVING) !== 0,
      changed: async (timeoutMs) => {
        await Atomics.waitAsync(words, at, word, timeoutMs).value;
      },
    };
  }

  #place(): number {
    return this.#hash.low & (CLAIMS - 1);
  }

  #take(at: number, tag: number): boolean {
    const word = tag | this.#name;
    return Atomics.compareExchange(this.#words, at, 0, word) === 0;
  }

  #tag(key: string, release: string | undefined): number {
    this.#hash.hash(release === undefined ? key : `${key} ${release}`);
    return this.#hash.high << TAG_SHIFT;
  }
}

/** Takes back what a thread that has ended had claimed. */
export function forgetClaims(memory: StoreMemory, column: number): void {
  const words = new Int32Array(memory.claims);
  for (let at = 0; at < words.length; at++)
    if (((words[at] ?? 0) & (RECEIVING - 1)) === column + 1) {
      Atomics.store(words, at, 0);
      Atomics.notify(words, at);
    }
}
