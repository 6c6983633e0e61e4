import { type ChildProcess, spawn } from "node:child_process";
import { errorMessage, type Journal } from "../base/index.ts";
import type { TicketKeys } from "../proxy/index.ts";
import {
  type InheritanceMessage,
  type PassedListener,
  PREDECESSOR_VARIABLE,
  readReport,
} from "./inheritance.ts";

/*
 * The side of the process that leaves:
 *
 *   starting ──allow()──► idle
 *   idle ──begin()──► raising ──ready──► taken
 *     ▲                  │
 *     └── failed, ended, too late
 */
type State =
  /** Not serving yet: there is nothing to hand over. */
  | { readonly kind: "starting" }
  | { readonly kind: "idle" }
  | {
      readonly kind: "raising";
      readonly child: ChildProcess;
      readonly timer: NodeJS.Timeout;
    }
  /** A successor serves: this process takes nothing new. */
  | { readonly kind: "taken" };

/** Of a child: stdin, stdout, stderr and the channel come before. */
const FIRST_DESCRIPTOR = 4;

/** What is handed over; descriptors are this process's own. */
export interface Legacy {
  readonly listeners: readonly (Omit<PassedListener, "sockets"> & {
    readonly descriptors: readonly number[];
  })[];
  readonly ticketKeys: TicketKeys | undefined;
}

export interface TakeOverOptions {
  /** A successor that is not ready within this is ended. */
  readonly timeoutMs: number;
  readonly legacy: () => Legacy;
  readonly journal: Journal;
}

/**
 * Lets a new process, started as this one was, take this one's place: it is
 * given the listening sockets, and only when it says that it serves is this one
 * to stop. A successor that fails changes nothing.
 */
export class TakeOver implements Disposable {
  readonly #options: TakeOverOptions;
  readonly #taken = Promise.withResolvers<void>();
  #state: State = { kind: "starting" };

  constructor(options: TakeOverOptions) {
    this.#options = options;
  }

  /** Resolves when a successor serves. */
  get taken(): Promise<void> {
    return this.#taken.promise;
  }

  /** This process serves from here on. */
  allow(): void {
    if (this.#state.kind === "starting") this.#state = { kind: "idle" };
  }

  /** Starts a successor, unless there is one. */
  begin(): void {
    if (process.pid === 1) {
      this.#tell(
        "warn",
        "take-over-refused",
        "Cannot be replaced: this is the first process of a container, which ends with it",
      );
      return;
    }
    if (this.#state.kind !== "idle") {
      const isStarting = this.#state.kind === "starting";
      this.#tell(
        "warn",
        "take-over-refused",
        isStarting
          ? "Cannot be replaced: this process does not serve yet"
          : "Cannot be replaced once more: a successor is there already",
      );
      return;
    }
    const { timeoutMs } = this.#options;
    let child: ChildProcess;
    try {
      child = this.#start();
    } catch (error) {
      this.#tell(
        "error",
        "take-over-failed",
        `No process can take over: ${errorMessage(error)}; this one goes on`,
      );
      return;
    }
    const timer = setTimeout(
      () => this.#giveUp(`it was not ready within ${timeoutMs} ms`),
      timeoutMs,
    );
    this.#state = { kind: "raising", child, timer };
    this.#tell(
      "info",
      "take-over-begun",
      `Process ${child.pid ?? "?"} is to take over`,
    );
  }

  /** Ends a successor that is not ready. */
  [Symbol.dispose](): void {
    if (this.#state.kind !== "raising") return;
    clearTimeout(this.#state.timer);
    this.#state.child.kill("SIGKILL");
    this.#state = { kind: "taken" };
  }

  #start(): ChildProcess {
    const { listeners, ticketKeys } = this.#options.legacy();
    const descriptors: number[] = [];
    const place = (descriptor: number) =>
      FIRST_DESCRIPTOR + descriptors.push(descriptor) - 1;
    const message: InheritanceMessage = {
      kind: "inheritance",
      listeners: listeners.map(({ descriptors: own, ...listener }) => ({
        ...listener,
        // Twice, so that a worker may end and its queue stay.
        sockets: own.map((one) => [place(one), place(one)]),
      })),
      ...(ticketKeys === undefined
        ? {}
        : {
            ticketKeys: {
              base64: Buffer.from(ticketKeys.bytes).toString("base64"),
              ageMs: ticketKeys.ageMs,
            },
          }),
    };
    const [, script = "", ...args] = process.argv;
    // By the name that this process was started by: it may be another Node now.
    const child = spawn(process.argv0, [...process.execArgv, script, ...args], {
      stdio: ["ignore", "inherit", "inherit", "ipc", ...descriptors],
      env: { ...process.env, [PREDECESSOR_VARIABLE]: String(process.pid) },
    });
    child.once("error", (error) => this.#giveUp(errorMessage(error)));
    child.once("exit", (code, signal) =>
      this.#onExit(signal ?? `status ${code}`),
    );
    child.on("message", (received) =>
      this.#onMessage(child, message, received),
    );
    return child;
  }

  #onMessage(
    child: ChildProcess,
    inheritance: InheritanceMessage,
    received: unknown,
  ): void {
    const report = readReport(received);
    if (report === undefined || this.#state.kind !== "raising") return;
    switch (report.kind) {
      case "hello":
        child.send(inheritance, () => {}); // its end is told by its exit
        return;
      case "failed":
        this.#giveUp(report.message);
        return;
      case "ready":
        clearTimeout(this.#state.timer);
        this.#state = { kind: "taken" };
        // The channel stays open as long as this process lives.
        child.unref();
        child.channel?.unref();
        this.#tell(
          "info",
          "taken-over",
          `Process ${child.pid ?? "?"} serves: this one finishes what is in flight and ends`,
        );
        this.#taken.resolve();
        return;
      default:
        report satisfies never;
    }
  }

  #onExit(how: string): void {
    if (this.#state.kind === "raising") this.#giveUp(`it ended with ${how}`);
    else if (this.#state.kind === "taken")
      this.#tell("error", "successor-ended", `The successor ended with ${how}`);
  }

  #giveUp(because: string): void {
    if (this.#state.kind !== "raising") return;
    const { child, timer } = this.#state;
    clearTimeout(timer);
    this.#state = { kind: "idle" };
    child.kill("SIGKILL");
    this.#tell(
      "error",
      "take-over-failed",
      `Process ${child.pid ?? "?"} cannot take over: ${because}; this one goes on`,
    );
  }

  #tell(level: "info" | "warn" | "error", event: string, message: string) {
    this.#options.journal({ level, room: "cli", event, message });
  }
}
