import { Channel, type Journal } from "../base/index.ts";
import type { DataPlaneSignal } from "./data-plane.ts";

/** The same is told of one registration at most this often. */
const INTERVAL_MS = 1000;
const MAX_SIGNALS = 4096;

/** What the data plane sees of its targets, for one reader; rate-bounded. */
export class SignalFeed {
  readonly #channel = new Channel<DataPlaneSignal>({ limit: MAX_SIGNALS });
  readonly #told = new Map<string, number>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  push(signal: DataPlaneSignal): void {
    const key = `${signal.kind} ${signal.registration}`;
    const nowMs = performance.now();
    const lastMs = this.#told.get(key) ?? -Infinity;
    // A drain is told whenever it ends: somebody waits for it.
    if (signal.kind !== "drained" && nowMs - lastMs < INTERVAL_MS) return;
    if (this.#told.size > MAX_SIGNALS) this.#told.clear();
    this.#told.set(key, nowMs);
    if (this.#channel.push(signal) === "full")
      this.#journal({
        level: "warn",
        room: "proxy",
        event: "signals-full",
        message: "Nobody reads what the data plane sees of its targets",
      });
  }

  async *read(
    signal: AbortSignal | undefined,
  ): AsyncGenerator<DataPlaneSignal, void, void> {
    signal?.throwIfAborted();
    const onAbort = () => this.#channel.fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      yield* this.#channel;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  close(): void {
    this.#channel.close();
  }
}
