import { latin1Into } from "../http/index.ts";
import type { Wire } from "./wire.ts";

/** Holds one whole read and a head of common length. */
const SLAB_BYTES = 64 * 1024 + 8 * 1024;

/** What the slab needs of a connection. */
export type SlabUser = Pick<Wire, "write" | "pendingBytes"> &
  Partial<Pick<Wire, "secure">>;

/**
 * Where one thread puts small answers and request heads together, so that each
 * leaves in one write. Whoever writes to it takes it first: what another
 * connection has in it then leaves at once (an answer that is being stored
 * wakes the clients that wait for it, in the middle of its own). When the
 * kernel does not take all at once, the slab is left to the pending write and a
 * new one is taken.
 */
export class OutputSlab {
  #bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #length = 0;
  /** Counts what has left; who remembers it knows whether anything has since. */
  flushes = 0;
  /** Whose bytes it holds. */
  #owner: SlabUser | undefined;
  /** The last view handed out: answers of equal length follow each other. */
  #view: Buffer = this.#bytes.subarray(0, 0);

  get length(): number {
    return this.#length;
  }

  get room(): number {
    return this.#bytes.length - this.#length;
  }

  /** Before anything is put in for `wire`. */
  take(wire: SlabUser): void {
    if (this.#owner === wire) return;
    if (this.#owner !== undefined) this.flush(this.#owner);
    this.#owner = wire;
  }

  /** Text in latin1; the slab grows for a head that is longer than it. */
  text(text: string): void {
    if (text.length > this.room) this.#grow(text.length);
    this.#length += latin1Into(this.#bytes, text, this.#length);
  }

  /** False when it does not fit: flush, and write it by itself. */
  bytes(bytes: Buffer, start: number, end: number): boolean {
    if (end - start > this.room) return false;
    bytes.copy(this.#bytes, this.#length, start, end);
    this.#length += end - start;
    return true;
  }

  /** Writes what was put together; true when the kernel took it all. */
  flush(wire: SlabUser): boolean {
    const length = this.#owner === wire ? this.#length : 0;
    if (length === 0) return wire.pendingBytes === 0;
    this.#length = 0;
    this.flushes += 1;
    if (wire.pendingBytes > 0) {
      wire.write(Buffer.from(this.#bytes.subarray(0, length)));
      return false;
    }
    if (this.#view.length !== length)
      this.#view = this.#bytes.subarray(0, length);
    const taken = wire.write(this.#view);
    // TLS has copied what it was given, though it never says so at once.
    const isLeft = !taken && wire.secure !== true;
    if (isLeft || this.#bytes.length > SLAB_BYTES) this.#renew();
    return taken;
  }

  /** Takes out what was put together for a connection; undefined without any. */
  takeOut(wire: SlabUser): Buffer | undefined {
    if (this.#owner !== wire || this.#length === 0) return undefined;
    const bytes = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return bytes;
  }

  /** Forgets what was put together for a connection that is gone. */
  discard(wire: SlabUser): void {
    if (this.#owner !== wire) return;
    this.#owner = undefined;
    this.#length = 0;
  }

  #renew(): void {
    this.#bytes = Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#view = this.#bytes.subarray(0, 0);
  }

  #grow(bytes: number): void {
    const larger = Buffer.allocUnsafeSlow(this.#length + bytes + SLAB_BYTES);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
    this.#view = larger.subarray(0, 0);
  }
}
