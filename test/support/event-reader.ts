/** Reads an async iterable in the background, so that a test can wait for one value among others. */
export class EventReader<T> {
  readonly #controller = new AbortController();
  readonly #seen: T[] = [];
  readonly #wakers = new Set<() => void>();
  #position = 0;
  #ended = false;
  #error: unknown;
  readonly #done: Promise<void>;

  /** `open` is given the signal that ends the reading. */
  constructor(open: (signal: AbortSignal) => AsyncIterable<T>) {
    this.#done = this.#read(open(this.#controller.signal));
  }

  /** Everything read so far. */
  get seen(): readonly T[] {
    return this.#seen;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** The first value not looked at yet that passes; those before it count as looked at. */
  async next(passes: (value: T) => boolean = () => true): Promise<T> {
    for (;;) {
      while (this.#position < this.#seen.length) {
        const value = this.#seen[this.#position] as T; // within length
        this.#position += 1;
        if (passes(value)) return value;
      }
      if (this.#ended)
        throw new Error("Cannot wait for a value: the iterable has ended", {
          cause: this.#error,
        });
      await new Promise<void>((resolve) => {
        this.#wakers.add(resolve);
      });
    }
  }

  /** Counts all that was read so far as looked at. */
  skip(): void {
    this.#position = this.#seen.length;
  }

  /** Ends the reading and waits for its end. */
  async stop(): Promise<void> {
    this.#controller.abort();
    await this.#done;
  }

  async #read(values: AsyncIterable<T>): Promise<void> {
    try {
      for await (const value of values) {
        this.#seen.push(value);
        this.#wake();
      }
    } catch (error) {
      this.#error = error;
    }
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }
}
