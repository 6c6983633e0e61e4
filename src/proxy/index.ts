/** The data plane: listens, routes, balances, passes requests on and answers from the cache. */
export {
  type CertificateFilePair,
  type TicketKeys,
} from "./certificate-files.ts";
export { type AccessLines, type AccessLogFormat } from "./access-line.ts";
export { type AccessBatch, type AccessRecord } from "./access-ring.ts";
export {
  type DataPlane,
  type DataPlaneOptions,
  type DataPlaneSignal,
} from "./data-plane.ts";
export { closeDescriptor } from "./close-descriptor.ts";
export { descriptorOf } from "./listening-sockets.ts";
export { PROXY_OPTIONS, type ProxyLimits } from "./options.ts";
export { startDataPlane } from "./plane.ts";
export { type Refusal } from "./refusals.ts";
export { hashPassword } from "./password-hash.ts";
export {
  type SiteFilePlaces,
  SiteFiles,
  type SiteMaterial,
} from "./site-files.ts";
export { type ProxyStats, type TargetStats } from "./proxy-stats.ts";
export { type RouteConflict } from "./routing-table.ts";
export { type EjectionCause } from "./shared-counters.ts";
export {
  type CacheSettings,
  type ListenAddress,
  type LiveSettings,
} from "./worker-messages.ts";
export {
  LATENCY_BUCKETS_MS,
  type WorkerReport,
  type WorkerTotals,
} from "./worker-stats.ts";
