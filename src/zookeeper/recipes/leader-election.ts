import {
  Backoff,
  delay,
  errorMessage,
  Latest,
  silentJournal,
  systemClock,
} from "../../base/index.ts";
import { childPath } from "../znode-path.ts";
import { type Hold, Lock, type LockOptions } from "./lock.ts";
import { atMost, DISPOSE_LIMIT_MS } from "./persevere.ts";
import { errorCode, isOver, type WritingClient } from "./recipe-client.ts";
import { contestants } from "./sequence.ts";

/** What a participant of an election is. */
export type ElectionState =
  | { readonly kind: "waiting" }
  /** Until `term.lost` fires; `term.fencing` grows from leader to leader. */
  | { readonly kind: "leading"; readonly term: Hold }
  | { readonly kind: "closed" };

export interface ElectionOptions extends Omit<LockOptions, "data"> {
  /** Who this participant is, for {@link LeaderElection.leader}. */
  readonly id: string;
}

const KINDS = new Set(["lock-"]);

/**
 * One participant of an election. It waits for its turn, leads until its term is
 * lost or resigned, and waits again, until it is closed. Its nodes are those of
 * Curator's LeaderSelector.
 *
 * ```ts
 * await using election = new LeaderElection(zooKeeper, "/leader", { id: "host-1" });
 * for await (const state of election.states())
 *   if (state.kind === "leading") await lead(state.term.fencing, state.term.lost);
 * ```
 */
export class LeaderElection implements AsyncDisposable {
  readonly #client: WritingClient;
  readonly #options: ElectionOptions;
  readonly #lock: Lock;
  readonly #state = new Latest<ElectionState>({ kind: "waiting" });
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #resigned = Promise.withResolvers<void>();

  constructor(client: WritingClient, path: string, options: ElectionOptions) {
    this.#client = client;
    this.#options = options;
    this.#lock = new Lock(client, path, { ...options, data: options.id });
    this.#running = this.#run();
  }

  get state(): ElectionState {
    return this.#state.value;
  }

  /** The present state, then each newer one. Ends when it is closed; throws `signal.reason` on abort. */
  states(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<ElectionState, void, void> {
    return this.#state.watch(options);
  }

  /** Resolves with the term when this participant leads. Rejects when it is closed. */
  async leading(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Hold> {
    for await (const state of this.states(options))
      if (state.kind === "leading") return state.term;
    throw new Error(`Cannot lead "${this.#lock.path}": it was closed`);
  }

  /** The id of who leads now, as far as the server knows; undefined when nobody does. */
  async leader(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<string | undefined> {
    const { path } = this.#lock;
    for (;;) {
      try {
        const { children } = await this.#client.getChildren(path, options);
        const [first] = contestants(children, KINDS);
        if (first === undefined) return undefined;
        const node = childPath(path, first.name);
        const { data } = await this.#client.getData(node, options);
        return data?.toString();
      } catch (error) {
        if (errorCode(error) !== "no-node") throw error;
        if ((await this.#client.exists(path, options)) === undefined)
          return undefined;
      }
    }
  }

  /** Gives up leading, if it does, and stands again behind the others. */
  async resign(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { state } = this;
    if (state.kind !== "leading") return;
    this.#state.set({ kind: "waiting" });
    await state.term.release(options);
    this.#resigned.resolve();
  }

  /** Resigns and takes part no longer. */
  async close(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    this.#stop.abort();
    this.#state.set({ kind: "closed" });
    this.#state.close();
    await this.#lock.close(options);
    await this.#running;
  }

  /** Waits for the server at most 5 s; then the deletion goes on behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock = systemClock } = this.#options;
    await atMost(DISPOSE_LIMIT_MS, this.close(), clock);
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { clock = systemClock, journal = silentJournal } = this.#options;
    const backoff = new Backoff({ minMs: 100, maxMs: 10_000 });
    while (!signal.aborted) {
      try {
        const term = await this.#lock.acquire({ signal });
        backoff.reset();
        await this.#lead(term);
      } catch (error) {
        if (signal.aborted || isOver(this.#client)) break;
        journal({
          level: "warn",
          room: "zookeeper",
          event: "election-failed",
          message: `Cannot take part in "${this.#lock.path}": ${errorMessage(error)}`,
          error,
        });
        await delay(backoff.nextMs(), { clock, signal }).catch(() => {});
      }
    }
    this.#state.set({ kind: "closed" });
    this.#state.close();
  }

  /** Resolves when the term has ended. */
  async #lead(term: Hold): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    this.#resigned = Promise.withResolvers<void>();
    const { promise: lost, resolve } = Promise.withResolvers<void>();
    const onEnd = () => resolve();
    term.lost.addEventListener("abort", onEnd, { once: true });
    signal.addEventListener("abort", onEnd, { once: true });
    if (!term.lost.aborted) {
      this.#state.set({ kind: "leading", term });
      await Promise.race([lost, this.#resigned.promise]);
    }
    signal.removeEventListener("abort", onEnd);
    term.lost.removeEventListener("abort", onEnd);
    if (!signal.aborted) this.#state.set({ kind: "waiting" });
    await term.release();
  }
}
