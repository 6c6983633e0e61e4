import { type MultiOp, op } from "./multi.ts";
import type { RequestOptions } from "./request.ts";
import { childPath } from "./znode-path.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

/** What it asks of a client. */
interface TreeClient {
  getChildren(
    path: string,
    options: RequestOptions,
  ): Promise<{ readonly children: readonly string[] }>;
  multi(ops: readonly MultiOp[], options: RequestOptions): Promise<unknown>;
}

/** Small enough for one request, large enough to need few. */
const NODES_PER_MULTI = 500;

/**
 * Deletes a node and all below it, leaves first. What others create meanwhile is
 * found by another round; what they delete is no failure.
 */
export async function deleteRecursive(
  zooKeeper: TreeClient,
  path: string,
  options: RequestOptions,
): Promise<void> {
  for (;;) {
    const paths = await listTree(zooKeeper, path, options);
    if (paths.length === 0) return;
    // Breadth first from the top, so that the reverse has every child before its parent.
    paths.reverse();
    const ops = paths.map((each): MultiOp => op.delete(each));
    try {
      for (let start = 0; start < ops.length; start += NODES_PER_MULTI)
        await zooKeeper.multi(
          ops.slice(start, start + NODES_PER_MULTI),
          options,
        );
      return;
    } catch (error) {
      const changed =
        error instanceof ZooKeeperError &&
        (error.code === "no-node" || error.code === "not-empty");
      if (!changed) throw error;
    }
  }
}

async function listTree(
  zooKeeper: TreeClient,
  path: string,
  options: RequestOptions,
): Promise<string[]> {
  const paths: string[] = [];
  let level = [path];
  while (level.length > 0) {
    const lists = await Promise.all(
      level.map((each) => childrenIfPresent(zooKeeper, each, options)),
    );
    const next: string[] = [];
    for (const [index, children] of lists.entries()) {
      if (children === undefined) continue;
      const parent = level[index] as string; // the lists are those of the level
      paths.push(parent);
      for (const child of children) next.push(childPath(parent, child));
    }
    level = next;
  }
  return paths;
}

async function childrenIfPresent(
  zooKeeper: TreeClient,
  path: string,
  options: RequestOptions,
): Promise<readonly string[] | undefined> {
  try {
    return (await zooKeeper.getChildren(path, options)).children;
  } catch (error) {
    if (error instanceof ZooKeeperError && error.code === "no-node")
      return undefined;
    throw error;
  }
}
