import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { moduleBeside } from "../base/index.ts";

/** What happens to a {@link Child}. */
export type ChildEvent =
  | { readonly kind: "ready"; readonly where: string }
  | { readonly kind: "log"; readonly line: string }
  | { readonly kind: "ended"; readonly how: string };

/**
 * One `zoogate` command as a process of its own. It ends with this process,
 * however this one ends: the IPC channel between them closes.
 */
export class Child {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(args: readonly string[], onEvent: (event: ChildEvent) => void) {
    const bin = fileURLToPath(moduleBeside(import.meta.url, "./bin"));
    const child = spawn(process.execPath, [bin, ...args], {
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // A signal from the terminal goes to the parent, which stops its children in order.
      detached: true,
    });
    this.#process = child;
    this.#ended = new Promise((resolve) => {
      const end = (how: string) => {
        onEvent({ kind: "ended", how });
        resolve();
      };
      child.once("error", (error) => end(error.message));
      child.once("exit", (code, signal) => end(signal ?? `status ${code}`));
    });
    child.channel?.unref();
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) return;
    createInterface({ input: stdout }).on("line", (line) => {
      if (line.startsWith("ready "))
        onEvent({ kind: "ready", where: line.slice("ready ".length) });
    });
    createInterface({ input: stderr }).on("line", (line) =>
      onEvent({ kind: "log", line }),
    );
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Asks it to stop, and ends it after `limitMs` if it has not. */
  async stop(limitMs: number): Promise<void> {
    if (!this.hasEnded) this.#process.kill("SIGTERM");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), limitMs);
    await this.#ended;
    clearTimeout(timer);
  }
}
