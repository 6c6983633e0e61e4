/**
 * `npm run flame`: loads Zoogate with hits and with requests that pass through,
 * and leaves flame graphs of its worker's thread as one page for a browser. With
 * files: draws these CPU profiles, of whatever program, instead.
 */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { runProgram, wholeNumber } from "../arguments.ts";
import { takeProfiles } from "../proxy/profile.ts";
import { scenarioRule } from "../proxy/scenarios.ts";
import { provideTools } from "../proxy/tools.ts";
import { foldProfile, readProfile } from "./cpu-profile.ts";
import { type FlameGraph, flamePage } from "./page.ts";

const HELP = `npm run flame -- [file.cpuprofile…] [options]

  --folder FOLDER    where the page and the profiles are left (a new one in ${tmpdir()})
  --seconds N        of load for each graph (5)
  --connections N    kept connections (64)`;

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      folder: { type: "string" },
      seconds: { type: "string", default: "5" },
      connections: { type: "string", default: "64" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return true;
  }
  const folder =
    values.folder ?? (await mkdtemp(join(tmpdir(), "zoogate-flame-")));
  await mkdir(folder, { recursive: true });
  const graphs =
    positionals.length > 0
      ? await drawFiles(positionals)
      : await drawZoogate({
          folder,
          seconds: wholeNumber("seconds", values.seconds, 60),
          connections: wholeNumber("connections", values.connections, 10_000),
        });
  const page = join(folder, "flame.html");
  await writeFile(page, flamePage("Where Zoogate's time goes", graphs));
  console.log(page);
  return true;
}

function drawFiles(files: readonly string[]): Promise<readonly FlameGraph[]> {
  return Promise.all(
    files.map(async (file) => ({
      title: basename(file),
      tree: foldProfile(await readProfile(file)),
    })),
  );
}

async function drawZoogate(
  options: Parameters<typeof takeProfiles>[0],
): Promise<readonly FlameGraph[]> {
  const tools = provideTools(["h2load", "nginx", "taskset"]);
  if (tools.size < 3) throw new Error("Cannot load Zoogate: tools are missing");
  const taken = await takeProfiles(options);
  return taken.map(({ scenario, perSecond, profile }) => ({
    title: `${scenarioRule(scenario).title}, ${Math.round(perSecond)} requests/s while profiled`,
    tree: foldProfile(profile),
  }));
}

await runProgram(main);
