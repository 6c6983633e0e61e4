import { mkdtemp, writeFile } from "node:fs/promises";
import { availableParallelism, cpus, release, tmpdir, totalmem } from "node:os";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ChildServer } from "./child-server.ts";
import { type Contender, SCENARIOS, type Stage } from "./contender.ts";
import { startHaproxy } from "./haproxy.ts";
import { checkAnswers, measure, type Sample } from "./measure.ts";
import { startNginx } from "./nginx.ts";
import { startOrigin } from "./origin.ts";
import { markdown, type Results } from "./report.ts";
import { provideTools, type ToolName } from "./tools.ts";
import { startZoogate } from "./zoogate.ts";

/** What the command line says. */
export interface CompareOptions {
  /** Names of contenders; all when empty. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly connections: number;
  readonly jsonFile: string | undefined;
  readonly markdownFile: string | undefined;
}

/** Runs the whole comparison and prints it; false when it could not be done. */
export async function compareProxies(
  options: CompareOptions,
): Promise<boolean> {
  const tools = provideTools();
  const needed: readonly ToolName[] = ["h2load", "taskset", "nginx"];
  const missing = needed.filter((name) => !tools.has(name));
  if (missing.length > 0) {
    console.error(`!! Cannot compare: ${missing.join(", ")} missing`);
    return false;
  }
  const cores = availableParallelism();
  if (cores < 2)
    console.error(
      "!! One core only: the load generator shares it, rates mean little",
    );
  const folder = await mkdtemp(join(fastFolder(), "zoogate-bench-"));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.once("exit", removeFolder);
  const running: (ChildServer | Contender)[] = [];
  try {
    const [core, otherCore] = [0, Math.min(1, cores - 1)];
    const origin = await startOrigin(folder, otherCore);
    running.push(origin);
    const stage = { folder, core, otherCore, originPort: origin.port };
    const starts = chosenStarts(options.only, tools);
    const contenders = await startContenders(stage, starts, running);
    const samples = await runRounds(contenders, otherCore, options);
    await publish(samples, tools, options);
    return true;
  } finally {
    for (const server of running.toReversed()) await server.stop();
    removeFolder();
    process.off("exit", removeFolder);
  }
}

/** Memory where there is some, so that no contender waits for a disk. */
function fastFolder(): string {
  return existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
}

type Start = (stage: Stage) => Promise<Contender>;

const STARTS: Readonly<Record<string, Start>> = {
  zoogate: startZoogate,
  nginx: startNginx,
  haproxy: startHaproxy,
};

/** Left out where they are not installed. */
const MISSABLE: ReadonlySet<string> = new Set(["nginx", "haproxy"]);

function chosenStarts(
  only: readonly string[],
  tools: ReadonlyMap<string, string>,
): readonly Start[] {
  const names = only.length > 0 ? only : Object.keys(STARTS);
  return names
    .filter((name) => !MISSABLE.has(name) || tools.has(name))
    .map((name) => {
      const start = STARTS[name];
      if (start !== undefined) return start;
      throw new RangeError(
        `Cannot compare ${JSON.stringify(name)}: there are ${Object.keys(STARTS).join(", ")}`,
      );
    });
}

async function startContenders(
  stage: Stage,
  starts: readonly Start[],
  running: (ChildServer | Contender)[],
): Promise<readonly Contender[]> {
  const contenders: Contender[] = [];
  for (const start of starts) {
    const contender = await start(stage);
    running.push(contender);
    contenders.push(contender);
    await checkAnswers(contender);
  }
  return contenders;
}

/** Interleaved, each round beginning with the next contender. */
async function runRounds(
  contenders: readonly Contender[],
  loadCore: number,
  options: CompareOptions,
): Promise<readonly Sample[]> {
  const { connections, seconds } = options;
  const shape = { connections, seconds, loadCore };
  const samples: Sample[] = [];
  for (let round = 0; round < options.rounds; round++)
    for (const scenario of SCENARIOS)
      for (let turn = 0; turn < contenders.length; turn++) {
        const contender = contenders[(round + turn) % contenders.length];
        if (contender === undefined) continue;
        const sample = await measure(contender, scenario, { round, shape });
        samples.push(sample);
        console.error(
          `round ${round + 1}/${options.rounds}  ${scenario.padEnd(8)}  ${sample.contender.padEnd(8)}  ${sample.cpuMicrosPerRequest.toFixed(2)} µs  ${Math.round(sample.perSecond)}/s`,
        );
      }
  return samples;
}

async function publish(
  samples: readonly Sample[],
  tools: ReadonlyMap<ToolName, string>,
  options: CompareOptions,
): Promise<void> {
  const [cpu] = cpus();
  const results: Results = {
    date: new Date().toISOString(),
    machine: `${cpus().length} × ${cpu?.model ?? "unknown processor"}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}`,
    versions: {
      node: process.version,
      ...Object.fromEntries([...tools].filter(([name]) => name !== "taskset")),
    },
    method: [
      `CPU time of the whole process tree (user and system), divided by the requests that h2load saw answered with 2xx: ${options.rounds} interleaved rounds of ${options.seconds} s after 1 s of warming up, ${options.connections} kept HTTP/1.1 connections, one request at a time on each.`,
      "One core for the contender, another for the load generator and the origin (one nginx worker). Figures are medians (least–most); ratios are taken within a round; below 1 is less CPU time than the other.",
      "All: one worker or thread, kept connections to the origin, no access log written. Zoogate: `zoogate proxy --workers 1` with its defaults, its main thread counted in, the origin registered in a keeper.",
    ],
    samples,
  };
  const page = markdown(results);
  console.log(page);
  if (options.jsonFile !== undefined)
    await writeFile(options.jsonFile, `${JSON.stringify(results, null, 2)}\n`);
  if (options.markdownFile !== undefined)
    await writeFile(options.markdownFile, page);
}
