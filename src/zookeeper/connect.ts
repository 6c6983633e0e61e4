import type { ZooKeeperOptions } from "./session-options.ts";
import { ZooKeeper } from "./zookeeper.ts";

/**
 * A client whose session is live. Rejects with `signal.reason` on abort; the
 * client is closed then.
 *
 *     await using zk = await connect("127.0.0.1:2181");
 *     await zk.create("/hello", "world");
 */
export async function connect(
  connectString: string,
  options: ZooKeeperOptions & {
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<ZooKeeper> {
  const { signal, ...rest } = options;
  signal?.throwIfAborted();
  const zooKeeper = new ZooKeeper(connectString, rest);
  try {
    await zooKeeper.live({ signal });
    return zooKeeper;
  } catch (error) {
    await zooKeeper.close();
    throw error;
  }
}
