import type { FieldList } from "./head-result.ts";
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
