/**
 * Benchmarks. Without a name: the proxy beside nginx and HAProxy. With the name
 * of a folder here (`http`, `zookeeper`, …): each of its benchmarks in turn.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "../scripts/run.ts";
import { compareProxies } from "./proxy/compare.ts";
import { profileZoogate } from "./proxy/profile.ts";

const HELP = `npm run bench -- [name…] [options]

  (no name)          Zoogate beside nginx and HAProxy: CPU time for each request
  http, cache, …     the benchmarks of one room: ${rooms().join(", ")}

  --only a,b         contenders of the comparison: zoogate, nginx, haproxy
  --rounds N         interleaved rounds of the comparison (5)
  --seconds N        of each measurement (4)
  --connections N    kept connections (64)
  --json FILE        the results with every sample
  --markdown FILE    the results as printed
  --profile FOLDER   no comparison: CPU profiles of Zoogate's hit and pass-through`;

function rooms(): readonly string[] {
  const files = globSync("*/*.bench.ts", { cwd: import.meta.dirname });
  return [...new Set(files.map((file) => file.split("/")[0] ?? ""))].toSorted();
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new RangeError(
    `Cannot use --${name} ${text}: it is a whole number from 1 to ${max}`,
  );
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
    only: values.only.split(",").filter((name) => name !== ""),
    rounds: wholeNumber("rounds", values.rounds, 100),
    jsonFile: values.json,
    markdownFile: values.markdown,
  });
}

// What was started is stopped on the way out.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => process.exit(130));

try {
  if (!(await main())) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
