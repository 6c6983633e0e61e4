/**
 * A tree as lines of JSON, to move it between any two servers. The first line
 * names the format; each further line is a node, parents before children. What
 * a client cannot see or carry over does not move, and is named (see
 * {@link NotMoved}).
 */
import type { ACL, Stat } from "../jute/index.ts";

/** What is read from; the ZooKeeper client of this package is one. */
export interface TreeSource {
  getData(
    path: string,
  ): Promise<{ readonly data: Buffer | null; readonly stat: Stat }>;
  getChildren(path: string): Promise<{ readonly children: readonly string[] }>;
  getAcl(path: string): Promise<{ readonly acl: readonly ACL[] }>;
}

/** One line of an export. */
export interface ExportedNode {
  readonly path: string;
  /** Base64, or null. */
  readonly data: string | null;
  /** Permissions, scheme, id. */
  readonly acl: readonly (readonly [number, string, string])[];
  /** Children ever created: where the numbers of sequential ones go on. */
  readonly created: number;
}

/** Something that an export or import leaves out, and why. */
export interface NotMoved {
  readonly path: string;
  readonly because: NotMovedReason;
}

export type NotMovedReason =
  /** It belongs to a session, which creates it again. */
  | "ephemeral"
  /** The client may not read it; nor what is below it. */
  | "no-auth"
  /** It was deleted while the tree was read. */
  | "vanished"
  /** `/zookeeper` belongs to the server. */
  | "of-the-server"
  /** The client may not administer it, so the passwords in its ACL came out as `x`: nobody matches them. */
  | "acl-hidden"
  /** More children were created than an import makes up for: sequential names begin lower. */
  | "sequence-too-high";

/** The first line. */
export const EXPORT_HEADER = { format: "zoogate-tree", version: 1 } as const;

/**
 * Reads the tree below `root` and yields it line by line, without line ends.
 * Versions, times and zxids do not move, nor do watches and sessions. Whether a
 * node is a container or has a time to live is not visible to clients: such
 * nodes move as persistent ones. The tree is not read at one point in time.
 *
 * @throws what the source throws, other than for a node that is gone or hidden
 */
export async function* exportTree(
  source: TreeSource,
  options: {
    readonly root?: string;
    readonly onNotMoved?: (notMoved: NotMoved) => void;
  } = {},
): AsyncGenerator<string, void, void> {
  yield JSON.stringify(EXPORT_HEADER);
  const waiting = [options.root ?? "/"];
  while (waiting.length > 0) {
    const paths = waiting.splice(0, IN_FLIGHT);
    const reads = await Promise.all(
      paths.map(async (path) => ({ path, read: await readNode(source, path) })),
    );
    for (const { path, read } of reads) {
      if (typeof read === "string") {
        options.onNotMoved?.({ path, because: read });
        continue;
      }
      if (read.node.acl.some(([, scheme, id]) => isHidden(scheme, id)))
        options.onNotMoved?.({ path, because: "acl-hidden" });
      yield JSON.stringify(read.node);
      const prefix = path === "/" ? "" : path;
      for (const child of read.children.toSorted())
        waiting.push(`${prefix}/${child}`);
    }
  }
}

/** Nodes that are read at one time. */
const IN_FLIGHT = 50;

async function readNode(
  source: TreeSource,
  path: string,
): Promise<
  | { readonly node: ExportedNode; readonly children: readonly string[] }
  | NotMovedReason
> {
  if (path === "/zookeeper") return "of-the-server";
  try {
    const [{ data, stat }, { acl }, { children }] = await Promise.all([
      source.getData(path),
      source.getAcl(path),
      source.getChildren(path),
    ]);
    if (stat.ephemeralOwner !== 0n) return "ephemeral";
    return {
      children,
      node: {
        path,
        data: data === null ? null : data.toString("base64"),
        acl: acl.map(({ perms, id }) => [perms, id.scheme, id.id]),
        created: (stat.cversion + stat.numChildren) / 2,
      },
    };
  } catch (error) {
    const code = errorCode(error);
    if (code === "no-node") return "vanished";
    if (code === "no-auth") return "no-auth";
    throw error;
  }
}

/** The word that errors of a client carry. */
export function errorCode(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function isHidden(scheme: string, id: string): boolean {
  return scheme === "digest" && id.endsWith(":x");
}
