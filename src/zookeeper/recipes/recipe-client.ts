import type { ZooKeeper } from "../zookeeper.ts";
import { ZooKeeperError, type ZooKeeperErrorCode } from "../zookeeper-error.ts";

/** What recipes that only read ask of a client; `ZooKeeper` is one. */
export type ReadingClient = Pick<
  ZooKeeper,
  "state" | "states" | "getData" | "getChildren" | "exists" | "sync" | "watch"
>;

/** The code of an error of the client; undefined for any other error. */
export function errorCode(error: unknown): ZooKeeperErrorCode | undefined {
  return error instanceof ZooKeeperError ? error.code : undefined;
}

/** The zxid of the answer that an error came from. */
export function errorZxid(error: unknown): bigint | undefined {
  return error instanceof ZooKeeperError ? error.zxid : undefined;
}
