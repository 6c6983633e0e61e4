import { Reader } from "./reader.ts";

/** The largest frame that Apache ZooKeeper accepts unless told otherwise (jute.maxbuffer). */
export const DEFAULT_MAX_FRAME_BYTES = 1_048_575;

/** Why a stream of frames cannot go on. */
export interface FrameRejection {
  readonly code: "frame-too-large" | "negative-frame-length";
  /** The length that the peer announced. */
  readonly length: number;
}

const LENGTH_BYTES = 4;
const FIRST_HELD_BYTES = 4_096;
/** A held buffer above this is given back after its frame. */
const KEPT_HELD_BYTES = 65_536;

/**
 * Cuts a stream into frames (a four-byte length, then so many bytes).
 *
 * Push a chunk, then call {@link FrameSplitter.next} until it answers
 * undefined; from then on the chunk may be overwritten. The reader that `next`
 * answers is one and the same and stands on the body of the frame until the
 * next call. Memory grows with the bytes that came, not with the length that
 * the peer announced.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  readonly #reader = new Reader();
  readonly #lengthReader = new Reader();
  #chunk: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  #rejection: FrameRejection | undefined;

  constructor(options: { readonly maxFrameBytes?: number } = {}) {
    this.#maxFrameBytes = options.maxFrameBytes ?? DEFAULT_MAX_FRAME_BYTES;
  }

  /** Set once the stream is beyond repair; nothing is read after it. */
  get rejection(): FrameRejection | undefined {
    return this.#rejection;
  }

  /** Bytes that wait for the rest of their frame. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Gives it the first `byteLength` bytes of `chunk`. */
  push(chunk: Buffer, byteLength: number = chunk.length): void {
    if (this.#position < this.#end && this.#rejection === undefined)
      throw new TypeError("Cannot push a chunk: the last one was not read out");
    this.#chunk = chunk;
    this.#position = 0;
    this.#end = byteLength;
  }

  /** A reader on the next frame's body, or undefined when more bytes are needed or the stream was rejected. */
  next(): Reader | undefined {
    if (this.#rejection !== undefined) return undefined;
    if (this.#heldBytes > 0) return this.#nextHeld();
    const available = this.#end - this.#position;
    if (available < LENGTH_BYTES) {
      this.#hold(available);
      return undefined;
    }
    const length = this.#lengthAt(this.#chunk, this.#position);
    if (length < 0) return undefined;
    if (available < LENGTH_BYTES + length) {
      this.#hold(available);
      return undefined;
    }
    const bodyStart = this.#position + LENGTH_BYTES;
    this.#position = bodyStart + length;
    this.#reader.setOn(this.#chunk, bodyStart, this.#position);
    return this.#reader;
  }

  #nextHeld(): Reader | undefined {
    this.#holdUpTo(LENGTH_BYTES);
    if (this.#heldBytes < LENGTH_BYTES) return undefined;
    const length = this.#lengthAt(this.#held, 0);
    if (length < 0) return undefined;
    const frameBytes = LENGTH_BYTES + length;
    this.#holdUpTo(frameBytes);
    if (this.#heldBytes < frameBytes) return undefined;
    this.#reader.setOn(this.#held, LENGTH_BYTES, frameBytes);
    this.#heldBytes = 0;
    // The reader keeps a large buffer until it is set on the next frame.
    if (this.#held.length > KEPT_HELD_BYTES) this.#held = Buffer.alloc(0);
    return this.#reader;
  }

  /** The length of a frame, or -1 after a rejection. */
  #lengthAt(bytes: Buffer, at: number): number {
    this.#lengthReader.setOn(bytes, at, at + LENGTH_BYTES);
    const length = this.#lengthReader.int();
    if (length < 0) {
      this.#rejection = { code: "negative-frame-length", length };
      return -1;
    }
    if (length > this.#maxFrameBytes) {
      this.#rejection = { code: "frame-too-large", length };
      return -1;
    }
    return length;
  }

  #holdUpTo(total: number): void {
    const missing = total - this.#heldBytes;
    if (missing > 0) this.#hold(Math.min(missing, this.#end - this.#position));
  }

  #hold(count: number): void {
    if (count === 0) return;
    const total = this.#heldBytes + count;
    if (total > this.#held.length) {
      const larger = Buffer.allocUnsafe(
        Math.max(FIRST_HELD_BYTES, this.#held.length * 2, total),
      );
      this.#held.copy(larger, 0, 0, this.#heldBytes);
      this.#held = larger;
    }
    this.#chunk.copy(
      this.#held,
      this.#heldBytes,
      this.#position,
      this.#position + count,
    );
    this.#heldBytes = total;
    this.#position += count;
  }
}
