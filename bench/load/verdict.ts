import type { Percentiles } from "../statistics.ts";

/** What a load test saw. */
export interface LoadOutcome {
  readonly requests: number;
  /** Anything but a 2xx answer. */
  readonly errors: number;
  readonly perSecond: number;
  /** Times of the answers in milliseconds. */
  readonly ms: Percentiles;
}

/** What it must keep to; undefined asks for nothing. */
export interface Thresholds {
  readonly ratePerSecond: number;
  readonly p99Ms: number | undefined;
  readonly maxErrors: number;
}

/** One threshold and what was seen. */
export interface Check {
  readonly what: string;
  readonly seen: string;
  readonly limit: string;
  readonly isKept: boolean;
}

/** A load that was not made proves nothing: this share of the rate must be reached. */
const LEAST_SHARE = 0.95;

/** Every threshold, kept or not. */
export function verdict(
  outcome: LoadOutcome,
  thresholds: Thresholds,
): readonly Check[] {
  const { requests, errors, perSecond, ms } = outcome;
  const { ratePerSecond, p99Ms, maxErrors } = thresholds;
  const leastRate = ratePerSecond * LEAST_SHARE;
  return [
    {
      what: "rate",
      seen: `${perSecond.toFixed(0)}/s`,
      limit: `at least ${leastRate.toFixed(0)}/s (95 % of ${ratePerSecond})`,
      isKept: perSecond >= leastRate,
    },
    {
      what: "errors",
      seen: `${errors} of ${requests}`,
      limit: `at most ${maxErrors}`,
      isKept: requests > 0 && errors <= maxErrors,
    },
    ...(p99Ms === undefined
      ? []
      : [
          {
            what: "p99",
            seen: `${ms.p99.toFixed(2)} ms`,
            limit: `at most ${p99Ms} ms`,
            isKept: ms.p99 <= p99Ms, // NaN, when nothing was answered, is not
          },
        ]),
  ];
}
