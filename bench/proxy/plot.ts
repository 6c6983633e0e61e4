import { type Comparison, comparisons, spreadOf } from "./comparison.ts";
import { costOf, type Sample } from "./sample.ts";
import { scenarioRule } from "./scenarios.ts";

const WIDTH = 720;
const LABEL_WIDTH = 150;
const FIGURE_WIDTH = 150;
const BAR_WIDTH = WIDTH - LABEL_WIDTH - FIGURE_WIDTH;
const ROW = 22;
const TITLE = 40;
const MARGIN = 12;

/** Colours follow the reader's theme; text takes the colour of its panel. */
const STYLE = `
  svg { --ink: #1f2328; --faint: #656d76; --own: #0969da; --other: #afb8c1; --range: #57606a; background: #fff; }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --faint: #8d96a0; --own: #4493f8; --other: #484f58; --range: #9198a1; background: #0d1117; }
  }
  text { font: 12px system-ui, sans-serif; fill: var(--ink); }
  .title { font-weight: 600; font-size: 13px; }
  .faint { fill: var(--faint); }
  .own { fill: var(--own); }
  .other { fill: var(--other); }
  .range { stroke: var(--range); stroke-width: 1.5; }
`;

/**
 * Bars of what each contender costs, a panel for each scenario, shorter is
 * better; the thin line goes from the least to the most of the rounds.
 */
export function plot(samples: readonly Sample[]): string {
  let top = MARGIN;
  const panels = comparisons(samples).map((comparison) => {
    const at = top;
    top += TITLE + comparison.names.length * ROW + MARGIN;
    return `<g transform="translate(0 ${at})">${panel(comparison)}</g>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img" aria-label="Cost of each contender, shorter is better">
<style>${STYLE}</style>
${panels.join("\n")}
</svg>
`;
}

function panel(comparison: Comparison): string {
  const { scenario, samples, names } = comparison;
  const rule = scenarioRule(scenario);
  const { name: unit, divisor } = unitOf(rule.measure, rule.content.bytes);
  const rows = names.map((name) => {
    const own = samples.filter((sample) => sample.contender === name);
    return { name, ...spreadOf(own.map((one) => costOf(one) / divisor)) };
  });
  const longest = Math.max(...rows.map(({ most }) => most), Number.MIN_VALUE);
  const x = (value: number) =>
    round(LABEL_WIDTH + (Math.max(0, value) / longest) * BAR_WIDTH);
  return [
    `<text class="title" x="${MARGIN}" y="18">${escape(rule.title)} <tspan class="faint">${escape(unit)}</tspan></text>`,
    ...rows.map(({ name, median, least, most }, index) => {
      const y = TITLE - 10 + index * ROW;
      const middle = y + ROW / 2 - 2;
      return [
        `<text x="${LABEL_WIDTH - 8}" y="${middle + 4}" text-anchor="end">${escape(name)}</text>`,
        `<rect class="${name === "Zoogate" ? "own" : "other"}" x="${LABEL_WIDTH}" y="${y}" width="${round(x(median) - LABEL_WIDTH)}" height="${ROW - 5}" rx="2"/>`,
        `<path class="range" d="M${x(least)} ${middle}H${x(most)}"/>`,
        `<text class="faint" x="${x(most) + 8}" y="${middle + 4}">${median.toFixed(2)}</text>`,
      ].join("");
    }),
  ].join("\n");
}

function unitOf(
  measure: Sample["kind"],
  contentBytes: number,
): { readonly name: string; readonly divisor: number } {
  switch (measure) {
    case "cpu":
      return contentBytes < 100_000
        ? { name: "CPU µs for each request", divisor: 1 }
        : { name: "CPU ms for each request", divisor: 1000 };
    case "latency":
      return { name: "99th percentile, ms", divisor: 1000 };
    case "idle":
      return { name: "KB of memory for each", divisor: 1000 };
    default:
      return measure satisfies never;
  }
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll('"', "&quot;");
}
