/** The process beside one server: announce it, check it, drain it, leave. */
export { advertisedAddress } from "./advertise.ts";
export {
  announce,
  type Announcement,
  type AnnounceOptions,
} from "./announce.ts";
export {
  type CheckResult,
  type HealthCheck,
  parseHealthCheck,
} from "./health-check.ts";
export { targetName } from "./identity.ts";
export type {
  DrainOutcome,
  OpenRegistrar,
  Registrar,
  ReleaseFacts,
  TargetFacts,
} from "./registrar.ts";
export { registryRegistrar } from "./registry-registrar.ts";
export { runRegister, type RunRegisterOptions } from "./run-register.ts";
export {
  type ReadyTarget,
  type RegistrationOptions,
  runServe,
  type RunServeOptions,
} from "./run-serve.ts";
export {
  serveDirectory,
  type ServeDirectoryOptions,
  type ServedRelease,
  type StaticServer,
} from "./static-server.ts";
export type { CommandLine } from "./supervised-command.ts";
export { TargetError, type TargetErrorCode } from "./target-error.ts";
