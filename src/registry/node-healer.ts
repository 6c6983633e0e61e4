import {
  Backoff,
  type Clock,
  delay,
  isAbortOf,
  type Journal,
} from "../base/index.ts";
import type { StreamKind, ZooKeeper } from "../zookeeper/index.ts";
import { hasCode } from "./folders.ts";

/** What follows from an error of `settle`. */
export type HealVerdict =
  /** Again after a while. */
  | "retry"
  /** Again when something happens to the node. */
  | "wait"
  | "stop";

export interface NodeHealerOptions {
  readonly zk: ZooKeeper;
  readonly path: string;
  readonly watch: StreamKind;
  /**
   * Makes the node as it should be. Called again after whatever happened to it.
   * The signal fires on close; what was sent then may still be done.
   */
  readonly settle: (signal: AbortSignal) => Promise<void>;
  readonly judge: (error: unknown) => HealVerdict;
  readonly journal: Journal;
  readonly clock: Clock;
}

/**
 * Keeps one znode as its owner wants it: `settle` runs when the session is
 * live, when the node changes, after each reconnect and new session, and when
 * the owner kicks it; never twice at a time.
 */
export class NodeHealer {
  readonly #options: NodeHealerOptions;
  readonly #stop = new AbortController();
  readonly #backoff = new Backoff({ minMs: 50, maxMs: 5_000 });
  #kicked = true;
  #wake: (() => void) | undefined;
  readonly #running: Promise<unknown>;

  constructor(options: NodeHealerOptions) {
    this.#options = options;
    this.#running = Promise.all([this.#run(), this.#follow()]);
  }

  kick(): void {
    this.#kicked = true;
    this.#wake?.();
  }

  /** Resolves when nothing runs any more. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { zk, settle, judge, clock } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await zk.live({ signal });
        this.#kicked = false;
        await settle(signal);
        this.#backoff.reset();
      } catch (error) {
        if (signal.aborted || hasCode(error, "closed")) return;
        const verdict = judge(error);
        if (verdict === "stop") return;
        if (verdict === "retry") {
          await delay(this.#backoff.nextMs(), { signal, clock }).catch(
            () => {},
          );
          continue;
        }
      }
      await this.#kick();
    }
  }

  #kick(): Promise<void> {
    if (this.#kicked || this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }

  async #follow(): Promise<void> {
    const { zk, path, watch: kind, journal, clock } = this.#options;
    const { signal } = this.#stop;
    const backoff = new Backoff({ minMs: 100, maxMs: 10_000 });
    while (!signal.aborted) {
      try {
        for await (const event of zk.watch(path, { kind, signal })) {
          if (event.kind !== "re-synced" || event.because !== "armed")
            this.kick();
        }
        return;
      } catch (error) {
        if (isAbortOf(error, signal) || hasCode(error, "closed")) return;
        journal({
          level: "warn",
          room: "registry",
          event: "watch-failed",
          message: `Cannot watch ${path}: trying again`,
          path,
          error,
        });
        await delay(backoff.nextMs(), { signal, clock }).catch(() => {});
        this.kick();
      }
    }
  }
}
