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

/** What some server reads as something else: escapes, parameters, empty segments, dots. */
const DOUBTFUL = /[%;]|\/[/.]/;

/**
 * A path as the most obliging of servers reads it: escapes decoded (of slashes
 * and backslashes too), parameters of segments left out (`/a;x/b`), repeated
 * slashes taken for one. Undefined where a segment then is `.` or `..`, even
 * as `..;`: no two servers agree where such a path leads.
 */
export function plainPath(path: string): string | undefined {
  if (!DOUBTFUL.test(path)) return path;
  const decoded = path
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
    .replaceAll("\\", "/");
  let plain = "";
  const segments = decoded.split("/");
  for (const [index, segment] of segments.entries()) {
    const semicolon = segment.indexOf(";");
    const name = semicolon < 0 ? segment : segment.slice(0, semicolon);
    if (name === "." || name === "..") return undefined;
    const isEnd = index === segments.length - 1;
    if (name !== "" || isEnd) plain += `/${name}`;
  }
  return plain;
}
