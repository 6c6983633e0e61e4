import { SCENARIOS, type Scenario } from "./contender.ts";
import type { Sample } from "./measure.ts";

/** What was measured, with what, on what. */
export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly method: readonly string[];
  readonly samples: readonly Sample[];
}

const TITLES: Readonly<Record<Scenario, string>> = {
  cached: "4 KB from the store",
  uncached: "4 KB passed through",
};

/** The results as a page of Markdown. */
export function markdown(results: Results): string {
  const versions = Object.entries(results.versions).map(
    ([name, version]) => `- ${name}: ${version}`,
  );
  return [
    `# Proxy comparison, ${results.date}`,
    "",
    results.machine,
    "",
    ...versions,
    "",
    ...results.method.map((line) => `- ${line}`),
    "",
    ...SCENARIOS.flatMap((scenario) => table(results.samples, scenario)),
  ].join("\n");
}

function table(
  samples: readonly Sample[],
  scenario: Scenario,
): readonly string[] {
  const mine = samples.filter((sample) => sample.scenario === scenario);
  const names = [...new Set(mine.map((sample) => sample.contender))];
  const others = names.filter((name) => name !== "Zoogate");
  const rows = names.map((name) => {
    const own = mine.filter((sample) => sample.contender === name);
    const cells = [
      name,
      String(Math.round(median(own.map((sample) => sample.perSecond)))),
      spread(own.map((sample) => sample.cpuMicrosPerRequest)),
      `${(median(own.map((sample) => sample.residentBytes)) / 1e6).toFixed(0)} MB`,
      ...others.map((other) => ratios(mine, name, other)),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const heads = [
    "",
    "requests/s",
    "CPU µs/request",
    "resident",
    ...others.map((other) => `CPU ÷ ${other}`),
  ];
  return [
    `## ${TITLES[scenario]}`,
    "",
    `| ${heads.join(" | ")} |`,
    `|${heads.map((_, i) => (i === 0 ? "---|" : "---:|")).join("")}`,
    ...rows,
    "",
  ];
}

/** CPU time against another contender's in the same round: median and range. */
function ratios(
  samples: readonly Sample[],
  name: string,
  other: string,
): string {
  if (name === other) return "1";
  const ofRound = (contender: string, round: number) =>
    samples.find(
      (sample) => sample.contender === contender && sample.round === round,
    )?.cpuMicrosPerRequest;
  const rounds = new Set(samples.map((sample) => sample.round));
  const found = [...rounds].flatMap((round) => {
    const own = ofRound(name, round);
    const theirs = ofRound(other, round);
    return own === undefined || theirs === undefined ? [] : [own / theirs];
  });
  return spread(found);
}

function spread(values: readonly number[]): string {
  if (values.length === 0) return "–";
  return `${twoPlaces(median(values))} (${twoPlaces(Math.min(...values))}–${twoPlaces(Math.max(...values))})`;
}

function twoPlaces(value: number): string {
  return value.toFixed(2);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1
    ? upper
    : ((sorted[middle - 1] ?? upper) + upper) / 2;
}
