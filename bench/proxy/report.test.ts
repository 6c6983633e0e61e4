import assert from "node:assert/strict";
import { test } from "node:test";
import { comparisons, judge, ratio } from "./comparison.ts";
import { plot } from "./plot.ts";
import { markdown } from "./report.ts";
import type { CpuSample, Sample } from "./sample.ts";

function cpu(contender: string, round: number, micros: number): CpuSample {
  return {
    kind: "cpu",
    contender,
    scenario: "cached",
    round,
    perSecond: 1000,
    cpuMicrosPerRequest: micros,
    residentBytes: 20e6,
  };
}

/** The machine is twice as slow in the second round. */
const samples: readonly Sample[] = [
  cpu("Zoogate", 0, 8),
  cpu("nginx", 0, 10),
  cpu("HAProxy", 0, 16),
  cpu("Zoogate", 1, 16),
  cpu("nginx", 1, 20),
  cpu("HAProxy", 1, 32),
];

function only<T>(values: readonly T[]): T {
  const [value] = values;
  assert.equal(values.length, 1);
  if (value === undefined) throw new TypeError("Cannot take the only one");
  return value;
}

test("ratio() compares within a round only", () => {
  const comparison = only(comparisons(samples));
  assert.deepEqual(ratio(comparison, ["nginx"]), {
    median: 0.8,
    least: 0.8,
    most: 0.8,
  });
});

test("ratio() leaves rounds out in which one of the two is missing", () => {
  const comparison = only(comparisons([...samples, cpu("Zoogate", 2, 1000)]));
  assert.equal(ratio(comparison, ["HAProxy"])?.most, 0.5);
  assert.equal(ratio(comparison, ["Caddy"]), undefined);
});

test("judge() takes the best of those a bar names", () => {
  const comparison = only(comparisons(samples));
  const of = ["nginx", "HAProxy", "absent"];
  assert.equal(judge(comparison, { of, max: 0.8 })?.isKept, true);
  assert.equal(judge(comparison, { of, max: 0.79 })?.isKept, false);
  assert.equal(judge(comparison, { of: ["absent"], max: 1 }), undefined);
});

test("markdown() prints medians with their range, ratios and bars", () => {
  const page = markdown(
    {
      date: "today",
      machine: "a machine",
      versions: { node: "v26" },
      method: ["so"],
      notes: ["Caddy: not there"],
      samples,
    },
    "/tmp/results.svg",
  );
  assert.match(page, /!\[.*\]\(results\.svg\)/);
  assert.match(page, /- Left out: Caddy: not there/);
  assert.match(
    page,
    /\| Zoogate \| 1000 \| 12\.00 \(8\.00–16\.00\) \| 20 MB \|/,
  );
  assert.match(page, /\| nginx .* \| 0\.80 \(0\.80–0\.80\) \|/);
  assert.match(
    page,
    /Bar: at most 0\.90 of the best of nginx, HAProxy\..*kept/,
  );
});

test("markdown() prints percentiles and memory of connections in their own columns", () => {
  const page = markdown({
    date: "",
    machine: "",
    versions: {},
    method: [],
    notes: [],
    samples: [
      {
        ...cpu("nginx", 0, 1),
        kind: "latency",
        scenario: "cached-latency",
        askedPerSecond: 500,
        micros: { p50: 100, p99: 2500, p999: 9000 },
        waitShare: 0.02,
      },
      {
        kind: "idle",
        contender: "nginx",
        scenario: "idle",
        round: 0,
        residentBytes: 30e6,
        connections: 10_000,
        bytesPerConnection: 700,
      },
    ],
  });
  assert.match(page, /p99 ms/);
  assert.match(page, /2\.50 \(2\.50–2\.50\)/);
  assert.match(page, /0\.70 \(0\.70–0\.70\) \| 30 MB/);
});

test("plot() draws a bar for each contender, the longest within its width", () => {
  const svg = plot(samples);
  assert.equal(svg.match(/<rect /g)?.length, 3);
  assert.equal(svg.match(/class="own"/g)?.length, 1);
  assert.match(svg, /prefers-color-scheme: dark/);
  for (const [, end] of svg.matchAll(
    /<path class="range" d="M[\d.]+ [\d.]+H([\d.]+)"/g,
  ))
    assert.ok(Number(end) <= 720 - 150);
  assert.doesNotMatch(svg, /NaN|Infinity/);
});

test("plot() escapes names", () => {
  assert.match(plot([cpu("<a&b>", 0, 1)]), />&lt;a&amp;b></);
});
