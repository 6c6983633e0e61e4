import type { Fill, HttpCache } from "../cache/index.ts";
import type { AccessRing } from "./access-ring.ts";
import type { ClientGuard } from "./client-guard.ts";
import type { Credentials } from "./credentials.ts";
import type { ErrorPages } from "./error-pages.ts";
import type { ProxyLimits } from "./options.ts";
import type { OutputSlab } from "./output-slab.ts";
import type { RoutingTable } from "./routing-table.ts";
import type { Service } from "./service.ts";
import type { Serving } from "./serving.ts";
import type { SharedCounters } from "./shared-counters.ts";
import type { Target } from "./target.ts";
import type { TargetFailure } from "./target-health.ts";
import type { InputBuffers } from "./wire.ts";
import type { WorkerTotals } from "./worker-stats.ts";

/** What the connections of one data thread share. */
export interface Thread {
  readonly limits: ProxyLimits;
  readonly input: InputBuffers;
  readonly slab: OutputSlab;
  readonly routes: RoutingTable<Service>;
  readonly counters: SharedCounters;
  readonly cache: HttpCache;
  readonly totals: WorkerTotals;
  readonly access: AccessRing;
  readonly guard: ClientGuard;
  /** Our name in Via, Cache-Status and Proxy-Status. */
  readonly name: string;
  readonly credentials: Credentials;
  /** For answers with an error. */
  readonly pages: ErrorPages;
  /** The line that answers over TLS carry; may be empty. */
  readonly hsts: string;
  /** Monotonic, moved on by the sweep: exact to a quarter of a second. */
  coarseMs: number;
  /** Answers that are being compressed. */
  compressing: number;
  /** No new request is taken after the present one. */
  draining: boolean;
  trusts(address: string): boolean;
  /** Runs what no client waits for; swept like all others. */
  startBackground(serving: Serving): void;
  /** The same for one that has started: its client has left. */
  keepInBackground(serving: Serving): void;
  /**
   * A fill is slow: whether one more of its waiters may ask for itself. Says yes
   * once in `intervalMs` for each fill.
   */
  mayAskBeside(fill: Fill, intervalMs: number): boolean;
  /** A target failed: counts towards its ejection, and tells the main thread. */
  targetFailed(service: Service, target: Target, failure: TargetFailure): void;
  /** A target answered: the main thread wants to know it of suspects. */
  targetAnswered(target: Target): void;
}
