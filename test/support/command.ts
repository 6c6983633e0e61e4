import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const BIN = join(import.meta.dirname, "..", "..", "src", "cli", "bin.ts");

/** How to start the command line. */
export interface CommandOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** What starts it, given its program and arguments; nothing unless given. */
  readonly launcher?: readonly string[];
  /** Its descriptors from 3 on. */
  readonly passed?: readonly number[];
  /** Longest wait for the `ready` line. */
  readonly readyWithinMs?: number;
}

/** A command that ended by itself. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A real `zoogate` command as a process of its own. */
export class RunningCommand implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #exit: Promise<unknown>;
  #stdout = "";
  #stderr = "";
  readonly #readyLines: string[] = [];
  readonly #waiters = new Set<() => void>();

  constructor(args: readonly string[], options: CommandOptions = {}) {
    const { launcher = [], passed = [] } = options;
    const [program = "", ...rest] = [
      ...launcher,
      process.execPath,
      BIN,
      ...args,
    ];
    this.child = spawn(program, rest, {
      stdio: ["ignore", "pipe", "pipe", ...passed],
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
    });
    this.#exit = once(this.child, "close");
    this.#exit.catch(() => {});
    this.child.on("error", () => this.#wake());
    this.child.on("exit", () => this.#wake());
    const { stdout, stderr } = this.child;
    stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
      this.#wake();
    });
    if (stdout === null) return;
    createInterface({ input: stdout }).on("line", (line) => {
      this.#stdout += `${line}\n`;
      if (line.startsWith("ready ")) this.#readyLines.push(line);
      this.#wake();
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get hasExited(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Every `ready` line so far (a site that changes prints one more). */
  get readyLines(): readonly string[] {
    return this.#readyLines;
  }

  /** Resolves once `test` holds; it is asked again at each line and at exit. */
  async until(
    test: () => boolean,
    what: string,
    withinMs = 30_000,
  ): Promise<void> {
    const deadline = AbortSignal.timeout(withinMs);
    while (!test()) {
      if (this.hasExited || deadline.aborted)
        throw new Error(
          `Cannot see ${what}: ${this.hasExited ? "the command ended" : "time is over"}\n${this.#stdout}\n${this.#stderr}`,
        );
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiters.delete(wake);
          deadline.removeEventListener("abort", wake);
          resolve();
        };
        this.#waiters.add(wake);
        deadline.addEventListener("abort", wake, { once: true });
      });
    }
  }

  /** The first `ready` line. */
  async ready(withinMs?: number): Promise<string> {
    await this.until(() => this.#readyLines.length > 0, "ready", withinMs);
    return this.#readyLines[0] ?? "";
  }

  /** Waits until the command ends by itself. */
  async ended(): Promise<Ended> {
    await this.#exit;
    return {
      code: this.child.exitCode,
      stdout: this.#stdout,
      stderr: this.#stderr,
    };
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    if (!this.hasExited) this.child.kill(signal);
    return this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.hasExited) return;
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 15_000);
    await this.stop();
    clearTimeout(timer);
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
  }
}

/** Starts a command and resolves when it printed `ready`. */
export async function startCommand(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<RunningCommand> {
  const command = new RunningCommand(args, options);
  try {
    await command.ready(options.readyWithinMs);
    return command;
  } catch (error) {
    await command[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs a command that ends by itself. */
export function runCommand(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ended> {
  return new RunningCommand(args, options).ended();
}

/** The first `http://HOST:PORT` of a `ready` line. */
export function urlOf(readyLine: string): string {
  const url = /https?:\/\/[^\s/,]+/u.exec(readyLine)?.[0];
  if (url === undefined)
    throw new Error(`Cannot find an address in ${JSON.stringify(readyLine)}`);
  return url;
}
