import { randomUUID } from "node:crypto";
import type { Stat } from "../jute/index.ts";
import type { CreateOptions, NodeData } from "./multi.ts";
import type { ChildrenAnswer, CreateAnswer } from "./operations.ts";
import type { RequestOptions } from "./request.ts";
import { childPath, parentPath } from "./znode-path.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

/** What it asks of a client. */
interface CreatingClient {
  create(
    path: string,
    data: NodeData,
    options: CreateOptions & RequestOptions,
  ): Promise<CreateAnswer>;
  sync(path: string, options: RequestOptions): Promise<void>;
  getChildren(path: string, options: RequestOptions): Promise<ChildrenAnswer>;
  exists(path: string, options: RequestOptions): Promise<Stat | undefined>;
}

/** As Curator writes it, so that both find each other's nodes. */
const PREFIX = "_c_";

/**
 * Creates a node under a name with a random identity in it. When the connection
 * breaks before the answer, the identity is looked for: the node is there, and
 * was created, or it is not, and is created again. Without this a lost answer
 * leaves a sequential node that nobody knows to be his.
 */
export async function createProtected(
  zooKeeper: CreatingClient,
  request: {
    readonly path: string;
    readonly data: NodeData;
    readonly options: CreateOptions & RequestOptions;
  },
): Promise<CreateAnswer> {
  const { path, data, options } = request;
  const parent = parentPath(path);
  if (parent === undefined)
    throw new ZooKeeperError("bad-path", { op: "createProtected", path });
  const identity = `${PREFIX}${randomUUID()}-`;
  const name = path.slice(path.lastIndexOf("/") + 1);
  const protectedPath = childPath(parent, identity + name);
  for (;;) {
    try {
      return await zooKeeper.create(protectedPath, data, options);
    } catch (error) {
      const unknown =
        error instanceof ZooKeeperError && error.code === "connection-loss";
      if (!unknown) throw error;
    }
    const found = await findCreated(zooKeeper, { parent, identity, options });
    if (found !== undefined) return found;
  }
}

async function findCreated(
  zooKeeper: CreatingClient,
  {
    parent,
    identity,
    options,
  }: {
    readonly parent: string;
    readonly identity: string;
    readonly options: RequestOptions;
  },
): Promise<CreateAnswer | undefined> {
  for (;;) {
    try {
      // The new server may be behind the one that took the request.
      await zooKeeper.sync(parent, options);
      const { children, zxid } = await zooKeeper.getChildren(parent, options);
      const child = children.find((each) => each.startsWith(identity));
      if (child === undefined) return undefined;
      const path = childPath(parent, child);
      const stat = await zooKeeper.exists(path, options);
      return stat === undefined ? undefined : { path, stat, zxid };
    } catch (error) {
      const again =
        error instanceof ZooKeeperError && error.code === "connection-loss";
      if (!again) throw error;
    }
  }
}
