/**
 * A node that is there as long as its owner wants it: Curator's PersistentNode.
 *
 *                    made, or found to be ours
 *   ┌────────┐ ──────────────────────────────────▶ ┌─────────┐
 *   │ absent │                                     │ present │
 *   └────────┘ ◀────────────────────────────────── └─────────┘
 *     │    ▲    deleted, session lost or expired        │
 *     │    │ the other's node is gone                   │ close
 *     ▼    │                                            ▼
 *   ┌─────────┐                                    ┌────────┐
 *   │ blocked │ ─────────────────────────────────▶ │ closed │
 *   └─────────┘   (ephemeral, of another session)  └────────┘
 *
 * One worker looks at the node and mends what is not as wanted, whenever
 * something woke it: a watch, a reconnect, new data. It looks with a watch, so
 * that a change either is in what it sees or wakes it again.
 *
 * Never doubled: it makes a node only after it has seen, behind a `sync` if an
 * earlier answer was lost, that none of its own is there. A fixed name cannot
 * stand twice anyway; a protected or sequential one carries an identity by which
 * it is found. An ephemeral node of an earlier session of the same name is not
 * ours: it blocks until the server removes it.
 *
 * It does not fight: data that somebody else writes stays until its owner calls
 * `setData`, and a node of another session is waited for, not deleted.
 */

import {
  abortable,
  type Clock,
  delay,
  errorMessage,
  type Journal,
  Latest,
  silentJournal,
  systemClock,
  Backoff,
} from "../../base/index.ts";
import {
  type CreateMode,
  type SessionId,
  type Stat,
  toSessionId,
  toZxid,
  type Zxid,
} from "../../jute/index.ts";
import type { NodeData } from "../multi.ts";
import type { AclEntry } from "../operations.ts";
import { parentPath } from "../znode-path.ts";
import { atMost, DISPOSE_LIMIT_MS, persevere } from "./persevere.ts";
import { deleteIfThere, ProtectedName } from "./protected-name.ts";
import {
  errorCode,
  isOver,
  isPassing,
  type WritingClient,
} from "./recipe-client.ts";

export type PersistentNodeState =
  | {
      readonly kind: "absent";
      readonly because: "starting" | "deleted" | "session-lost" | "failing";
    }
  | {
      readonly kind: "present";
      /** With identity and sequence number, where there are any. */
      readonly path: string;
      readonly czxid: Zxid;
    }
  /** An ephemeral node of another session stands there. */
  | { readonly kind: "blocked"; readonly by: SessionId }
  | { readonly kind: "closed" };

export interface PersistentNodeOptions {
  readonly data?: NodeData | undefined;
  /** `ephemeral` unless given. */
  readonly mode?: CreateMode | undefined;
  /** Puts a random identity before the name; sequential modes always do. */
  readonly protect?: boolean | undefined;
  readonly acl?: readonly AclEntry[] | undefined;
  readonly ttlMs?: number | undefined;
  /** Closes it. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  readonly journal?: Journal | undefined;
}

interface Wanted {
  readonly data: NodeData;
  readonly number: number;
}

/** See the header. Parents are made where they are missing. */
export class PersistentNode implements AsyncDisposable {
  readonly #client: WritingClient;
  readonly #path: string;
  readonly #options: PersistentNodeOptions;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #protected: ProtectedName | undefined;
  readonly #state: Latest<PersistentNodeState>;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #wanted: Wanted;
  /** The data that was last written into the node of this czxid. */
  readonly #written = new Latest({ number: 0, czxid: -1n });
  #wake = Promise.withResolvers<void>();
  #woken = false;
  #watchedPath: string | undefined;
  /** The path of the present node, where its name is not fixed. */
  #found: string | undefined;
  #answerLost = false;
  #deleted: Promise<void> | undefined;

