/**
 * A command run as a child. It leads a process group of its own: Ctrl-C in a
 * terminal reaches us alone, so that the drain comes before the end, and whatever
 * the command has started ends with it. Its output goes to our stderr, since
 * stdout belongs to the `ready` line.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { type Clock, delay, systemClock } from "../base/index.ts";
import { systemErrorCode, TargetError } from "./target-error.ts";

/** From SIGTERM to SIGKILL. */
const STOP_LIMIT_MS = 10_000;
const GROUP_POLL_MS = 20;
/** Sent to the command as they come; servers reload on them. */
const PASSED_ON = ["SIGHUP", "SIGUSR2"] as const;

export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
}

/** How a command ended. */
export type CommandEnd =
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "signal"; readonly signal: NodeJS.Signals };

export class SupervisedCommand implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #ended: Promise<CommandEnd>;
  readonly #onExit = () => this.#signalGroup("SIGKILL");
  readonly #onPassedOn = (name: NodeJS.Signals) => void this.#child.kill(name);
  #stopping: Promise<CommandEnd> | undefined;

  /**
   * Resolves when the command runs.
   * @throws TargetError `command-not-found`, `command-failed-to-start`
   */
  static async start(
    command: CommandLine,
    options: {
      readonly cwd?: string | undefined;
      readonly env?: NodeJS.ProcessEnv;
      readonly clock?: Clock;
    } = {},
  ): Promise<SupervisedCommand> {
    const child = spawn(command.file, command.args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      // A terminal cannot be read from outside its foreground group.
      stdio: [process.stdin.isTTY ? "ignore" : "inherit", 2, 2],
    });
    const ended = endOf(child);
    try {
      await once(child, "spawn");
    } catch (error) {
      throw startError(command, error);
    }
    return new SupervisedCommand({
      child,
      ended,
      clock: options.clock ?? systemClock,
    });
  }

  private constructor(given: {
    readonly child: ChildProcess;
    readonly ended: Promise<CommandEnd>;
    readonly clock: Clock;
  }) {
    this.#child = given.child;
    this.#clock = given.clock;
    // Should this process end in any other way than by `stop`.
    process.on("exit", this.#onExit);
    for (const name of PASSED_ON) process.on(name, this.#onPassedOn);
    this.#ended = given.ended.finally(() => {
      process.off("exit", this.#onExit);
      for (const name of PASSED_ON) process.off(name, this.#onPassedOn);
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Resolves when the command has ended, for whatever reason. */
  get ended(): Promise<CommandEnd> {
    return this.#ended;
  }

  /**
   * SIGTERM to the command, then to what is left of its group; SIGKILL to all of
   * it after ten seconds, or when `kill` fires. Resolves when nothing is left.
   */
  stop(
    options: { readonly kill?: AbortSignal | undefined } = {},
  ): Promise<CommandEnd> {
    this.#stopping ??= this.#stop(options.kill);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop({ kill: AbortSignal.abort() });
  }

  async #stop(kill: AbortSignal | undefined): Promise<CommandEnd> {
    const forced = () => this.#signalGroup("SIGKILL");
    const timer = this.#clock.after(STOP_LIMIT_MS, forced, { keepAlive: true });
    if (kill?.aborted === true) forced();
    else kill?.addEventListener("abort", forced, { once: true });
    this.#child.kill("SIGTERM");
    const end = await this.#ended;
    // A shell that ends does not pass the signal on to what it has started.
    this.#signalGroup("SIGTERM");
    const limitMs = this.#clock.nowMs() + STOP_LIMIT_MS;
    while (this.#signalGroup(0) && this.#clock.nowMs() < limitMs)
      await delay(GROUP_POLL_MS, { clock: this.#clock, keepAlive: true });
    timer.cancel();
    kill?.removeEventListener("abort", forced);
    forced();
    return end;
  }

  /** Whether there was anyone to receive it. */
  #signalGroup(signal: NodeJS.Signals | 0): boolean {
    const { pid } = this.#child;
    if (pid === undefined) return false;
    try {
      process.kill(-pid, signal);
      return true;
    } catch {
      return false;
    }
  }
}

/** The exit status that says how the command ended, as shells do. */
export function exitStatus(end: CommandEnd): number {
  return end.kind === "status"
    ? end.status
    : 128 + constants.signals[end.signal];
}

/** For a person: `status 3`, `SIGKILL`. */
export function endText(end: CommandEnd): string {
  return end.kind === "status" ? `status ${end.status}` : end.signal;
}

function endOf(child: ChildProcess): Promise<CommandEnd> {
  return new Promise((resolve) => {
    child.on("error", () => resolve({ kind: "status", status: 127 }));
    child.on("exit", (status, signal) =>
      resolve(
        signal === null
          ? { kind: "status", status: status ?? 0 }
          : { kind: "signal", signal },
      ),
    );
  });
}

function startError(command: CommandLine, cause: unknown): TargetError {
  const name = JSON.stringify(command.file);
  return systemErrorCode(cause) === "ENOENT"
    ? new TargetError(
        "command-not-found",
        `Cannot start ${name}: there is no such command`,
        { cause },
      )
    : new TargetError("command-failed-to-start", `Cannot start ${name}`, {
        cause,
      });
}
