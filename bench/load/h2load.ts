import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

/** What one run saw. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Anything but a 2xx answer. */
  readonly failed: number;
}

/** How h2load is run. */
export interface H2loadOptions {
  readonly url: string;
  /** Undefined: wherever the system puts it. */
  readonly core?: number | undefined;
  readonly connections: number;
  /** One request at a time on each connection unless this says more. */
  readonly streams?: number;
  readonly protocol?: "h1" | "h2";
  /** So many seconds, or so many requests over all connections. */
  readonly length: { readonly seconds: number } | { readonly requests: number };
  /** Requests a second over all connections; as fast as it goes when undefined. */
  readonly rate?: number;
}

const MAX_SECONDS = 600;

export function hasH2load(): boolean {
  return spawnSync("h2load", ["--version"]).status === 0;
}

/** Requests one URL over kept connections. */
export async function runH2load(
  options: H2loadOptions,
  extra: readonly string[] = [],
): Promise<LoadResult> {
  const { core } = options;
  const args = ["h2load", ...argumentsOf(options), ...extra, options.url];
  const pinned =
    core === undefined ? args : ["taskset", "-c", String(core), ...args];
  const [command = "h2load", ...rest] = pinned;
  const seconds =
    "seconds" in options.length ? options.length.seconds : MAX_SECONDS;
  const { stdout } = await promisify(execFile)(command, rest, {
    timeout: (seconds + 30) * 1000,
    maxBuffer: 1024 * 1024,
  });
  return parseSummary(stdout);
}

/** The same, with the time of each answer in microseconds. */
export async function runH2loadTimed(
  options: H2loadOptions,
): Promise<LoadResult & { readonly micros: Float64Array }> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-h2load-"));
  try {
    const file = join(folder, "log");
    const result = await runH2load(options, [`--log-file=${file}`]);
    const text = await readFile(file, "latin1").catch(() => "");
    return { ...result, micros: parseTimes(text) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function argumentsOf(options: H2loadOptions): readonly string[] {
  const { connections, streams = 1, protocol = "h1", length, rate } = options;
  return [
    protocol === "h1" ? "--h1" : "--npn-list=h2",
    `-c${connections}`,
    `-m${streams}`,
    "-t1",
    ...("seconds" in length ? ["-D", `${length.seconds}`] : []),
    ...("requests" in length ? [`-n${length.requests}`] : []),
    ...(rate === undefined ? [] : [`--rps=${Math.round(rate / connections)}`]),
  ];
}

/**
 * The most connections over which a rate can be spread: h2load rounds each
 * one's share to a whole number, and the sum should be within 2 % of the rate.
 */
export function evenConnections(rate: number, most: number): number {
  for (let count = Math.min(rate, most); count > 1; count--) {
    const sum = Math.round(rate / count) * count;
    if (Math.abs(sum - rate) <= rate * 0.02) return count;
  }
  return 1;
}

/** What h2load prints at its end. */
export function parseSummary(text: string): LoadResult {
  const perSecond = Number(/finished in .*?, ([\d.]+) req\/s/.exec(text)?.[1]);
  const done = Number(/requests: .*? (\d+) done/.exec(text)?.[1]);
  const good = Number(/status codes: (\d+) 2xx/.exec(text)?.[1]);
  const errors =
    /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(text)?.slice(1, 2) ?? [];
  if (![perSecond, done, good].every(Number.isFinite))
    throw new Error(`Cannot read the output of h2load:\n${text}`);
  // "failed" includes the errored and those with a status other than 2xx, 3xx.
  const failed = Number(errors[0] ?? 0);
  return { requests: done, perSecond, failed: Math.max(failed, done - good) };
}

/** Lines of start, status and time, tabs between; answers the times. */
export function parseTimes(text: string): Float64Array {
  const times = text
    .split("\n")
    .filter((line) => line !== "" && !line.includes("\t-1\t"))
    .map((line) => Number(line.slice(line.lastIndexOf("\t") + 1)));
  return Float64Array.from(times);
}
