import type { StoredBody } from "./types.ts";

/** What a body needs of the store that holds it. */
export interface BodyHolder {
  hold(slot: number, generation: number): boolean;
  release(slot: number): void;
}

/** The content of a stored answer, in the memory of all threads. */
export class SharedBody implements StoredBody {
  readonly length: number;
  readonly only: Buffer | undefined;
  readonly #pieces: readonly Buffer[];
  readonly #holder: BodyHolder;
  readonly slot: number;
  readonly generation: number;

  constructor(
    place: {
      readonly holder: BodyHolder;
      readonly slot: number;
      readonly generation: number;
    },
    pieces: readonly Buffer[],
  ) {
    this.#holder = place.holder;
    this.slot = place.slot;
    this.generation = place.generation;
    this.#pieces = pieces;
    let length = 0;
    for (const piece of pieces) length += piece.length;
    this.length = length;
    this.only = pieces.length <= 1 ? (pieces[0] ?? NOTHING) : undefined;
  }

  read(offset: number): Buffer | undefined {
    return pieceAt(this.#pieces, offset, this.length);
  }

  hold(): boolean {
    return this.#holder.hold(this.slot, this.generation);
  }

  release(): void {
    this.#holder.release(this.slot);
  }

  toString(): string {
    return Buffer.concat(this.#pieces).toString();
  }
}

const NOTHING = Buffer.alloc(0);

/** What of the piece at `offset` lies before `length`; not a copy. */
export function pieceAt(
  pieces: readonly Buffer[],
  offset: number,
  length: number,
): Buffer | undefined {
  if (offset >= length) return undefined;
  let start = 0;
  for (const piece of pieces) {
    const end = start + piece.length;
    if (offset < end)
      return offset === start && end <= length
        ? piece
        : piece.subarray(offset - start, Math.min(end, length) - start);
    start = end;
  }
  return undefined;
}
