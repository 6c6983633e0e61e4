import { Backoff, delay, errorMessage, type Journal } from "../base/index.ts";
import type { Keeper } from "../keeper/index.ts";

const RETRY = { minMs: 100, maxMs: 5000 };

/**
 * A keeper that opens later: its port and its file are another process's until
 * that one has ended. Whoever waits for it sees a restart of the keeper.
 */
export class LateKeeper implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #opening: Promise<Keeper | undefined>;

  constructor(options: {
    readonly after: Promise<void>;
    readonly open: () => Promise<Keeper>;
    readonly journal: Journal;
  }) {
    this.#opening = this.#open(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const keeper = await this.#opening;
    await keeper?.close();
  }

  /** Never rejects. */
  async #open({
    after,
    open,
    journal,
  }: ConstructorParameters<typeof LateKeeper>[0]): Promise<Keeper | undefined> {
    const { signal } = this.#stop;
    const stopped = new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
    await Promise.race([after, stopped]);
    const backoff = new Backoff(RETRY);
    while (!signal.aborted) {
      try {
        return await open();
      } catch (error) {
        journal({
          level: "error",
          room: "cli",
          event: "keeper-not-opened",
          message: `${errorMessage(error)}; trying again`,
          error,
        });
      }
      await delay(backoff.nextMs(), { signal }).catch(() => {});
    }
    return undefined;
  }
}
