import type { Percentiles } from "../statistics.ts";
import type { Scenario } from "./scenarios.ts";

interface Common {
  readonly contender: string;
  readonly scenario: Scenario;
  readonly round: number;
  readonly residentBytes: number;
}

/** Full load: CPU time of the whole process tree for each request. */
export interface CpuSample extends Common {
  readonly kind: "cpu";
  readonly perSecond: number;
  readonly cpuMicrosPerRequest: number;
}

/** A fixed rate: how long answers took, in microseconds. */
export interface LatencySample extends Common {
  readonly kind: "latency";
  readonly askedPerSecond: number;
  readonly perSecond: number;
  readonly cpuMicrosPerRequest: number;
  readonly micros: Percentiles;
  /** Of the time, how much it stood ready while its core was another's. */
  readonly waitShare: number;
}

/** Many silent connections: what the process grew by, for each. */
export interface IdleSample extends Common {
  readonly kind: "idle";
  readonly connections: number;
  readonly bytesPerConnection: number;
}

/** One contender in one scenario in one round. */
export type Sample = CpuSample | LatencySample | IdleSample;

/** The one number by which contenders are compared; less is better. */
export function costOf(sample: Sample): number {
  switch (sample.kind) {
    case "cpu":
      return sample.cpuMicrosPerRequest;
    case "latency":
      return sample.micros.p99;
    case "idle":
      return sample.bytesPerConnection;
    default:
      return sample satisfies never;
  }
}
