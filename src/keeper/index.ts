/** A ZooKeeper server for one machine: for tests, and in place of an ensemble. */
export type { KeeperUser } from "./authenticator.ts";
export type { Keeper, KeeperEnd, KeeperOptions } from "./keeper.ts";
export type { KeeperTls } from "./tls-server.ts";
export { startKeeper } from "./start-keeper.ts";
export { KeeperError, type KeeperFault } from "./keeper-error.ts";
export type { KeeperStats } from "./stats.ts";
export {
  type ExportedNode,
  exportTree,
  type NotMoved,
  type NotMovedReason,
  type TreeSource,
} from "./export-tree.ts";
export {
  type ImportReport,
  importTree,
  type TreeTarget,
} from "./import-tree.ts";
