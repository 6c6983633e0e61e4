/**
 * Whether `path` names a node, by the rules of Apache ZooKeeper's
 * PathUtils.validatePath: absolute, no empty, `.` or `..` element, no slash at
 * the end, no control, surrogate or private-use character.
 */
export function isValidPath(path: string): boolean {
  const length = path.length;
  if (length === 0 || path.charCodeAt(0) !== SLASH) return false;
  if (length === 1) return true;
  if (path.charCodeAt(length - 1) === SLASH) return false;
  let elementStart = 1;
  for (let index = 1; index <= length; index++) {
    const code = index === length ? SLASH : path.charCodeAt(index);
    if (code === SLASH) {
      if (!isValidElement(path, elementStart, index)) return false;
      elementStart = index + 1;
    } else if (
      code <= 0x1f ||
      (code >= 0x7f && (code <= 0x9f || isRefusedHighCode(code)))
    ) {
      return false;
    }
  }
  return true;
}

/** The path above, `""` for the children of the root; undefined when there is no slash. */
export function parentPath(path: string): string | undefined {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? undefined : path.slice(0, slash);
}

const SLASH = 0x2f;
const DOT = 0x2e;

function isValidElement(path: string, start: number, end: number): boolean {
  const length = end - start;
  if (length === 0) return false;
  if (length > 2 || path.charCodeAt(start) !== DOT) return true;
  return length === 2 && path.charCodeAt(start + 1) !== DOT;
}

function isRefusedHighCode(code: number): boolean {
  return (code >= 0xd800 && code <= 0xf8ff) || code >= 0xfff0;
}
