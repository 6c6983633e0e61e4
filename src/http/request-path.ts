/**
 * Whether a path has a segment that is `.` or `..`, plain or percent-encoded
 * (RFC 3986 section 3.3). Two hops may disagree whether to resolve it, so nothing
 * may be decided by a prefix of such a path.
 */
export function hasDotSegment(path: string): boolean {
  if (!path.includes(".") && !path.includes("%2")) return false;
  for (const segment of path.split("/")) {
    const plain = segment.replaceAll(/%2e/gi, ".");
    if (plain === "." || plain === "..") return true;
  }
  return false;
}

/** Whether `path` is `prefix` or lies below it; a prefix ends at a slash. */
export function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return (
    prefix.endsWith("/") ||
    path.length === prefix.length ||
    path.charCodeAt(prefix.length) === 0x2f
  );
}
