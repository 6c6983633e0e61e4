/**
 * A value that readers follow: each reader gets the newest value when it asks,
 * and misses those that were replaced meanwhile.
 */
export class Latest<T> {
  #value: T;
  #version = 0;
  #closed = false;
  readonly #wakers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (this.#closed) return;
    this.#value = value;
    this.#version += 1;
    this.#wake();
  }

  /** Ends all readers after the value they have not seen yet. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /**
   * The present value, then each newer one. Ends on {@link Latest.close};
   * throws `signal.reason` on abort.
   */
  async *watch(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<T, void, void> {
    const { signal } = options;
    let seen = -1;
    for (;;) {
      signal?.throwIfAborted();
      if (seen !== this.#version) {
        seen = this.#version;
        yield this.#value;
        continue;
      }
      if (this.#closed) return;
      await this.#change(signal);
    }
  }

  /** Resolves with the first value, the present one included, that passes. */
  async when(
    test: (value: T) => boolean,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    for await (const value of this.watch(options)) {
      if (test(value)) return value;
    }
    throw new Error("Cannot wait for a value: its source was closed");
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        this.#wakers.delete(settle);
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const onAbort = () => {
        this.#wakers.delete(settle);
        reject(signal?.reason);
      };
      this.#wakers.add(settle);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
  }
}
