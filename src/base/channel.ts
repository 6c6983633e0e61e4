import { Deque } from "./deque.ts";

/** What {@link Channel.push} answers. */
export type PushResult = "queued" | "full" | "closed";

/**
 * A bounded queue between one or more producers and one `for await` reader.
 * When it is full, `push` says so and the value is not kept: the producer knows
 * what losing it means.
 */
export class Channel<T> implements AsyncIterable<T> {
  readonly #limit: number;
  readonly #queue = new Deque<T>();
  #waiting:
    | {
        resolve(result: IteratorResult<T, undefined>): void;
        reject(error: unknown): void;
      }
    | undefined;
  #end: { readonly error?: unknown } | undefined;
  readonly #onReturn: (() => void) | undefined;

  /** `onReturn` is called once, when the reader leaves its loop. */
  constructor(options: {
    readonly limit: number;
    readonly onReturn?: () => void;
  }) {
    this.#limit = options.limit;
    this.#onReturn = options.onReturn;
  }

  /** Values queued and not yet read. */
  get length(): number {
    return this.#queue.length;
  }

  push(value: T): PushResult {
    if (this.#end !== undefined) return "closed";
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value });
      return "queued";
    }
    if (this.#queue.length >= this.#limit) return "full";
    this.#queue.push(value);
    return "queued";
  }

  /** Empties the queue; for a producer that replaces it by one newer value. */
  clear(): void {
    this.#queue.clear();
  }

  /** The reader gets what is queued, then its loop ends. */
  close(): void {
    this.#finish({});
  }

  /** The reader gets what is queued, then its loop throws `error`. */
  fail(error: unknown): void {
    this.#finish({ error });
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#queue.clear();
        this.#finish({});
        this.#onReturn?.();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    if (this.#queue.length > 0) {
      return Promise.resolve({
        done: false,
        value: this.#queue.shift() as T, // length is above 0
      });
    }
    const end = this.#end;
    if (end !== undefined) {
      if (!("error" in end))
        return Promise.resolve({ done: true, value: undefined });
      this.#end = {};
      return Promise.reject(end.error);
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #finish(end: { readonly error?: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    if ("error" in end) {
      this.#end = {};
      waiting.reject(end.error);
    } else {
      waiting.resolve({ done: true, value: undefined });
    }
  }
}
