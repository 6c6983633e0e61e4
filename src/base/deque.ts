/**
 * A first-in, first-out queue with constant-time ends and no allocation for
 * each element (a power-of-two ring).
 */
export class Deque<T> {
  #ring: (T | undefined)[] = Array.from({ length: 16 });
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: T): void {
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = value;
    this.#length += 1;
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length -= 1;
    return value;
  }

  clear(): void {
    this.#ring = Array.from({ length: 16 });
    this.#head = 0;
    this.#length = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.#length; index++) {
      yield this.#ring[(this.#head + index) & (this.#ring.length - 1)] as T; // within length, so present
    }
  }

  #grow(): void {
    const values = [...this];
    this.#ring = Array.from({ length: this.#ring.length * 2 });
    for (const [index, value] of values.entries()) this.#ring[index] = value;
    this.#head = 0;
  }
}
