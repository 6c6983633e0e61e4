import type { BodyEvent, BodyReader } from "./body-reader.ts";
import { ChunkedReader } from "./chunked-reader.ts";
import type { FieldList, Framing } from "./head-result.ts";
import type { ChunkedLimits } from "./options.ts";

const NO_TRAILERS: FieldList = Object.freeze([]);

/** Content of a known length (RFC 9112 section 6.2), or of none. */
export class LengthReader implements BodyReader {
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  dataBytes = 0;
  readonly fault = undefined;
  readonly trailers = NO_TRAILERS;
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  get done(): boolean {
    return this.#left === 0;
  }

  read(_bytes: Buffer, from: number, to: number): BodyEvent {
    const size = Math.min(this.#left, to - from);
    this.position = from + size;
    if (size === 0) return this.#left === 0 ? "end" : "more";
    this.dataStart = from;
    this.dataEnd = from + size;
    this.dataBytes += size;
    this.#left -= size;
    return "data";
  }

  follow(_bytes: Buffer, from: number, to: number): "more" | "end" {
    const size = Math.min(this.#left, to - from);
    this.position = from + size;
    this.dataBytes += size;
    this.#left -= size;
    return this.#left === 0 ? "end" : "more";
  }

  close(): boolean {
    return this.#left === 0;
  }
}

/** Content up to the end of the connection (RFC 9112 section 6.3, rule 8). */
export class UntilCloseReader implements BodyReader {
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  dataBytes = 0;
  done = false;
  readonly fault = undefined;
  readonly trailers = NO_TRAILERS;

  read(_bytes: Buffer, from: number, to: number): BodyEvent {
    this.position = to;
    if (this.done) return "end";
    if (to === from) return "more";
    this.dataStart = from;
    this.dataEnd = to;
    this.dataBytes += to - from;
    return "data";
  }

  follow(_bytes: Buffer, from: number, to: number): "more" | "end" {
    this.position = to;
    this.dataBytes += to - from;
    return this.done ? "end" : "more";
  }

  close(): boolean {
    this.done = true;
    return true;
  }
}

/** The reader for the content that a head announces. */
export function bodyReader(
  framing: Framing,
  limits?: ChunkedLimits,
): BodyReader {
  switch (framing.kind) {
    case "none":
    case "length":
      return new LengthReader(framing.bytes);
    case "chunked":
      return new ChunkedReader(limits);
    case "until-close":
      return new UntilCloseReader();
    default:
      return framing satisfies never;
  }
}
