function isWhite(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/**
 * Takes optional white space (RFC 9110 section 5.6.3: SP and HTAB) off both
 * ends. `String.prototype.trim` would take a no-break space off as well.
 */
export function trimWhiteSpace(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isWhite(text.charCodeAt(from))) from++;
  while (to > from && isWhite(text.charCodeAt(to - 1))) to--;
  return to - from === text.length ? text : text.slice(from, to);
}
