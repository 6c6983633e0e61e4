const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Why no node can have this path, or undefined when one can. The rules are
 * those of Apache ZooKeeper's PathUtils.
 */
export function checkPath(path: string): string | undefined {
  if (path.charCodeAt(0) !== SLASH) return "it does not begin with a slash";
  if (path.length === 1) return undefined;
  let segmentStart = 1;
  for (let index = 1; index <= path.length; index++) {
    const code = index === path.length ? SLASH : path.charCodeAt(index);
    if (code === SLASH) {
      const fault = checkSegment(path, segmentStart, index);
      if (fault !== undefined) return fault;
      segmentStart = index + 1;
    } else if (isForbidden(code)) {
      return `it has the character ${code} at ${index}`;
    }
  }
  return undefined;
}

function checkSegment(
  path: string,
  start: number,
  end: number,
): string | undefined {
  const length = end - start;
  if (length === 0) return "it has an empty name";
  if (length > 2 || path.charCodeAt(start) !== DOT) return undefined;
  if (length === 1 || path.charCodeAt(start + 1) === DOT)
    return 'it has a name "." or ".."';
  return undefined;
}

function isForbidden(code: number): boolean {
  return (
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0xd800 && code <= 0xf8ff) ||
    code >= 0xfff0
  );
}

/** The path on the server of a path below a chroot. */
export function toServerPath(chroot: string, path: string): string {
  if (chroot === "") return path;
  return path === "/" ? chroot : chroot + path;
}

/** The path below a chroot of a path on the server. */
export function fromServerPath(chroot: string, path: string): string {
  if (chroot === "" || !path.startsWith(chroot)) return path;
  const rest = path.slice(chroot.length);
  return rest === "" ? "/" : rest;
}

/** The path of the node above; of "/" it is undefined. */
export function parentPath(path: string): string | undefined {
  if (path === "/") return undefined;
  const slash = path.lastIndexOf("/");
  return slash === 0 ? "/" : path.slice(0, slash);
}

/** The path of a child. */
export function childPath(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}
