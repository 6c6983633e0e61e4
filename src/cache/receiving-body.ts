import { type BodyHolder, pieceAt, SharedBody } from "./stored-body.ts";

/** First room for a body without an announced length. */
const FIRST_BYTES = 4096;

/** What a body that is being received needs of the store. */
export interface RoomGiver extends BodyHolder {
  /** More room behind what there is; undefined when there is none. */
  extend(slot: number, bytes: number): readonly Buffer[] | undefined;
}

/** An answer on its way into the memory of all threads: its owner's alone until it is stored. */
export class ReceivingBody {
  readonly slot: number;
  readonly generation: number;
  readonly #giver: RoomGiver;
  readonly #pieces: Buffer[];
  #capacity = 0;
  #length = 0;
  /** The piece that is being filled, and how much of it is. */
  #piece = 0;
  #filled = 0;

  constructor(
    place: {
      readonly giver: RoomGiver;
      readonly slot: number;
      readonly generation: number;
    },
    pieces: readonly Buffer[],
  ) {
    this.#giver = place.giver;
    this.slot = place.slot;
    this.generation = place.generation;
    this.#pieces = [...pieces];
    for (const piece of pieces) this.#capacity += piece.length;
  }

  /** What to ask for at first; `announcedBytes` when the length is known: then it will do. */
  static firstBytes(announcedBytes: number | undefined): number {
    return announcedBytes ?? FIRST_BYTES;
  }

  get length(): number {
    return this.#length;
  }

  /** Copies; false when there is no room. */
  append(bytes: Buffer): boolean {
    const missing = this.#length + bytes.length - this.#capacity;
    if (missing > 0 && !this.#grow(missing)) return false;
    let at = 0;
    while (at < bytes.length) {
      const piece = this.#pieces[this.#piece];
      if (piece === undefined) return false;
      const part = Math.min(bytes.length - at, piece.length - this.#filled);
      // `set` into shared memory goes word by word; `copy` does not.
      bytes.copy(piece, this.#filled, at, at + part);
      at += part;
      this.#filled += part;
      if (this.#filled === piece.length) {
        this.#piece += 1;
        this.#filled = 0;
      }
    }
    this.#length += bytes.length;
    return true;
  }

  /** What is there from `offset` on, as far as it lies together; not a copy. */
  read(offset: number): Buffer | undefined {
    return pieceAt(this.#pieces, offset, this.#length);
  }

  /** The first `bytes` of it, as a stored body. */
  stored(bytes: number): SharedBody {
    const { slot, generation } = this;
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes; at += pieces.at(-1)?.length ?? bytes) {
      const piece = pieceAt(this.#pieces, at, bytes);
      if (piece !== undefined) pieces.push(piece);
    }
    return new SharedBody({ holder: this.#giver, slot, generation }, pieces);
  }

  hold(): boolean {
    return this.#giver.hold(this.slot, this.generation);
  }

  release(): void {
    this.#giver.release(this.slot);
  }

  /** Doubles, as long as that is given. */
  #grow(missing: number): boolean {
    const pieces =
      this.#giver.extend(this.slot, Math.max(missing, this.#capacity)) ??
      this.#giver.extend(this.slot, missing);
    if (pieces === undefined) return false;
    for (const piece of pieces) {
      this.#pieces.push(piece);
      this.#capacity += piece.length;
    }
    return true;
  }
}
