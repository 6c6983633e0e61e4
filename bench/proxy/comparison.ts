import { median } from "../statistics.ts";
import { costOf, type Sample } from "./sample.ts";
import type { Bar, Scenario } from "./scenarios.ts";

/** The middle of some figures and how far they lie apart. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(values: readonly number[]): Spread {
  return {
    median: median(values),
    least: Math.min(...values),
    most: Math.max(...values),
  };
}

/** The samples of one scenario, and who is in it. */
export interface Comparison {
  readonly scenario: Scenario;
  readonly samples: readonly Sample[];
  readonly names: readonly string[];
}

/** In the order of the samples; scenarios without any are not there. */
export function comparisons(samples: readonly Sample[]): readonly Comparison[] {
  const scenarios = [...new Set(samples.map((sample) => sample.scenario))];
  return scenarios.map((scenario) => {
    const mine = samples.filter((sample) => sample.scenario === scenario);
    const names = [...new Set(mine.map((sample) => sample.contender))];
    return { scenario, samples: mine, names };
  });
}

/** Zoogate's cost by that of the best of some others in the same round. */
export function ratio(
  { samples }: Comparison,
  others: readonly string[],
): Spread | undefined {
  const rounds = [...new Set(samples.map((sample) => sample.round))];
  const found = rounds.flatMap((round) => {
    const mine = samples.filter((sample) => sample.round === round);
    const own = mine.find((sample) => sample.contender === "Zoogate");
    const theirs = mine.filter((sample) => others.includes(sample.contender));
    if (own === undefined || theirs.length === 0) return [];
    return [costOf(own) / Math.min(...theirs.map(costOf))];
  });
  return found.length === 0 ? undefined : spreadOf(found);
}

/** Whether the median keeps a bar; undefined when nobody it names was measured. */
export function judge(
  comparison: Comparison,
  bar: Bar,
): { readonly ratio: Spread; readonly isKept: boolean } | undefined {
  const found = ratio(comparison, bar.of);
  return found && { ratio: found, isKept: found.median <= bar.max };
}
