/** Why bytes of a peer are no jute value. */
export type JuteFault =
  /** The frame ends within the value. */
  | "truncated"
  /** A length below -1. */
  | "negative-length"
  /** A vector says more elements than the rest of the frame can hold. */
  | "vector-too-long";

/** Thrown by {@link Reader}; caught at the edge of the frame, never beyond. */
export class JuteRejection extends Error {
  override readonly name = "JuteRejection";
  readonly code: JuteFault;

  constructor(code: JuteFault) {
    super(`Cannot decode a jute value: ${code}`);
    this.code = code;
  }
}

const NO_BYTES = Buffer.alloc(0);

/**
 * Reads jute primitives from a range of bytes. One reader serves a whole
 * connection: it is set on each frame in turn and allocates nothing by itself.
 * Strings and buffers are copied out, so the bytes may be reused afterwards.
 *
 * Every method throws {@link JuteRejection} when the range ends too early.
 */
export class Reader {
  #bytes: Buffer = NO_BYTES;
  #view: DataView = new DataView(NO_BYTES.buffer, 0, 0);
  #position = 0;
  #limit = 0;

  constructor(bytes?: Buffer) {
    if (bytes !== undefined) this.setOn(bytes, 0, bytes.length);
  }

  /** Makes it read `bytes` from `start` up to `end`. */
  setOn(bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.#position = start;
    this.#limit = end;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#limit - this.#position;
  }

  int(): number {
    const at = this.#take(4);
    return this.#view.getInt32(at);
  }

  long(): bigint {
    const at = this.#take(8);
    return this.#view.getBigInt64(at);
  }

  bool(): boolean {
    const at = this.#take(1);
    return this.#view.getUint8(at) !== 0;
  }

  /** Bytes with a length before them; -1 is null. */
  buffer(): Buffer | null {
    const length = this.#length();
    if (length === -1) return null;
    const at = this.#take(length);
    const copy = Buffer.allocUnsafe(length);
    this.#bytes.copy(copy, 0, at, at + length);
    return copy;
  }

  /**
   * Bytes with a length before them as a string of which each character is one
   * byte (latin1); -1 is null.
   */
  byteString(): string | null {
    const length = this.#length();
    if (length === -1) return null;
    const at = this.#take(length);
    return this.#bytes.toString("latin1", at, at + length);
  }

  /** UTF-8 with a length before it; a null string reads as an empty one. */
  ustring(): string {
    const length = this.#length();
    if (length <= 0) return "";
    const at = this.#take(length);
    return this.#bytes.toString("utf8", at, at + length);
  }

  /** The number of elements that follow; a null vector reads as an empty one. */
  vectorLength(minElementBytes: number): number {
    const length = this.#length();
    if (length <= 0) return 0;
    if (length * minElementBytes > this.remaining)
      throw new JuteRejection("vector-too-long");
    return length;
  }

  /** What has not been read, copied. */
  rest(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#position, this.#limit));
  }

  #length(): number {
    const length = this.int();
    if (length < -1) throw new JuteRejection("negative-length");
    return length;
  }

  #take(count: number): number {
    const at = this.#position;
    if (count > this.#limit - at) throw new JuteRejection("truncated");
    this.#position = at + count;
    return at;
  }
}
