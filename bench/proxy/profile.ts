import { globSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { SCENARIOS } from "./contender.ts";
import { generateLoad } from "./load-generator.ts";
import { checkAnswers } from "./measure.ts";
import { startOrigin } from "./origin.ts";
import { startZoogate } from "./zoogate.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const TOP = 25;

/** The parts of a .cpuprofile that are read here. */
interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/**
 * Loads each scenario on a proxy of its own that writes CPU profiles into a
 * folder, and prints the functions that took most time themselves.
 */
export async function profileZoogate(options: {
  readonly folder: string;
  readonly seconds: number;
  readonly connections: number;
}): Promise<boolean> {
  const stageFolder = await mkdtemp("/tmp/zoogate-profile-");
  const otherCore = Math.min(1, availableParallelism() - 1);
  const origin = await startOrigin(stageFolder, otherCore);
  try {
    for (const scenario of SCENARIOS) {
      const folder = join(options.folder, scenario);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      const zoogate = await startZoogate(
        { folder: stageFolder, core: 0, otherCore, originPort: origin.port },
        { profileFolder: folder },
      );
      try {
        await checkAnswers(zoogate);
        const { perSecond } = await generateLoad({
          url: zoogate.urls[scenario],
          core: otherCore,
          connections: options.connections,
          seconds: options.seconds,
        });
        console.log(`\n${scenario}: ${Math.round(perSecond)} requests/s\n`);
      } finally {
        await zoogate.stop();
      }
      for (const file of globSync("*.cpuprofile", { cwd: folder }))
        await printTop(join(folder, file));
    }
  } finally {
    await origin.stop();
    await rm(stageFolder, { recursive: true, force: true });
  }
  return true;
}

async function printTop(file: string): Promise<void> {
  const profile: CpuProfile = JSON.parse(await readFile(file, "utf8")); // written by V8
  const micros = new Map<number, number>();
  for (const [index, id] of profile.samples.entries())
    micros.set(id, (micros.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
  const byName = new Map<string, number>();
  for (const { id, callFrame } of profile.nodes) {
    const name = nameOf(callFrame);
    byName.set(name, (byName.get(name) ?? 0) + (micros.get(id) ?? 0));
  }
  byName.delete("(idle)");
  byName.delete("(root)");
  const total = [...byName.values()].reduce((sum, value) => sum + value, 0);
  const top = [...byName].toSorted(([, a], [, b]) => b - a).slice(0, TOP);
  console.log(`${file}: ${(total / 1e6).toFixed(1)} s busy`);
  for (const [name, value] of top)
    console.log(`${((100 * value) / total).toFixed(1).padStart(6)} %  ${name}`);
}

function nameOf(frame: CpuProfile["nodes"][number]["callFrame"]): string {
  const name = frame.functionName === "" ? "(anonymous)" : frame.functionName;
  if (frame.url === "") return name;
  const file = frame.url.startsWith("file:")
    ? relative(ROOT, fileURLToPath(frame.url))
    : frame.url;
  return `${name}  ${file}:${frame.lineNumber + 1}`;
}
