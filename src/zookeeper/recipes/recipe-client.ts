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

/** What recipes that also write ask of a client. */
export type WritingClient = ReadingClient &
  Pick<
    ZooKeeper,
    | "create"
    | "delete"
    | "setData"
    | "multi"
    | "ensurePath"
    | "sessionId"
    | "sessionProven"
  >;

/**
 * Errors after which the same may be tried again: nothing was done, or its
 * outcome is unknown and whoever tries again looks first.
 */
const PASSING: ReadonlySet<ZooKeeperErrorCode> = new Set<ZooKeeperErrorCode>([
  "connection-loss",
  "session-expired",
  "session-moved",
  "operation-timeout",
  "request-timeout",
  "deadline",
  "not-connected",
  "queue-full",
  "throttled-op",
]);

/**
 * Whether the client has ended for good: it was closed, or its session has
 * expired and it renews none (one that does is `connecting` at once).
 */
export function isOver(client: Pick<ReadingClient, "state">): boolean {
  return client.state.kind === "closed" || client.state.kind === "expired";
}

/** Whether `error` says nothing about the request, only about the moment. */
export function isPassing(error: unknown): boolean {
  const code = errorCode(error);
  return code !== undefined && PASSING.has(code);
}
