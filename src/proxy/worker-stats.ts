import type { CacheTotals } from "../cache/index.ts";
import { noRefusals, type Refusal, type RefusalCounts } from "./refusals.ts";

/** Upper bounds of the latency buckets in milliseconds; one more has no bound. */
export const LATENCY_BUCKETS_MS: readonly number[] = [
  1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000,
];

/** One worker's running totals; a plain object, cloned when it is asked for. */
export interface WorkerTotals {
  requests: number;
  /** By status of the answer; index 0 counts clients that left before one. */
  statuses: number[];
  bytesToClients: number;
  bytesFromClients: number;
  connectionsAccepted: number;
  /** Clients that were not served, and why. */
  refusals: RefusalCounts;
  connectionsActive: number;
  /** Malformed heads and bodies, by fault. */
  clientFaults: Record<string, number>;
  retries: number;
  upgrades: number;
  waiting: number;
  upstreamOpened: number;
  upstreamReused: number;
  /** One count for each bucket, and one for what is longer than all. */
  latency: number[];
  latencySumMs: number;
}

/** Totals of all workers, or of one. */
export interface WorkerReport extends WorkerTotals {
  readonly cache: CacheTotals;
  /** CPU time of the worker's thread, in microseconds. */
  readonly cpuMicros: number;
}

export function newTotals(): WorkerTotals {
  return {
    requests: 0,
    statuses: Array.from({ length: 600 }, () => 0),
    bytesToClients: 0,
    bytesFromClients: 0,
    connectionsAccepted: 0,
    refusals: noRefusals(),
    connectionsActive: 0,
    clientFaults: {},
    retries: 0,
    upgrades: 0,
    waiting: 0,
    upstreamOpened: 0,
    upstreamReused: 0,
    latency: Array.from({ length: LATENCY_BUCKETS_MS.length + 1 }, () => 0),
    latencySumMs: 0,
  };
}

export function countLatency(totals: WorkerTotals, ms: number): void {
  let bucket = 0;
  while (ms > (LATENCY_BUCKETS_MS[bucket] ?? Infinity)) bucket += 1;
  totals.latency[bucket] = (totals.latency[bucket] ?? 0) + 1;
  totals.latencySumMs += ms;
}

export function countStatus(totals: WorkerTotals, status: number): void {
  totals.requests += 1;
  totals.statuses[status] = (totals.statuses[status] ?? 0) + 1;
}

/** Adds another worker's totals into `into`. */
export function addTotals(into: WorkerTotals, more: WorkerTotals): void {
  for (const [status, count] of more.statuses.entries())
    into.statuses[status] = (into.statuses[status] ?? 0) + count;
  for (const [bucket, count] of more.latency.entries())
    into.latency[bucket] = (into.latency[bucket] ?? 0) + count;
  for (const [fault, count] of Object.entries(more.clientFaults))
    into.clientFaults[fault] = (into.clientFaults[fault] ?? 0) + count;
  for (const [refusal, count] of Object.entries(more.refusals))
    into.refusals[refusal as Refusal] += count; // its keys are no others
  into.requests += more.requests;
  into.bytesToClients += more.bytesToClients;
  into.bytesFromClients += more.bytesFromClients;
  into.connectionsAccepted += more.connectionsAccepted;
  into.connectionsActive += more.connectionsActive;
  into.retries += more.retries;
  into.upgrades += more.upgrades;
  into.waiting += more.waiting;
  into.upstreamOpened += more.upstreamOpened;
  into.upstreamReused += more.upstreamReused;
  into.latencySumMs += more.latencySumMs;
}
