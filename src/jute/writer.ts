const SLAB_BYTES = 65_536;
/** A string of this length or shorter is measured by writing it. */
const SHORT_STRING = 64;

/**
 * Appends jute primitives to a slab that is handed out piece by piece and never
 * overwritten: what {@link Writer.take} has answered may wait in a socket's
 * queue while the rest of the slab is filled.
 */
export class Writer {
  #slab = Buffer.allocUnsafeSlow(0);
  #view = new DataView(this.#slab.buffer);
  /** Where the bytes begin that were not taken yet. */
  #start = 0;
  #position = 0;

  /** Bytes written and not taken yet. */
  get pendingBytes(): number {
    return this.#position - this.#start;
  }

  int(value: number): void {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value);
  }

  long(value: bigint): void {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value);
  }

  bool(value: boolean): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value ? 1 : 0);
  }

  buffer(value: Uint8Array | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    const at = this.#reserve(4 + value.length);
    this.#view.setInt32(at, value.length);
    this.#slab.set(value, at + 4);
  }

  /** A long that is a whole number from 0 to 2^53. */
  longNumber(value: number): void {
    const at = this.#reserve(8);
    this.#view.setInt32(at, Math.floor(value / 4_294_967_296));
    this.#view.setInt32(at + 4, value);
  }

  /** Bytes with a length before them, from a string of which each character is one byte. */
  byteString(value: string | null): void {
    if (value === null) {
      this.int(-1);
      return;
    }
    const at = this.#reserve(4 + value.length);
    this.#view.setInt32(at, value.length);
    this.#slab.write(value, at + 4, value.length, "latin1");
  }

  ustring(value: string): void {
    const bound =
      value.length <= SHORT_STRING
        ? value.length * 3
        : Buffer.byteLength(value, "utf8");
    const at = this.#reserve(4 + bound);
    const written = this.#slab.write(value, at + 4, bound, "utf8");
    this.#view.setInt32(at, written);
    this.#position = at + 4 + written;
  }

  /** Bytes as they are, without a length. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#slab.set(bytes, at);
  }

  /** A place in what is pending, for {@link Writer.patchInt} and {@link Writer.truncate}. */
  mark(): number {
    return this.pendingBytes;
  }

  /** Overwrites four bytes at a mark. */
  patchInt(mark: number, value: number): void {
    this.#view.setInt32(this.#start + mark, value);
  }

  /** Forgets everything after a mark. */
  truncate(mark: number): void {
    this.#position = this.#start + mark;
  }

  /** Everything pending, which is thereby no longer pending. Never overwritten. */
  take(): Buffer {
    const bytes = this.#slab.subarray(this.#start, this.#position);
    this.#start = this.#position;
    return bytes;
  }

  #reserve(count: number): number {
    const at = this.#position;
    if (at + count > this.#slab.length) return this.#moveAndReserve(count);
    this.#position = at + count;
    return at;
  }

  #moveAndReserve(count: number): number {
    const pending = this.pendingBytes;
    const needed = pending + count;
    const larger = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, needed * 2));
    this.#slab.copy(larger, 0, this.#start, this.#position);
    this.#slab = larger;
    this.#view = new DataView(larger.buffer);
    this.#start = 0;
    this.#position = needed;
    return pending;
  }
}
