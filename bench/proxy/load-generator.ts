import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What one run of h2load saw. */
export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Anything but a 2xx answer. */
  readonly failed: number;
}

/** Requests one URL over kept HTTP/1.1 connections, for so many seconds. */
export async function generateLoad(options: {
  readonly url: string;
  readonly core: number;
  readonly connections: number;
  readonly seconds: number;
}): Promise<LoadResult> {
  const { url, core, connections, seconds } = options;
  const { stdout } = await promisify(execFile)(
    "taskset",
    [
      "-c",
      String(core),
      "h2load",
      "--h1",
      `-c${connections}`,
      "-t1",
      "-D",
      String(seconds),
      url,
    ],
    { timeout: (seconds + 30) * 1000, maxBuffer: 1024 * 1024 },
  );
  const perSecond = Number(
    /finished in .*?, ([\d.]+) req\/s/.exec(stdout)?.[1],
  );
  const done = Number(/requests: .*? (\d+) done/.exec(stdout)?.[1]);
  const good = Number(/status codes: (\d+) 2xx/.exec(stdout)?.[1]);
  const errors =
    /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(stdout)?.slice(1) ?? [];
  if (!Number.isFinite(perSecond) || !Number.isFinite(done))
    throw new Error(`Cannot read the output of h2load:\n${stdout}`);
  const failed = errors.reduce((sum, text) => sum + Number(text), 0);
  return { requests: done, perSecond, failed: failed + (done - good) };
}
