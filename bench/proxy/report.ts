import { basename } from "node:path";
import { median } from "../statistics.ts";
import {
  type Comparison,
  comparisons,
  judge,
  ratio,
  type Spread,
  spreadOf,
} from "./comparison.ts";
import type { Sample } from "./sample.ts";
import { type Bar, scenarioRule } from "./scenarios.ts";

/** What was measured, with what, on what. */
export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly method: readonly string[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
  readonly samples: readonly Sample[];
}

/** The results as a page of Markdown, with the plot where there is one. */
export function markdown(results: Results, plotFile?: string): string {
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
    ...results.notes.map((line) => `- Left out: ${line}`),
    "",
    ...(plotFile === undefined
      ? []
      : [`![Cost of each contender](${basename(plotFile)})`, ""]),
    ...comparisons(results.samples).flatMap(section),
  ].join("\n");
}

function section(comparison: Comparison): readonly string[] {
  const { scenario, samples, names } = comparison;
  const rule = scenarioRule(scenario);
  const columns = COLUMNS[rule.measure](rule.content.bytes);
  const heads = ["", ...columns.map(([head]) => head), "Zoogate ÷ this"];
  const rows = names.map((name) => {
    const own = samples.filter((sample) => sample.contender === name);
    const against = ratio(comparison, [name]);
    return [
      name,
      ...columns.map(([, cell]) => cell(own)),
      name === "Zoogate" || against === undefined ? "" : spread(against),
    ];
  });
  return [
    `## ${rule.title}`,
    "",
    line(heads),
    `|${heads.map((_, i) => (i === 0 ? "---|" : "---:|")).join("")}`,
    ...rows.map(line),
    "",
    ...rule.bars.flatMap((bar) => barLine(comparison, bar)),
  ];
}

function barLine(comparison: Comparison, bar: Bar): readonly string[] {
  const verdict = judge(comparison, bar);
  if (verdict === undefined) return [];
  const present = bar.of.filter((name) => comparison.names.includes(name));
  const of =
    present.length === 1 ? present[0] : `the best of ${present.join(", ")}`;
  return [
    `Bar: at most ${twoPlaces(bar.max)} of ${of}. Seen: ${spread(verdict.ratio)}, ${verdict.isKept ? "kept" : "**missed**"}.`,
    "",
  ];
}

type Column = readonly [head: string, cell: (own: readonly Sample[]) => string];

/** Head and cell of each column, by what was measured. */
const COLUMNS: Readonly<
  Record<Sample["kind"], (contentBytes: number) => readonly Column[]>
> = {
  cpu: (contentBytes) => [
    [
      "requests/s",
      (own) => whole(own.map((sample) => onlyOf(sample, "cpu").perSecond)),
    ],
    contentBytes < 100_000
      ? ["CPU µs/request", (own) => cpuTimes(own, 1)]
      : ["CPU ms/request", (own) => cpuTimes(own, 1000)],
    ["resident", resident],
  ],
  latency: () => [
    [
      "asked/s",
      (own) => whole(own.map((one) => onlyOf(one, "latency").askedPerSecond)),
    ],
    [
      "answered/s",
      (own) => whole(own.map((one) => onlyOf(one, "latency").perSecond)),
    ],
    ["p50 ms", (own) => times(own, "p50")],
    ["p99 ms", (own) => times(own, "p99")],
    ["p99.9 ms", (own) => times(own, "p999")],
    [
      "waited %",
      (own) =>
        spread(
          spreadOf(own.map((one) => onlyOf(one, "latency").waitShare * 100)),
        ),
    ],
  ],
  idle: () => [
    [
      "KB/connection",
      (own) =>
        spread(
          spreadOf(
            own.map((one) => onlyOf(one, "idle").bytesPerConnection / 1000),
          ),
        ),
    ],
    ["resident with all", resident],
  ],
};

function cpuTimes(own: readonly Sample[], divisor: number): string {
  return spread(
    spreadOf(
      own.map((one) => onlyOf(one, "cpu").cpuMicrosPerRequest / divisor),
    ),
  );
}

function times(own: readonly Sample[], key: "p50" | "p99" | "p999"): string {
  return spread(
    spreadOf(own.map((one) => onlyOf(one, "latency").micros[key] / 1000)),
  );
}

function resident(own: readonly Sample[]): string {
  return `${(median(own.map((one) => one.residentBytes)) / 1e6).toFixed(0)} MB`;
}

function whole(values: readonly number[]): string {
  return String(Math.round(median(values)));
}

/** Every sample of a scenario has the kind that its rule says. */
function onlyOf<K extends Sample["kind"]>(
  sample: Sample,
  kind: K,
): Extract<Sample, { kind: K }> {
  if (sample.kind === kind) return sample as Extract<Sample, { kind: K }>; // TypeScript does not narrow by a generic
  throw new TypeError(`Cannot print a ${sample.kind} sample as ${kind}`);
}

function spread({ median: middle, least, most }: Spread): string {
  return `${twoPlaces(middle)} (${twoPlaces(least)}–${twoPlaces(most)})`;
}

function twoPlaces(value: number): string {
  return value.toFixed(2);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
