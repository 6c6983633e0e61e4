/** What operators and their tools read: health, metrics, the snapshot. */
export { AdminError, type AdminFault } from "./admin-error.ts";
export {
  type AdminOptions,
  AdminServer,
  type AdminSources,
  type Readiness,
} from "./admin-server.ts";
export type { HistogramSample, Metric, Sample } from "./metric.ts";
