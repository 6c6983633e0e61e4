import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type CommandOptions,
  type RunningCommand,
  startCommand,
} from "./command.ts";
import { eventually } from "./eventually.ts";

/**
 * A proxy whose processes take over from one another: the first is a child of
 * this one, those after it are not, and are known by the pid file.
 */
export class RelayRunners implements AsyncDisposable {
  /** The first process, whose output those after it share. */
  readonly first: RunningCommand;
  readonly #pidFile: string;

  private constructor(first: RunningCommand, pidFile: string) {
    this.first = first;
    this.#pidFile = pidFile;
  }

  static async start(
    folder: string,
    args: readonly string[],
    options: CommandOptions & { readonly listen?: string } = {},
  ): Promise<RelayRunners> {
    const pidFile = join(folder, "proxy.pid");
    const first = await startCommand(
      [
        "proxy",
        "--listen",
        options.listen ?? "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "--data",
        join(folder, "proxy"),
        "--pid-file",
        pidFile,
        ...args,
      ],
      options,
    );
    return new RelayRunners(first, pidFile);
  }

  /** The process that serves. */
  async pid(): Promise<number> {
    return Number(await readFile(this.#pidFile, "utf8"));
  }

  /** Has the present process replaced; resolves when the next one serves, with both. */
  async replace(): Promise<{ readonly old: number; readonly next: number }> {
    const old = await this.pid();
    const lines = this.first.readyLines.length;
    process.kill(old, "SIGUSR2");
    // The first process may end, its output goes on.
    await eventually(() => {
      if (this.first.readyLines.length <= lines)
        throw new Error(`Nobody took over\n${this.first.stderr}`);
    }, 30_000);
    return { old, next: await this.pid() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = await this.pid().catch(() => undefined);
    if (pid !== undefined && isAlive(pid)) {
      process.kill(pid, "SIGTERM");
      await ended(pid).catch(() => process.kill(pid, "SIGKILL"));
    }
    await this.first[Symbol.asyncDispose]();
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Resolves when a process that is no child of this one is gone. */
export async function ended(pid: number): Promise<void> {
  await eventually(() => {
    if (isAlive(pid)) throw new Error(`Process ${pid} has not ended`);
  }, 15_000);
}
