import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(import.meta.dirname, "..", "..");

/** The parts of a .cpuprofile that are read here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** From 0. */
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

/** A function as called along one path, with what it called; times in microseconds. */
export interface Frame {
  readonly name: string;
  /** Its own time and that of everything below it. */
  readonly total: number;
  /** Most time first. */
  readonly children: readonly Frame[];
}

/** What V8 says when no function runs. */
const NOT_WORK: ReadonlySet<string> = new Set(["(idle)", "(program)"]);

/** As V8 wrote it. */
export async function readProfile(file: string): Promise<CpuProfile> {
  const profile: CpuProfile = JSON.parse(await readFile(file, "utf8")); // written by V8
  return profile;
}

/** The calls of a profile as one tree; equal functions below one caller are one. */
export function foldProfile(profile: CpuProfile): Frame {
  const selfTimes = selfTimesOf(profile);
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const called = new Set(profile.nodes.flatMap((node) => node.children ?? []));
  const roots = profile.nodes.filter((node) => !called.has(node.id));
  const fold = (name: string, nodes: readonly ProfileNode[]): Frame => {
    const self = nodes.reduce(
      (sum, node) => sum + (selfTimes.get(node.id) ?? 0),
      0,
    );
    const below = nodes
      .flatMap((node) => node.children ?? [])
      .flatMap((id) => byId.get(id) ?? []);
    const children = [...Map.groupBy(below, nameOf)]
      .filter(([callee]) => !NOT_WORK.has(callee))
      .map(([callee, same]) => fold(callee, same))
      .filter((frame) => frame.total > 0)
      .toSorted((a, b) => b.total - a.total);
    const total = children.reduce((sum, frame) => sum + frame.total, self);
    return { name, total, children };
  };
  return fold("all", roots);
}

/** Each function's own time over all its callers, most first; idle time is not in it. */
export function ownTimes(
  profile: CpuProfile,
): readonly (readonly [name: string, micros: number])[] {
  const selfTimes = selfTimesOf(profile);
  const byName = new Map<string, number>();
  for (const node of profile.nodes) {
    const name = nameOf(node);
    if (NOT_WORK.has(name) || name === "(root)") continue;
    byName.set(name, (byName.get(name) ?? 0) + (selfTimes.get(node.id) ?? 0));
  }
  return [...byName].toSorted(([, a], [, b]) => b - a);
}

/** Time in anything but waiting. */
export function busyMicros(profile: CpuProfile): number {
  return ownTimes(profile).reduce((sum, [, micros]) => sum + micros, 0);
}

function selfTimesOf(profile: CpuProfile): ReadonlyMap<number, number> {
  const micros = new Map<number, number>();
  for (const [index, id] of profile.samples.entries())
    micros.set(id, (micros.get(id) ?? 0) + (profile.timeDeltas[index] ?? 0));
  return micros;
}

function nameOf({ callFrame }: ProfileNode): string {
  const { functionName, url, lineNumber } = callFrame;
  const name = functionName === "" ? "(anonymous)" : functionName;
  if (url === "") return name;
  const file = url.startsWith("file:")
    ? relative(ROOT, fileURLToPath(url))
    : url;
  return `${name}  ${file}:${lineNumber + 1}`;
}
