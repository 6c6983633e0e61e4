import { abortable, delay } from "../base/index.ts";
import { Child } from "./child.ts";

/** A process of the demo. */
export interface Role {
  readonly name: string;
  readonly args: readonly string[];
}

const RESTART_AFTER_MS = 10_000;
const STOP_WITHIN_MS = 10_000;

/**
 * Keeps the demo's processes running: one that ends, as when the reader kills
 * it to see what happens, comes back ten seconds later.
 */
export class DemoStage {
  readonly #signal: AbortSignal;
  readonly #say: (line: string) => void;
  readonly #children: { readonly role: Role; child: Child }[] = [];

  constructor(options: {
    readonly signal: AbortSignal;
    readonly say: (line: string) => void;
  }) {
    this.#signal = options.signal;
    this.#say = options.say;
  }

  /**
   * Starts one process and resolves with what its `ready` line says.
   * @throws Error when it ends before that, with the last line it logged
   */
  start(role: Role): Promise<string> {
    const ready = Promise.withResolvers<string>();
    let isReady = false;
    let lastLine = "";
    const entry = {
      role,
      child: new Child(role.args, (event) => {
        switch (event.kind) {
          case "ready":
            if (isReady) this.#say(`${role.name}: ${event.where}`);
            isReady = true;
            ready.resolve(event.where);
            return;
          case "log":
            lastLine = event.line;
            if (isReady) this.#say(`${role.name}: ${event.line}`);
            return;
          case "ended":
            if (!isReady)
              ready.reject(new Error(lastLine.replace(/^zoogate: /u, "")));
            else this.#restart(entry, event.how);
            return;
          default:
            event satisfies never;
        }
      }),
    };
    this.#children.push(entry);
    return abortable(ready.promise, this.#signal);
  }

  pidOf(name: string): number {
    const entry = this.#children.findLast(({ role }) => role.name === name);
    return entry?.child.pid ?? -1;
  }

  /** Stops all, last started first. */
  async stop(): Promise<void> {
    for (const { child } of this.#children.toReversed())
      await child.stop(STOP_WITHIN_MS);
  }

  #restart(entry: { readonly role: Role }, how: string): void {
    if (this.#signal.aborted) return;
    const { role } = entry;
    this.#say(
      `${role.name} ended (${how}); it is started again in ${RESTART_AFTER_MS / 1000} s`,
    );
    delay(RESTART_AFTER_MS, { signal: this.#signal, keepAlive: true })
      .then(async () => {
        this.#children.splice(
          this.#children.findIndex((other) => other.role === role),
          1,
        );
        await this.start(role);
        this.#say(`${role.name} is back, pid ${this.pidOf(role.name)}`);
      })
      .catch((error: unknown) => {
        if (!this.#signal.aborted)
          this.#say(`${role.name} does not come back: ${String(error)}`);
      });
  }
}
