import type { CacheSize } from "../cache/index.ts";
import type { EjectionCause } from "./shared-counters.ts";
import type { WorkerReport, WorkerTotals } from "./worker-stats.ts";

/** One target in {@link ProxyStats}. */
export interface TargetStats {
  readonly service: string;
  readonly name: string;
  readonly registration: string;
  readonly release: string | undefined;
  readonly state: string;
  readonly answered: number;
  /** Requests, and tunnels. */
  readonly inFlight: number;
  /** Upgraded connections that are open. */
  readonly tunnels: number;
  readonly failures: number;
  readonly score: number;
  readonly ejected: EjectionCause;
}

export interface ProxyStats {
  readonly workers: readonly WorkerReport[];
  readonly totals: WorkerTotals;
  /** What all workers have stored together. */
  readonly cache: CacheSize;
  readonly targets: readonly TargetStats[];
}
