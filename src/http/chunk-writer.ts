import type { FieldList } from "./head-result.ts";

/** The chunk that ends content without trailers (RFC 9112 section 7.1). */
export const LAST_CHUNK = "0\r\n\r\n";

/** What stands before a chunk's data; `\r\n` stands after it. `bytes` is not 0. */
export function chunkHeader(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

/** Most bytes that {@link writeChunkHeader} writes. */
export const MAX_CHUNK_HEADER_BYTES = 15;

const DIGITS = Buffer.from("0123456789abcdef", "latin1");

/** Writes a chunk header into `target` at `at`; answers the index after it. */
export function writeChunkHeader(
  target: Buffer,
  at: number,
  bytes: number,
): number {
  let digits = 1;
  for (
    let rest = Math.floor(bytes / 16);
    rest > 0;
    rest = Math.floor(rest / 16)
  )
    digits++;
  let rest = bytes;
  for (let i = at + digits - 1; i >= at; i--) {
    target[i] = DIGITS[rest % 16] ?? 0;
    rest = Math.floor(rest / 16);
  }
  target[at + digits] = 0x0d;
  target[at + digits + 1] = 0x0a;
  return at + digits + 2;
}

/** The last chunk with trailers. Names and values must have been checked. */
export function lastChunk(trailers: FieldList): string {
  if (trailers.length === 0) return LAST_CHUNK;
  let text = "0\r\n";
  for (let i = 0; i + 1 < trailers.length; i += 2)
    text += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
  return `${text}\r\n`;
}
