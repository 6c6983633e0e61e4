import { Option } from "commander";
import type { Journal } from "../base/index.ts";
import { DEFAULT_ZOOKEEPER, readAuthFile } from "../config/index.ts";
import { registryConnectString } from "../registry/index.ts";
import {
  type AclEntry,
  type ClientOptions,
  CREATOR_ALL_ACL,
  ZooKeeper,
} from "../zookeeper/index.ts";

/** What {@link openZooKeeper} wants to know; commander's names. */
export interface ZooKeeperFlags {
  readonly zookeeper: string;
  readonly zookeeperAuth?: string | undefined;
}

/** `--zookeeper` and `--zookeeper-auth`, as commands without a file have them. */
export function zooKeeperOptions(): readonly Option[] {
  return [
    new Option(
      "--zookeeper <servers>",
      "ZooKeeper as HOST:PORT[,…][/chroot]; the chroot is /zoogate unless named",
    )
      .env("ZOOGATE_ZOOKEEPER")
      .default(DEFAULT_ZOOKEEPER),
    new Option(
      "--zookeeper-auth <file>",
      "file with one line, user:password; znodes are then made for that user alone",
    ).env("ZOOGATE_ZOOKEEPER_AUTH"),
  ];
}

/**
 * A client that connects in the background, for ever.
 * @throws ConfigError or ZooKeeperError when flags cannot be used
 */
export async function openZooKeeper(
  flags: ZooKeeperFlags,
  options: Partial<ClientOptions> & { readonly journal: Journal },
): Promise<ZooKeeper> {
  const auth =
    flags.zookeeperAuth === undefined
      ? []
      : [await readAuthFile(flags.zookeeperAuth)];
  return new ZooKeeper(registryConnectString(flags.zookeeper), {
    auth,
    ...options,
  });
}

/** The ACL of the znodes we make: with credentials, for that user alone. */
export function registryAcl(flags: Pick<ZooKeeperFlags, "zookeeperAuth">): {
  readonly acl?: readonly AclEntry[];
} {
  return flags.zookeeperAuth === undefined ? {} : { acl: CREATOR_ALL_ACL };
}
