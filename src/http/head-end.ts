/**
 * Finds the end of a head: the index after its first empty line, or -1 when
 * there is none in `bytes[from..to)`.
 *
 * Looks at every fourth byte only, so that asking again after each small
 * arrival of a large head stays cheap.
 */
export function findHeadEnd(bytes: Buffer, from: number, to: number): number {
  // `i` is where the last LF of CR LF CR LF would be.
  let i = from + 3;
  while (i < to) {
    const code = bytes[i];
    if (code === undefined || code > 0x0d) i += 4;
    else if (code === 0x0a) {
      if (bytes[i - 1] !== 0x0d) i += 4;
      else if (bytes[i - 2] === 0x0a && bytes[i - 3] === 0x0d) return i + 1;
      else i += 2; // it may be the first LF
    } else if (code === 0x0d) {
      i += bytes[i - 1] === 0x0a && bytes[i - 2] === 0x0d ? 1 : 3;
    } else i += 4;
  }
  return -1;
}
