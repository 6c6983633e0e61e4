/*
 * The lines of a hit that differ from one moment to the next. Within a second
 * the same few are asked for again and again, so they are kept as they were
 * written: a look-up and a copy in place of number formatting, three
 * concatenations and an encoding.
 */

const MAX_KEPT = 4096;

const statusLines = new Map<number, string>();

/** `Cache-Status` of a hit (RFC 9211); each thread has one name for its cache. */
export function hitStatusLine(cache: string, ttlS: number): string {
  let line = statusLines.get(ttlS);
  if (line === undefined) {
    if (statusLines.size >= MAX_KEPT) statusLines.clear();
    line = `Cache-Status: ${cache}; hit; ttl=${ttlS}\r\n`;
    statusLines.set(ttlS, line);
  }
  return line;
}

const tails = new Map<
  string,
  { readonly ageS: number; readonly bytes: Buffer }
>();

/** `Age`, `statusLine` and the empty line that ends a head. */
export function hitTail(ageS: number, statusLine: string): Buffer {
  const kept = tails.get(statusLine);
  if (kept?.ageS === ageS) return kept.bytes;
  if (tails.size >= MAX_KEPT) tails.clear();
  const bytes = Buffer.from(`Age: ${ageS}\r\n${statusLine}\r\n`, "latin1");
  tails.set(statusLine, { ageS, bytes });
  return bytes;
}
