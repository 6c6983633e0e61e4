import { globSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import {
  busyMicros,
  type CpuProfile,
  ownTimes,
  readProfile,
} from "../flame/cpu-profile.ts";
import { runH2load } from "../load/h2load.ts";
import { checkAnswers } from "./measure.ts";
import { startOrigin } from "./origin.ts";
import { DEFAULT_SCENARIOS, type Scenario, scenarioRule } from "./scenarios.ts";
import { startZoogate } from "./zoogate.ts";

const TOP = 25;

/** How Zoogate is loaded while V8 takes samples of it. */
export interface ProfileOptions {
  /** Where the profiles of all threads are left, by scenario. */
  readonly folder: string;
  readonly seconds: number;
  readonly connections: number;
}

/** The worker's thread under one scenario. */
export interface WorkerProfile {
  readonly scenario: Scenario;
  readonly perSecond: number;
  readonly file: string;
  readonly profile: CpuProfile;
}

/** Profiles hit and pass-through, and prints the functions that took most time themselves. */
export async function profileZoogate(
  options: ProfileOptions,
): Promise<boolean> {
  for (const taken of await takeProfiles(options)) {
    const { scenario, perSecond, file, profile } = taken;
    const total = busyMicros(profile);
    console.log(`\n${scenario}: ${Math.round(perSecond)} requests/s`);
    console.log(`${file}: ${(total / 1e6).toFixed(1)} s busy`);
    for (const [name, micros] of ownTimes(profile).slice(0, TOP))
      console.log(
        `${((100 * micros) / total).toFixed(1).padStart(6)} %  ${name}`,
      );
  }
  return true;
}

/** Each scenario on a proxy of its own. */
export async function takeProfiles(
  options: ProfileOptions,
): Promise<readonly WorkerProfile[]> {
  const stageFolder = await mkdtemp(join(tmpdir(), "zoogate-profile-"));
  const removeFolder = () =>
    rmSync(stageFolder, { recursive: true, force: true });
  process.once("exit", removeFolder);
  try {
    const otherCore = Math.min(1, availableParallelism() - 1);
    await using origin = await startOrigin(stageFolder, otherCore);
    const taken: WorkerProfile[] = [];
    for (const scenario of DEFAULT_SCENARIOS) {
      const folder = join(options.folder, scenario);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true });
      const stage = { folder: stageFolder, core: 0, otherCore };
      const perSecond = await loadProfiled(scenario, {
        ...options,
        profileFolder: folder,
        stage: { ...stage, originPort: origin.port, accessLog: false },
      });
      taken.push({ scenario, perSecond, ...(await busiest(folder)) });
    }
    return taken;
  } finally {
    removeFolder();
    process.off("exit", removeFolder);
  }
}

async function loadProfiled(
  scenario: Scenario,
  options: ProfileOptions & {
    readonly stage: Parameters<typeof startZoogate>[0];
    readonly profileFolder: string;
  },
): Promise<number> {
  const { stage, profileFolder, connections, seconds } = options;
  const zoogate = await startZoogate(stage, { profileFolder });
  try {
    await checkAnswers(zoogate, scenario);
    const { perSecond } = await runH2load({
      url: zoogate.http + scenarioRule(scenario).content.path,
      core: stage.otherCore,
      connections,
      length: { seconds },
    });
    return perSecond;
  } finally {
    await zoogate.stop(); // the profiles are written now
  }
}

/** CPU.DATE.TIME.PID.THREAD.NUMBER.cpuprofile; the main thread is 0. */
const OF_A_WORKER = /\.[1-9]\d*\.\d+\.cpuprofile$/u;

/** There is a file for each thread: the data thread's is the busiest worker's. */
async function busiest(
  folder: string,
): Promise<Pick<WorkerProfile, "file" | "profile">> {
  const files = globSync("*.cpuprofile", { cwd: folder }).filter((name) =>
    OF_A_WORKER.test(name),
  );
  const all = await Promise.all(
    files.map(async (name) => {
      const file = join(folder, name);
      const profile = await readProfile(file);
      return { file, profile, micros: busyMicros(profile) };
    }),
  );
  const [first] = all.toSorted((a, b) => b.micros - a.micros);
  if (first === undefined)
    throw new Error(`Cannot find a CPU profile of a worker in ${folder}`);
  return { file: first.file, profile: first.profile };
}
