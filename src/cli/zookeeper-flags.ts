import { Option } from "commander";
import type { Journal } from "../base/index.ts";
import { readAuthFile } from "../config/index.ts";
import { registryConnectString } from "../registry/index.ts";
import {
  type AclEntry,
  CREATOR_ALL_ACL,
  ZooKeeper,
} from "../zookeeper/index.ts";

/** Where the keeper listens unless told otherwise, so where clients look. */
export const DEFAULT_ZOOKEEPER = "127.0.0.1:2181";

/** What {@link openZooKeeper} wants to know; commander's names. */
export interface ZooKeeperFlags {
  readonly zookeeper: string;
  readonly zookeeperAuth?: string;
}

/** `--zookeeper` and `--zookeeper-auth`, as every command has them. */
export function zooKeeperOptions(extra = ""): readonly Option[] {
  return [
    new Option(
      "--zookeeper <servers>",
      `ZooKeeper as HOST:PORT[,…][/chroot]${extra}; the chroot is /zoogate unless named`,
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
  journal: Journal,
): Promise<ZooKeeper> {
  const auth =
    flags.zookeeperAuth === undefined
      ? []
      : [await readAuthFile(flags.zookeeperAuth)];
  return new ZooKeeper(registryConnectString(flags.zookeeper), {
    auth,
    journal,
  });
}

/** The ACL of the znodes we make: with credentials, for that user alone. */
export function registryAcl(flags: Pick<ZooKeeperFlags, "zookeeperAuth">): {
  readonly acl?: readonly AclEntry[];
} {
  return flags.zookeeperAuth === undefined ? {} : { acl: CREATOR_ALL_ACL };
}
