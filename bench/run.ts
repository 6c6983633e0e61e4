/**
 * Benchmarks. Without a name: the proxy beside others. With the name of a
 * folder here (`http`, `zookeeper`, …): each of its benchmarks in turn.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../scripts/run.ts";
import { runProgram, wholeNumber } from "./arguments.ts";
import { compareProxies } from "./proxy/compare.ts";
import { FIELD } from "./proxy/field.ts";
import { profileZoogate } from "./proxy/profile.ts";
import {
  DEFAULT_SCENARIOS,
  isScenario,
  type Scenario,
  scenarioNames,
} from "./proxy/scenarios.ts";

const HELP = `npm run bench -- [name…] [options]

  (no name)          Zoogate beside nginx and HAProxy: CPU time for each request
  http, cache, …     the benchmarks of one room: ${rooms().join(", ")}

  --only a,b         contenders: ${Object.keys(FIELD).join(", ")}
                     (zoogate,nginx,haproxy)
  --field            all of them
  --scenario a,b     what is measured, or "all" (${DEFAULT_SCENARIOS.join(",")}):
${scenarioLines()}
  --rounds N         interleaved rounds of the comparison (5)
  --seconds N        of each measurement (4)
  --connections N    kept connections (64)
  --json FILE        the results with every sample
  --markdown FILE    the results as printed, and beside it FILE.svg, a plot
  --profile FOLDER   no comparison: CPU profiles of Zoogate's hit and pass-through`;

/** In lines of three. */
function scenarioLines(): string {
  const names = scenarioNames();
  const lines = names.flatMap((_, at) =>
    at % 3 === 0 ? [names.slice(at, at + 3).join(", ")] : [],
  );
  return lines.map((line) => `                       ${line}`).join(",\n");
}

function chosenScenarios(text: string): readonly Scenario[] {
  if (text === "all") return scenarioNames();
  return text
    .split(",")
    .filter((name) => name !== "")
    .map((name) => {
      if (isScenario(name)) return name;
      throw new RangeError(
        `Cannot measure ${JSON.stringify(name)}: there are ${scenarioNames().join(", ")}`,
      );
    });
}

function rooms(): readonly string[] {
  const files = globSync("*/*.bench.ts", { cwd: import.meta.dirname });
  return [...new Set(files.map((file) => file.split("/")[0] ?? ""))].toSorted();
}

async function runRooms(names: readonly string[]): Promise<boolean> {
  let good = true;
  for (const name of names) {
    const files = globSync(`${name}/*.bench.ts`, { cwd: import.meta.dirname });
    if (files.length === 0)
      throw new RangeError(
        `Cannot run ${JSON.stringify(name)}: there are ${rooms().join(", ")}`,
      );
    for (const file of files.toSorted()) {
      console.log(`\n${file}`);
      const path = join(import.meta.dirname, file);
      if ((await run(process.execPath, [path])) !== 0) good = false;
    }
  }
  return good;
}

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: "string", default: "" },
      field: { type: "boolean", default: false },
      scenario: { type: "string", default: DEFAULT_SCENARIOS.join(",") },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "4" },
      connections: { type: "string", default: "64" },
      json: { type: "string" },
      markdown: { type: "string" },
      profile: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return true;
  }
  if (positionals.length > 0) return runRooms(positionals);
  const shape = {
    seconds: wholeNumber("seconds", values.seconds, 600),
    connections: wholeNumber("connections", values.connections, 10_000),
  };
  if (values.profile !== undefined)
    return profileZoogate({ ...shape, folder: values.profile });
  return compareProxies({
    ...shape,
    only: values.field
      ? Object.keys(FIELD)
      : values.only.split(",").filter((name) => name !== ""),
    scenarios: chosenScenarios(values.scenario),
    rounds: wholeNumber("rounds", values.rounds, 100),
    jsonFile: values.json,
    markdownFile: values.markdown,
  });
}

await runProgram(main);
