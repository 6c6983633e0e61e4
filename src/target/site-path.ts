/**
 * From a request target to a file. Nothing outside the served directory is
 * reached, links included, and nothing whose name begins with a dot, except
 * the registered directory `/.well-known/` (RFC 8615).
 */
import { realpath, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { systemErrorCode } from "./target-error.ts";

/** The file that is sent for a directory. */
const INDEX_FILE = "index.html";

/** Where a request target leads. `key` is the path below the site's root, with `/`. */
export type SitePlace =
  | { readonly kind: "file"; readonly key: string; readonly realPath: string }
  /** A directory that was asked for without its final slash. */
  | { readonly kind: "directory"; readonly location: string }
  | { readonly kind: "missing"; readonly key: string }
  | { readonly kind: "malformed" };

/** What a request target says, before any file is looked at. */
export type SitePath =
  | {
      readonly kind: "path";
      /** With `index.html` where the path ends in a slash. */
      readonly key: string;
      readonly query: string;
    }
  | { readonly kind: "hidden"; readonly key: string }
  | { readonly kind: "malformed" };

/** Reads a request target in origin-form or absolute-form (RFC 9112 section 3.2). */
export function parseSitePath(requestTarget: string): SitePath {
  const origin = requestTarget.replace(/^https?:\/\/[^/?]*/iu, "");
  const queryAt = origin.indexOf("?");
  const rawPath = queryAt < 0 ? origin : origin.slice(0, queryAt);
  const query = queryAt < 0 ? "" : origin.slice(queryAt);
  if (rawPath !== "" && !rawPath.startsWith("/")) return { kind: "malformed" };
  let path: string;
  try {
    path = decodeURIComponent(rawPath);
  } catch {
    return { kind: "malformed" };
  }
  if (path.includes("\0")) return { kind: "malformed" };
  const segments = path.split("/").filter((segment) => segment !== "");
  if (path === "" || path.endsWith("/")) segments.push(INDEX_FILE);
  const key = segments.join("/");
  return isHidden(segments)
    ? { kind: "hidden", key }
    : { kind: "path", key, query };
}

/** Whether a path below the root, in segments, is one that is never served. */
export function isHidden(segments: readonly string[]): boolean {
  return segments.some(
    (segment, index) =>
      (segment.startsWith(".") &&
        !(index === 0 && segment === ".well-known" && segments.length > 1)) ||
      (sep === "\\" && /[\\:]/u.test(segment)),
  );
}

/** Finds the file below `root`, which is a real path. */
export async function findSitePlace(
  root: string,
  path: { readonly key: string; readonly query: string },
): Promise<SitePlace> {
  const { key } = path;
  const missing = { kind: "missing", key } as const;
  try {
    const realPath = await realpath(join(root, key));
    if (!isServed(root, realPath)) return missing;
    const stats = await stat(realPath);
    if (stats.isFile()) return { kind: "file", key, realPath };
    if (!stats.isDirectory()) return missing;
    return { kind: "directory", location: `${encodePath(key)}/${path.query}` };
  } catch (error) {
    if (isAbsence(error)) return missing;
    throw error;
  }
}

/** Whether a real path lies below the root and none of its names is hidden. */
export function isServed(root: string, realPath: string): boolean {
  if (realPath === root) return true;
  const below = root.endsWith(sep) ? root : root + sep;
  if (!realPath.startsWith(below)) return false;
  // A directory's own name may be `.well-known`; what is in it decides.
  const segments = relative(root, realPath).split(sep);
  return !isHidden(segments.length === 1 ? [...segments, "x"] : segments);
}

/** Whether an error of the file system means that there is nothing to serve. */
export function isAbsence(error: unknown): boolean {
  const code = systemErrorCode(error);
  return (
    code === "ENOENT" ||
    code === "ENOTDIR" ||
    code === "ELOOP" ||
    code === "ENAMETOOLONG" ||
    code === "EACCES" ||
    code === "EPERM"
  );
}

/** A path reference from the root; one leading slash, so that it never names a host. */
function encodePath(key: string): string {
  return `/${key.split("/").map(encodeURIComponent).join("/")}`;
}
