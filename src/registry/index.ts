/** Services and targets as znodes, and the snapshots made from them. */
export {
  DEFAULT_CHROOT,
  registryConnectString,
  registryIdentity,
} from "./connect-string.ts";
export type { Count, CountKey } from "./count-book.ts";
export { CountLedger, type CountLedgerOptions } from "./count-ledger.ts";
export type {
  ActiveCheckDefinition,
  AuthDefinition,
  BalancingPolicy,
  CacheDefinition,
  CacheHeuristic,
  CompressDefinition,
  ContentCoding,
  HashSource,
  ProxyProtocolDefinition,
  FieldsDefinition,
  HeadersDefinition,
  HealthDefinition,
  PathsDefinition,
  RedirectDefinition,
  RetryDefinition,
  RolloutDefinition,
  ServiceDefinition,
} from "./definition.ts";
export { defaultDefinition, readHost } from "./definition-schema.ts";
export { readIdentity } from "./identity.ts";
export { decodeName, encodeName } from "./names.ts";
export type { Problem, ProblemCode } from "./problems.ts";
export {
  ProxyPresence,
  type ProxyPresenceOptions,
  type ReleaseNumbers,
} from "./proxy-presence.ts";
export type { DrainAcknowledgement, ProxyRecord } from "./proxy-record.ts";
export {
  type ProxyReport,
  readRegistry,
  type RegistryReport,
  type ServiceReport,
  type TargetReport,
} from "./read-registry.ts";
export { Registration } from "./registration.ts";
export type {
  RegistrationOptions,
  RegistrationState,
  ReplaceOptions,
} from "./registration-state.ts";
export {
  Registry,
  type RegistryOptions,
  type RegistryStatus,
} from "./registry.ts";
export { RegistryError, type RegistryFault } from "./registry-error.ts";
export {
  SnapshotFile,
  type SnapshotFileOptions,
  type SnapshotLoad,
  type SnapshotRefusal,
} from "./snapshot-file.ts";
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
export {
  readStaticServices,
  type StaticProblem,
  type StaticReading,
  type StaticService,
  type StaticTarget,
} from "./static-definition.ts";
export { StaticServices } from "./static-services.ts";
export {
  defaultSuspectLimits,
  type SuspectLimits,
  type TargetOutcome,
} from "./suspects.ts";
export {
  type Trimmed,
  type TrimOptions,
  trimRegistry,
} from "./trim-registry.ts";
export type { DrainResult } from "./wait-for-drain.ts";
