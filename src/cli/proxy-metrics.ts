import type { HistogramSample, Metric, Sample } from "../admin/index.ts";
import {
  LATENCY_BUCKETS_MS,
  type ProxyStats,
  type TargetStats,
  type WorkerTotals,
} from "../proxy/index.ts";
import type { RegistryStatus } from "../registry/index.ts";

/** A data plane's numbers, for `/metrics`. */
export function proxyMetrics(stats: ProxyStats): readonly Metric[] {
  const { totals, targets } = stats;
  return [
    ...requestMetrics(totals),
    ...connectionMetrics(totals),
    ...targetMetrics(targets),
    ...cacheMetrics(stats),
  ];
}

/** What the registry knows, and whether it is current. */
export function registryMetrics(status: RegistryStatus): readonly Metric[] {
  return [
    gauge("registry_live", "1 while the ZooKeeper session lives.", [
      { value: status.live ? 1 : 0 },
    ]),
    gauge(
      "registry_confirmed_timestamp_seconds",
      "When the routing table was last known to be current.",
      [{ value: status.confirmedAtMs / 1000 }],
    ),
    gauge(
      "registry_suspects",
      "Targets whose node vanished but which answer.",
      [{ value: status.suspects }],
    ),
    gauge("registry_problems", "Bad values in znodes.", [
      { value: status.problems.length },
    ]),
    gauge("registry_unknown_keys", "Keys in znodes that are not understood.", [
      { value: status.unknownKeys },
    ]),
  ];
}

/** What the access log could not write. */
export function accessLogMetrics(log: {
  readonly lost: number;
}): readonly Metric[] {
  return [
    one(
      "access_log_lost_total",
      "Lines of the access log that were never written.",
      log.lost,
    ),
  ];
}

function requestMetrics(totals: WorkerTotals): readonly Metric[] {
  const statuses = totals.statuses.flatMap((value, status) =>
    value === 0
      ? []
      : [{ labels: { status: status === 0 ? "none" : String(status) }, value }],
  );
  return [
    counter(
      "requests_total",
      'Requests answered, by status; "none": the client left first.',
      statuses,
    ),
    {
      kind: "histogram",
      name: "zoogate_request_duration_seconds",
      help: "From a request's head to the end of its answer.",
      samples: [latency(totals)],
    },
    one(
      "bytes_to_clients_total",
      "Bytes sent to clients.",
      totals.bytesToClients,
    ),
    one(
      "bytes_from_clients_total",
      "Bytes received from clients.",
      totals.bytesFromClients,
    ),
    one("retries_total", "Requests sent to a further target.", totals.retries),
    one("upgrades_total", "Connections upgraded.", totals.upgrades),
    counter(
      "client_faults_total",
      "Malformed requests, by fault.",
      Object.entries(totals.clientFaults).map(([fault, value]) => ({
        labels: { fault },
        value,
      })),
    ),
    counter(
      "refusals_total",
      "Connections and requests that a limit kept from being served, by limit.",
      Object.entries(totals.refusals).map(([reason, value]) => ({
        labels: { reason },
        value,
      })),
    ),
    gauge("requests_waiting", "Requests that wait for a target to appear.", [
      { value: totals.waiting },
    ]),
  ];
}

function connectionMetrics(totals: WorkerTotals): readonly Metric[] {
  return [
    one(
      "connections_accepted_total",
      "Client connections accepted.",
      totals.connectionsAccepted,
    ),
    gauge("connections_active", "Open client connections.", [
      { value: totals.connectionsActive },
    ]),
    one(
      "upstream_connections_opened_total",
      "Connections opened to targets.",
      totals.upstreamOpened,
    ),
    one(
      "upstream_connections_reused_total",
      "Requests sent on a kept connection.",
      totals.upstreamReused,
    ),
  ];
}

function targetMetrics(targets: readonly TargetStats[]): readonly Metric[] {
  const samples = (value: (target: TargetStats) => number): Sample[] =>
    targets.map((target) => ({
      labels: { service: target.service, target: target.name },
      value: value(target),
    }));
  return [
    counter(
      "target_requests_total",
      "Requests answered by a target through this proxy.",
      samples((target) => target.answered),
    ),
    counter(
      "target_failures_total",
      "Attempts that failed at a target.",
      samples((target) => target.failures),
    ),
    gauge(
      "target_requests_in_flight",
      "Requests in flight at a target, tunnels included.",
      samples((target) => target.inFlight),
    ),
    gauge(
      "target_tunnels",
      "Open tunnels (WebSocket) to a target.",
      samples((target) => target.tunnels),
    ),
    gauge(
      "target_in_rotation",
      "1 while a target gets requests.",
      samples((target) =>
        target.ejected === "none" && target.state !== "draining" ? 1 : 0,
      ),
    ),
  ];
}

function cacheMetrics({ workers, cache: size }: ProxyStats): readonly Metric[] {
  const caches = workers.map(({ cache }) => cache);
  const sum = (value: (cache: (typeof caches)[number]) => number) =>
    caches.reduce((total, cache) => total + value(cache), 0);
  const byReason = (
    reasons: (
      cache: (typeof caches)[number],
    ) => Readonly<Record<string, number>>,
  ): Sample[] => {
    const total = new Map<string, number>();
    for (const cache of caches)
      for (const [reason, value] of Object.entries(reasons(cache)))
        total.set(reason, (total.get(reason) ?? 0) + value);
    return [...total].map(([reason, value]) => ({ labels: { reason }, value }));
  };
  return [
    counter(
      "cache_hits_total",
      "Requests answered from the cache.",
      byReason((cache) => cache.hits),
    ),
    counter(
      "cache_forwarded_total",
      "Requests that the cache passed on, and why.",
      byReason((cache) => cache.forwarded),
    ),
    counter(
      "cache_not_stored_total",
      "Answers not stored, and why.",
      byReason((cache) => cache.notStored),
    ),
    one(
      "cache_stored_total",
      "Answers stored.",
      sum((cache) => cache.stored),
    ),
    one("cache_evicted_total", "Answers evicted.", size.evicted),
    gauge("cache_bytes", "Bytes of stored answers.", [{ value: size.bytes }]),
    gauge(
      "cache_pinned_bytes",
      "Bytes of stored answers that writes to clients need.",
      [{ value: size.pinnedBytes }],
    ),
    gauge("cache_max_bytes", "Bytes that stored answers may take.", [
      { value: size.maxBytes },
    ]),
    gauge("cache_entries", "Stored answers.", [{ value: size.entries }]),
  ];
}

function latency(totals: WorkerTotals): HistogramSample {
  let count = 0;
  const buckets = LATENCY_BUCKETS_MS.map((boundMs, index) => {
    count += totals.latency[index] ?? 0;
    return { le: boundMs / 1000, count };
  });
  return {
    buckets,
    count: count + (totals.latency[LATENCY_BUCKETS_MS.length] ?? 0),
    sum: totals.latencySumMs / 1000,
  };
}

function one(name: string, help: string, value: number): Metric {
  return counter(name, help, [{ value }]);
}

function counter(
  name: string,
  help: string,
  samples: readonly Sample[],
): Metric {
  return { kind: "counter", name: `zoogate_${name}`, help, samples };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { kind: "gauge", name: `zoogate_${name}`, help, samples };
}
