import {
  collectDefaultMetrics,
  Registry,
  type Metric as PromMetric,
} from "prom-client";
import type { HistogramSample, Metric } from "./metric.ts";

interface PromValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

const PROCESS = new Registry();
let collectsProcess = false;

/** The media type of {@link metricsText} (Prometheus text format 0.0.4). */
export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

/** Metrics of the process and those given, in Prometheus's text format. */
export async function metricsText(metrics: readonly Metric[]): Promise<string> {
  if (!collectsProcess) {
    collectsProcess = true;
    collectDefaultMetrics({ register: PROCESS });
  }
  const registry = new Registry();
  for (const metric of metrics) registry.registerMetric(asProm(metric));
  return `${await registry.metrics()}\n${await PROCESS.metrics()}`;
}

/** prom-client counts by itself; ours arrive counted, so only its printer serves. */
function asProm(metric: Metric): PromMetric {
  const values: PromValue[] =
    metric.kind === "histogram"
      ? metric.samples.flatMap((sample) => histogram(metric.name, sample))
      : metric.samples.map(({ labels = {}, value }) => ({ labels, value }));
  const printed = {
    name: metric.name,
    help: metric.help,
    get: () =>
      Promise.resolve({
        name: metric.name,
        help: metric.help,
        type: metric.kind,
        values,
        aggregator: "sum",
      }),
  };
  return printed as unknown as PromMetric; // a Registry asks only name and get() of it
}

function histogram(name: string, sample: HistogramSample): PromValue[] {
  const { labels = {} } = sample;
  return [
    ...sample.buckets.map(({ le, count }) => ({
      labels: { ...labels, le },
      value: count,
      metricName: `${name}_bucket`,
    })),
    {
      labels: { ...labels, le: "+Inf" },
      value: sample.count,
      metricName: `${name}_bucket`,
    },
    { labels, value: sample.sum, metricName: `${name}_sum` },
    { labels, value: sample.count, metricName: `${name}_count` },
  ];
}
