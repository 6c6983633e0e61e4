import type { FieldList, Framing } from "./head-result.ts";
import { ChunkedReader } from "./chunked-reader.ts";
import type { ChunkedLimits } from "./options.ts";
import type { WireFault } from "./wire-fault.ts";

/**
 * What reading on came to: `data`, a range of the caller's buffer is content;
 * `more`, all bytes are used up; `end`, the content is whole and bytes from
 * `position` belong to what follows; `reject`, see `fault`.
 */
export type BodyEvent = "data" | "more" | "end" | "reject";

/**
 * Finds the content of one message in bytes as they arrive. It copies nothing:
 * ranges are indexes into the buffer that was handed in.
 *
 * ```ts
 * let at = from;
 * while (reader.read(bytes, at, to) === "data") {
 *   write(bytes.subarray(reader.dataStart, reader.dataEnd));
 *   at = reader.position;
 * }
 * ```
 */
export interface BodyReader {
  /** Reads `bytes[from..to)` up to the next event. */
  read(bytes: Buffer, from: number, to: number): BodyEvent;
  /**
   * Follows the framing through `bytes[from..to)` in one call, for passing the
   * bytes on as they are: those before `position` belong to the message.
   */
  follow(bytes: Buffer, from: number, to: number): Exclude<BodyEvent, "data">;
  /** Where reading stopped; the next call goes on from here. */
  readonly position: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  /** Whether the content is whole. */
  readonly done: boolean;
  /** Content bytes seen so far, without framing. */
  readonly dataBytes: number;
  readonly fault: WireFault | undefined;
  /** Fields after chunked content; complete once it is done. Never merged into the head. */
  readonly trailers: FieldList;
  /** The connection has ended: whether the content is whole now. */
  close(): boolean;
}

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
