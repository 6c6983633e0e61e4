/** The ZooKeeper client: sessions, operations, watches and recipes. */
export { type CreateMode, Permission } from "../jute/index.ts";
export {
  type SessionId,
  sessionIdText,
  type Zxid,
  zxidText,
} from "../jute/index.ts";
export { connect } from "./connect.ts";
export {
  type ConnectString,
  parseConnectString,
  type ServerAddress,
} from "./connect-string.ts";
export type { TlsOptions } from "./connection.ts";
export type { AuthEntry } from "./credentials.ts";
export {
  type CheckOp,
  type CreateOp,
  type CreateOptions,
  type DeleteOp,
  type GetChildrenOp,
  type GetDataOp,
  type MultiOp,
  type MultiReadOp,
  type MultiReadResult,
  type MultiReadResults,
  type MultiResult,
  type MultiResults,
  type NodeData,
  op,
  type SetDataOp,
} from "./multi.ts";
export {
  type AclAnswer,
  type AclEntry,
  type Answered,
  type ChildrenAnswer,
  type CreateAnswer,
  CREATOR_ALL_ACL,
  type DataAnswer,
  type Identity,
  OPEN_ACL,
  READ_ACL,
  type Stat,
} from "./operations.ts";
export { CLIENT_OPTIONS, type ClientOptions } from "./options.ts";
export type { RequestOptions } from "./request.ts";
export type { SaslCredentials } from "./sasl.ts";
export type { SessionState } from "./session-state.ts";
export type { ReSyncReason, StreamKind, WatchEvent } from "./watch-event.ts";
export { checkPath, childPath, parentPath } from "./znode-path.ts";
export { type ReadOptions, ZooKeeper } from "./zookeeper.ts";
export type { ZooKeeperOptions } from "./session-options.ts";
export {
  type FailedMultiResult,
  ZooKeeperError,
  type ZooKeeperErrorCode,
} from "./zookeeper-error.ts";
export { Mirror, type MirrorOptions } from "./recipes/mirror.ts";
export type {
  MirrorChange,
  MirrorDeleted,
  MirrorNode,
  MirrorSet,
  MirrorSynced,
} from "./recipes/mirror-node.ts";
export {
  AtomicCounter,
  type AtomicCounterOptions,
} from "./recipes/atomic-counter.ts";
export {
  type ElectionOptions,
  type ElectionState,
  LeaderElection,
} from "./recipes/leader-election.ts";
export {
  type Hold,
  Lock,
  type LockOptions,
  ReadWriteLock,
  Semaphore,
} from "./recipes/lock.ts";
export {
  PersistentNode,
  type PersistentNodeOptions,
  type PersistentNodeState,
} from "./recipes/persistent-node.ts";
