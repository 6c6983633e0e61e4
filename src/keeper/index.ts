/** A ZooKeeper server for one machine: for tests, and in place of an ensemble. */
export type { KeeperUser } from "./authenticator.ts";
export {
  type Keeper,
  type KeeperEnd,
  type KeeperOptions,
  startKeeper,
} from "./keeper.ts";
export { KeeperError, type KeeperFault } from "./keeper-error.ts";
export type { KeeperStats } from "./stats.ts";
