/** Services and targets as znodes, and the snapshots made from them. */
export type {
  ActiveCheckDefinition,
  BalancingPolicy,
  CacheDefinition,
  CacheHeuristic,
  HashSource,
  HealthDefinition,
  RetryDefinition,
  RolloutDefinition,
  ServiceDefinition,
} from "./definition.ts";
export {
  applyChanges,
  changesOf,
  emptySnapshot,
  type ServiceHead,
  type ServiceView,
  type Snapshot,
  type SnapshotChange,
  type TargetGoneReason,
  type TargetState,
  type TargetView,
} from "./snapshot.ts";
