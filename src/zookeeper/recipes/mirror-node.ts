import type { Stat, Zxid } from "../../jute/index.ts";

/** One znode as a mirror holds it. */
export interface MirrorNode {
  /** Relative to the mirror's root, without a slash in front; `""` is the root itself. */
  readonly path: string;
  readonly data: Buffer | null;
  /**
   * As of the last read of this node. What changes with its data is current at
   * rest; what changes with its children or its ACL (`cversion`, `pzxid`,
   * `numChildren`, `aversion`) may be older, since a recursive watch does not
   * tell of it.
   */
  readonly stat: Stat;
}

/** A node appeared or changed, or was made anew (`czxid` differs from that of `previous`). */
export interface MirrorSet {
  readonly kind: "set";
  readonly path: string;
  readonly node: MirrorNode;
  readonly previous: MirrorNode | undefined;
}

/** A node is gone; `node` is the last that was known of it. */
export interface MirrorDeleted {
  readonly kind: "deleted";
  readonly path: string;
  readonly node: MirrorNode;
}

/**
 * The mirror holds every change up to and with `zxid`, and perhaps later ones.
 * `newTree` is true once, after the first reading of a tree that is not the one
 * which the client knew: its zxids cannot be compared with older ones.
 */
export interface MirrorSynced {
  readonly kind: "synced";
  readonly zxid: Zxid;
  readonly newTree: boolean;
}

export type MirrorChange = MirrorSet | MirrorDeleted | MirrorSynced;

/** `root` and a relative path as one absolute path. */
export function absolutePath(root: string, path: string): string {
  if (path === "") return root;
  return root === "/" ? `/${path}` : `${root}/${path}`;
}

/** A path below `root`, or `root`, as a relative one; undefined when it is elsewhere. */
export function relativePath(root: string, path: string): string | undefined {
  if (path === root) return "";
  const prefix = root === "/" ? "/" : `${root}/`;
  return path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
}

/** The relative path of a child. */
export function childPath(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}
