import { Writer } from "./writer.ts";

/**
 * Gathers frames, each with its length before it, until they are taken as one
 * piece: one socket write for everything of a turn.
 *
 *     const writer = frames.begin();
 *     RequestHeader.write(writer, { xid, type });
 *     frames.end();
 *     socket.write(frames.take());
 */
export class FrameWriter {
  readonly #writer = new Writer();
  #mark = -1;

  /** Bytes of ended frames that were not taken yet. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /** Opens a frame; its body is written to what this answers. */
  begin(): Writer {
    if (this.#mark !== -1)
      throw new TypeError("Cannot begin a frame: another one is open");
    this.#mark = this.#writer.mark();
    this.#writer.int(0);
    return this.#writer;
  }

  /**
   * Ends the open frame and answers the size of its body. One above `maxBytes`
   * is dropped, as if it had not been begun.
   */
  end(maxBytes: number = Number.POSITIVE_INFINITY): number {
    const length = this.#writer.pendingBytes - this.#mark - 4;
    if (length > maxBytes) this.cancel();
    else this.#writer.patchInt(this.#mark, length);
    this.#mark = -1;
    return length;
  }

  /** Drops the open frame, for example when its value was refused half-way. */
  cancel(): void {
    if (this.#mark === -1) return;
    this.#writer.truncate(this.#mark);
    this.#mark = -1;
  }

  /** All ended frames as one piece, which is never overwritten. */
  take(): Buffer {
    if (this.#mark !== -1)
      throw new TypeError("Cannot take frames: one of them is still open");
    return this.#writer.take();
  }
}