  constructor(
    client: WritingClient,
    path: string,
    options: PersistentNodeOptions = {},
  ) {
    this.#client = client;
    this.#path = path;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#journal = options.journal ?? silentJournal;
    this.#wanted = { data: options.data ?? null, number: 1 };
    const { mode = "ephemeral", protect = false, signal } = options;
    if (protect || mode.includes("sequential")) {
      const name = path.slice(path.lastIndexOf("/") + 1);
      this.#protected = new ProtectedName(parentPath(path) ?? "/", name);
    }
    this.#state = new Latest<PersistentNodeState>({
      kind: "absent",
      because: "starting",
    });
    this.#running = this.#run();
    void this.#followSession();
    if (signal?.aborted === true) this.#stop.abort();
    const onAbort = () => void this.close().catch(() => {});
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#stop.signal.addEventListener(
      "abort",
      () => signal?.removeEventListener("abort", onAbort),
      { once: true },
    );
  }

  get state(): PersistentNodeState {
    return this.#state.value;
  }

  /** The present state, then each newer one. Ends when it is closed; throws `signal.reason` on abort. */
  states(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<PersistentNodeState, void, void> {
    return this.#state.watch(options);
  }

  /** Resolves with the path when the node is there. Rejects when this is closed. */
  async present(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<string> {
    for await (const state of this.states(options))
      if (state.kind === "present") return state.path;
    throw new Error(`Cannot keep "${this.#path}": it was closed`);
  }

  /**
   * What the node holds from now on, also when it is made anew. Resolves when it
   * was written; of several calls in a row the last one's data is written.
   */
  async setData(
    data: NodeData,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const number = this.#wanted.number + 1;
    this.#wanted = { data, number };
    this.#wakeUp();
    await this.#written.when((written) => written.number >= number, options);
  }

  /** Deletes the node, if it is ours, and keeps it no longer. Waits for the server at most until the signal fires. */
  async close(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    this.#stop.abort();
    this.#wakeUp();
    this.#deleted ??= this.#running.then(() => this.#delete());
    this.#state.set({ kind: "closed" });
    this.#state.close();
    this.#written.close();
    await abortable(this.#deleted, options.signal);
  }

  /** Waits for the server at most 5 s; then the deletion goes on behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    await atMost(DISPOSE_LIMIT_MS, this.close(), this.#clock);
  }

  get #isEphemeral(): boolean {
    const { mode = "ephemeral" } = this.#options;
    return mode.startsWith("ephemeral");
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const backoff = new Backoff({ minMs: 20, maxMs: 5_000 });
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#woken = false;
      this.#wake = Promise.withResolvers<void>();
      try {
        await this.#mend(signal);
        backoff.reset();
        if (!this.#woken) await this.#wake.promise;
      } catch (error) {
        if (signal.aborted || isOver(this.#client)) return;
        this.#answerLost = true;
        if (!isPassing(error)) this.#reportFailing(error);
        await delay(backoff.nextMs(), { signal, clock: this.#clock }).catch(
          () => {},
        );
      }
    }
  }

  #reportFailing(error: unknown): void {
    this.#state.set({ kind: "absent", because: "failing" });
    this.#journal({
      level: "warn",
      room: "zookeeper",
      event: "persistent-node-failing",
      message: `Cannot keep "${this.#path}": ${errorMessage(error)}`,
      path: this.#path,
      error,
    });
  }

  /** What a lost or expired session means for the node. Never rejects. */
  async #followSession(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const { kind } of this.#client.states({ signal })) {
        if (kind === "lost" || kind === "expired") {
          if (this.#isEphemeral && this.state.kind === "present")
            this.#state.set({ kind: "absent", because: "session-lost" });
        } else if (kind === "live") this.#wakeUp();
      }
    } catch {
      // Closed.
    }
  }

  #wakeUp(): void {
    this.#woken = true;
    this.#wake.resolve();
  }

  /** Looks, and makes or writes what is not as wanted. */
  async #mend(signal: AbortSignal): Promise<void> {
    if (this.#answerLost) {
      // The server that is asked now may be behind the one that answered last.
      await this.#client.sync(parentPath(this.#path) ?? "/", { signal });
      this.#answerLost = false;
    }
    const path = await this.#currentPath(signal);
    const stat =
      path === undefined ? undefined : await this.#look(path, signal);
    if (path === undefined || stat === undefined) {
      this.#found = undefined;
      if (this.state.kind === "present")
        this.#state.set({ kind: "absent", because: "deleted" });
      await this.#make(signal);
      this.#wakeUp(); // to look at it with a watch
      return;
    }
    if (this.#isOther(stat)) {
      const by = toSessionId(stat.ephemeralOwner);
      this.#state.set({ kind: "blocked", by });
      return;
    }
    await this.#write(path, stat, signal);
    const { state } = this;
    const czxid = toZxid(stat.czxid);
    if (
      state.kind !== "present" ||
      state.path !== path ||
      state.czxid !== czxid
    )
      this.#state.set({ kind: "present", path, czxid });
  }

  /** Where our node is, or would be; undefined where none with our identity is. */
  async #currentPath(signal: AbortSignal): Promise<string | undefined> {
    if (this.#protected === undefined) return this.#path;
    if (this.#found !== undefined) return this.#found;
    const [found] = await this.#protected.find(this.#client, signal);
    this.#found = found;
    return found;
  }

  /** With a watch, unless one stands. */
  async #look(path: string, signal: AbortSignal): Promise<Stat | undefined> {
    if (this.#watchedPath === path)
      return this.#client.exists(path, { signal });
    this.#watchedPath = path;
    const onWatch = () => {
      if (this.#watchedPath === path) this.#watchedPath = undefined;
      this.#wakeUp();
    };
    try {
      return await this.#client.exists(path, { signal, onWatch });
    } catch (error) {
      this.#watchedPath = undefined;
      throw error;
    }
  }

  #isOther(stat: Stat): boolean {
    return this.#isEphemeral && stat.ephemeralOwner !== this.#client.sessionId;
  }

  async #make(signal: AbortSignal): Promise<void> {
    const { mode = "ephemeral", acl, ttlMs } = this.#options;
    const { data, number } = this.#wanted;
    const options = { mode, acl, ttlMs, signal };
    if (this.#protected !== undefined) {
      const made = await this.#protected.create(this.#client, data, options);
      this.#found = made.path;
      this.#written.set({ number, czxid: made.stat.czxid });
      return;
    }
    try {
      const { stat } = await this.#client.create(this.#path, data, options);
      this.#written.set({ number, czxid: stat.czxid });
    } catch (error) {
      const code = errorCode(error);
      if (code === "no-node") {
        const parent = parentPath(this.#path) ?? "/";
        await this.#client.ensurePath(parent, { signal });
      } else if (code !== "node-exists") throw error;
    }
  }

  /** A node whose content we do not know (found, or older than our data) gets what is wanted. */
  async #write(path: string, stat: Stat, signal: AbortSignal): Promise<void> {
    const { data, number } = this.#wanted;
    const written = this.#written.value;
    if (written.number === number && written.czxid === stat.czxid) return;
    try {
      await this.#client.setData(path, data, { signal });
    } catch (error) {
      if (errorCode(error) !== "no-node") throw error;
      this.#wakeUp(); // gone meanwhile: look again
      return;
    }
    this.#written.set({ number, czxid: stat.czxid });
  }

  async #delete(): Promise<void> {
    const client = this.#client;
    const clock = this.#clock;
    try {
      if (this.#protected !== undefined)
        await this.#protected.remove(client, { clock });
      else
        await persevere(
          async () => {
            await client.sync(this.#path);
            const stat = await client.exists(this.#path);
            if (stat !== undefined && !this.#isOther(stat))
              await deleteIfThere(client, this.#path);
          },
          { client, clock },
        );
    } catch (error) {
      if (isOver(client) && this.#isEphemeral) return; // it goes with the session
      throw error;
    }
  }
}
