/** First buffer of a body without an announced length. */
const FIRST_BYTES = 16 * 1024;

/** Asks for more room; false when there is none. */
export type Reserve = (bytes: number) => boolean;

/**
 * A body that is being received, in one buffer of its own: nothing of it
 * shares, and so keeps, a slab or a socket's buffer.
 */
export class BodyBuffer {
  #bytes: Buffer;
  #length = 0;

  /** `announcedBytes` when the length is known: then the buffer is right at once. */
  constructor(announcedBytes: number | undefined) {
    this.#bytes = Buffer.allocUnsafeSlow(announcedBytes ?? FIRST_BYTES);
  }

  /** What the constructor will take. */
  static firstBytes(announcedBytes: number | undefined): number {
    return announcedBytes ?? FIRST_BYTES;
  }

  get length(): number {
    return this.#length;
  }

  /** Copies; false when the buffer may not grow. Doubling costs two copies of a byte at most. */
  append(chunk: Buffer, reserve: Reserve): boolean {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const bytes = Math.max(length, this.#bytes.length * 2);
      if (!reserve(bytes - this.#bytes.length)) return false;
      const larger = Buffer.allocUnsafeSlow(bytes);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#length);
    this.#length = length;
    return true;
  }

  /** What is there from `offset` on; not a copy. */
  read(offset: number): Buffer | undefined {
    return offset < this.#length
      ? this.#bytes.subarray(offset, this.#length)
      : undefined;
  }

  /** The whole body in a buffer of exactly its size. */
  whole(): Buffer {
    if (this.#length < this.#bytes.length) {
      const exact = Buffer.allocUnsafeSlow(this.#length);
      this.#bytes.copy(exact, 0, 0, this.#length);
      this.#bytes = exact;
    }
    return this.#bytes;
  }
}
