/*
 * Bytes and text in latin1, by what Node's `toString` and `write` themselves
 * call once they have looked the encoding up. Its documentation does not tell of
 * it, hence checked. (With the remembered host: 940 and 800 ns of script for a
 * request answered from the store, before and after.)
 */

interface Latin1Buffer extends Uint8Array {
  latin1Slice(from: number, to: number): string;
  latin1Write(text: string, at: number, bytes: number): number;
}

const prototype: unknown = Buffer.prototype;
const isKnown =
  typeof (prototype as Partial<Latin1Buffer>).latin1Slice === "function" &&
  typeof (prototype as Partial<Latin1Buffer>).latin1Write === "function";

/** `bytes[from..to)` as text. */
export function latin1Text(bytes: Buffer, from: number, to: number): string {
  return isKnown
    ? (bytes as unknown as Latin1Buffer).latin1Slice(from, to) // checked above
    : bytes.toString("latin1", from, to);
}

/** Writes text from `at` on, where there is room for it; answers how many bytes. */
export function latin1Into(bytes: Buffer, text: string, at: number): number {
  return isKnown
    ? (bytes as unknown as Latin1Buffer).latin1Write(text, at, text.length) // checked above
    : bytes.write(text, at, "latin1");
}
