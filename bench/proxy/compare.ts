import { existsSync, rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "./certificate.ts";
import type { Stage } from "./contender.ts";
import { DEFAULT_CONTENDERS, FIELD, toolsNeeded } from "./field.ts";
import { startOrigin } from "./origin.ts";
import { plot } from "./plot.ts";
import { markdown, type Results } from "./report.ts";
import { runRounds, type RoundsOutcome } from "./rounds.ts";
import { type Scenario, scenarioRule } from "./scenarios.ts";
import { provideTools, type ToolName } from "./tools.ts";

/** What the command line says. */
export interface CompareOptions {
  /** Names of contenders; the usual three when empty. */
  readonly only: readonly string[];
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly jsonFile: string | undefined;
  /** The plot is written beside it. */
  readonly markdownFile: string | undefined;
}

/** Runs the whole comparison and prints it; false when some of it could not be done. */
export async function compareProxies(
  options: CompareOptions,
): Promise<boolean> {
  const names = options.only.length > 0 ? options.only : DEFAULT_CONTENDERS;
  const isSecure = options.scenarios.some(
    (scenario) => scenarioRule(scenario).scheme === "https",
  );
  const always: readonly ToolName[] = ["h2load", "taskset", "nginx"];
  const needed = [
    ...new Set([
      ...always,
      ...toolsNeeded(names),
      ...(isSecure ? (["openssl"] as const) : []),
    ]),
  ];
  const tools = provideTools(needed);
  const missing = [...always, ...(isSecure ? (["openssl"] as const) : [])]
    .filter((name) => !tools.has(name))
    .join(", ");
  if (missing !== "") {
    console.error(`!! Cannot compare: ${missing} missing`);
    return false;
  }
  const present = names.filter((name) => {
    const needs = FIELD[name]?.needs;
    return needs === undefined || tools.has(needs);
  });
  const outcome = await onStage(isSecure, (stage) =>
    runRounds({ ...options, stage, contenders: present }),
  );
  await publish(outcome, tools, options);
  return outcome.notes.length === 0;
}

/** An origin and a folder, both gone at the end whatever happens. */
async function onStage<T>(
  isSecure: boolean,
  use: (stage: Omit<Stage, "accessLog">) => Promise<T>,
): Promise<T> {
  const cores = availableParallelism();
  if (cores < 2)
    console.error(
      "!! One core only: the load generator shares it, rates mean little",
    );
  const folder = await mkdtemp(join(fastFolder(), "zoogate-bench-"));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", removeFolder);
  try {
    const otherCore = Math.min(1, cores - 1);
    const certificate = isSecure ? await makeCertificate(folder) : undefined;
    await using origin = await startOrigin(folder, otherCore);
    const originPort = origin.port;
    return await use({ folder, core: 0, otherCore, originPort, certificate });
  } finally {
    removeFolder();
    process.off("exit", removeFolder);
  }
}

/** Their versions change nothing that is measured. */
const UNNAMED: ReadonlySet<ToolName> = new Set(["taskset", "npm", "openssl"]);

/** Memory where there is some, so that no contender waits for a disk. */
function fastFolder(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

async function publish(
  outcome: RoundsOutcome,
  tools: ReadonlyMap<ToolName, string>,
  options: CompareOptions,
): Promise<void> {
  const [cpu] = cpus();
  const results: Results = {
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpu?.model ?? "unknown processor"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`,
    versions: {
      node: process.version,
      ...Object.fromEntries([...tools].filter(([name]) => !UNNAMED.has(name))),
    },
    method: [
      `CPU time of the whole process tree (user and system), divided by the requests that h2load saw answered with 2xx: ${options.rounds} interleaved rounds of ${options.seconds} s (large answers: a fixed number of requests) after 1 s of warming up, ${options.connections} kept connections with one request at a time on each (HTTP/2: as many requests on an eighth of the connections; 1 MB: 16 connections, 100 MB: 4).`,
      "One core for the contender, another for the load generator and the origin (one nginx worker). Figures are medians (least–most); ratios are taken within a round; below 1 is less for Zoogate.",
      "All: one worker or thread, or all of theirs on one core; kept connections to the origin; no access log unless it says so. Zoogate: `zoogate proxy --workers 1` with its defaults, its main thread counted in, the origin registered in a keeper.",
    ],
    notes: outcome.notes,
    samples: outcome.samples,
  };
  const { jsonFile, markdownFile } = options;
  const plotFile = markdownFile?.replace(/(?:\.md)?$/u, ".svg");
  const page = markdown(results, plotFile);
  console.log(page);
  if (jsonFile !== undefined)
    await writeFile(jsonFile, `${JSON.stringify(results, null, 2)}\n`);
  if (markdownFile !== undefined) await writeFile(markdownFile, page);
  if (plotFile !== undefined) await writeFile(plotFile, plot(results.samples));
}
