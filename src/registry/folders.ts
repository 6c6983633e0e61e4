import {
  type AclEntry,
  parentPath,
  type ZooKeeper,
  ZooKeeperError,
} from "../zookeeper/index.ts";

/** Who may do what with the nodes we make; everybody everything unless given. */
export type NodeAcl = readonly AclEntry[] | undefined;

/** Whether `error` is the client's, with this code. */
export function hasCode(
  error: unknown,
  code: ZooKeeperError["code"],
): error is ZooKeeperError {
  return error instanceof ZooKeeperError && error.code === code;
}

/**
 * Creates a persistent node and those above it where they are missing. Without
 * `data` it is made with none.
 * @returns whether this call made it
 */
export async function ensureNode(
  zk: ZooKeeper,
  path: string,
  options: {
    readonly acl?: NodeAcl;
    readonly data?: string | null;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<boolean> {
  const { acl, data = null, signal } = options;
  for (;;) {
    try {
      await zk.create(path, data, { acl, signal });
      return true;
    } catch (error) {
      if (hasCode(error, "node-exists")) return false;
      if (!hasCode(error, "no-node")) throw error;
      const parent = parentPath(path);
      if (parent === undefined) await zk.ensurePath("/", { signal });
      else await ensureNode(zk, parent, { acl, signal });
    }
  }
}
