import { constants } from "node:os";

/**
 * The life of a long-running command: `signal` fires on SIGINT, SIGTERM, or
 * when the process that started this one with an IPC channel is gone. A second
 * signal ends the process at once.
 */
export class Lifetime implements Disposable {
  readonly #controller = new AbortController();
  readonly #onSignal = (name: NodeJS.Signals) => {
    // 128 + n is how shells report a death by signal n.
    if (this.#controller.signal.aborted)
      process.exit(128 + constants.signals[name]);
    this.end();
  };
  readonly #onDisconnect = () => this.end();

  /** `outlivesParent`: who started this process is to end before it. */
  constructor(options: { readonly outlivesParent?: boolean } = {}) {
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
    if (options.outlivesParent === true) return;
    if (process.channel !== undefined && process.channel !== null) {
      process.channel.unref();
      process.on("disconnect", this.#onDisconnect);
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the command as a signal would. */
  end(): void {
    this.#controller.abort(new Error("The command was told to stop"));
  }

  /**
   * Resolves when the command is to stop, or when `relieved` says that another
   * process does its work; keeps the process alive until then.
   */
  async ended(relieved?: Promise<void>): Promise<"ended" | "relieved"> {
    if (this.signal.aborted) return "ended";
    const keepAlive = setInterval(() => {}, 2 ** 30);
    const how = await new Promise<"ended" | "relieved">((resolve) => {
      this.signal.addEventListener("abort", () => resolve("ended"), {
        once: true,
      });
      void relieved?.then(() => resolve("relieved"));
    });
    clearInterval(keepAlive);
    return how;
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
    process.off("disconnect", this.#onDisconnect);
  }
}

/** Prints the one line on stdout that says a command serves, and where. */
export function printReady(where: string): void {
  process.stdout.write(`ready ${where}\n`);
}
