/**
 * A live copy of a subtree: Curator's CuratorCache, on one persistent recursive
 * watch.
 *
 * ZooKeeper tells *that* a path changed, not what it is now, and a persistent
 * watch tells nothing of what happened while its client was away. So a mirror is
 * two things: it reads each path that it is told of, and after each interruption
 * (a reconnect, a new session, a full event queue) it reads everything and
 * compares. Both are pipelined, and both rest on the order in which one session
 * is served; the argument why nothing is lost, doubled or taken from an older
 * answer stands in `mirror-reader.ts`. The watch is requested before the first
 * read, and is set again by the client before any request of the new connection,
 * so that a change is either in what is read or is told of afterwards.
 *
 *          armed, or re-synced                     walk ended
 *   ┌──────┐ (after a jitter)  ┌─────────┐ ─────────────────▶ ┌─────────┐
 *   │ held │ ────────────────▶ │ walking │                    │ current │
 *   └──────┘ ◀──────────────── └─────────┘                    └─────────┘
 *       ▲        re-synced                                         │
 *       └──────────────────────────────────────────────────────────┘
 *
 * While it is held or walking the nodes of before stay: a lost connection
 * changes nothing, and what vanished meanwhile is dropped when the walk has
 * shown that it is gone.
 *
 * Known limit: on Apache ZooKeeper before 3.9 a one-shot watch which the same
 * session sets on the mirror's root itself ends the recursive one
 * (ZOOKEEPER-4466). A mirror sets none there.
 */

import {
  abortable,
  Backoff,
  type Clock,
  delay,
  type Journal,
  Latest,
  silentJournal,
  systemClock,
  type Timer,
} from "../../base/index.ts";
import { toZxid, type Zxid } from "../../jute/index.ts";
import { MirrorFeed } from "./mirror-feed.ts";
import type { MirrorChange, MirrorNode } from "./mirror-node.ts";
import { type MirrorFlush, MirrorReader } from "./mirror-reader.ts";
import {
  type MirrorSource,
  OneShotMirrorSource,
  RecursiveMirrorSource,
} from "./mirror-source.ts";
import { persevere } from "./persevere.ts";
import { errorCode, isOver, type ReadingClient } from "./recipe-client.ts";

/** What a mirror asks of its client. */
export type MirrorClient = ReadingClient;

export interface MirrorOptions {
  /** Closes the mirror. */
  readonly signal?: AbortSignal | undefined;
  /** Reads in flight at once. Default 256. */
  readonly maxReads?: number | undefined;
  /**
   * After an interruption the re-reading begins at a random moment within this
   * time, so that many mirrors do not ask at once. Default 0; the first reading
   * never waits.
   */
  readonly resyncJitterMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly journal?: Journal | undefined;
  readonly random?: (() => number) | undefined;
}

type MirrorProgress = {
  readonly synced: boolean;
  readonly zxid: bigint;
};

/**
 * A live copy of the subtree at `root` (which need not exist). It follows until
 * it is closed, or its client is.
 *
 * ```ts
 * await using mirror = new Mirror(zooKeeper, "/services");
 * await mirror.ready();
 * for await (const batch of mirror.changes()) console.log(mirror.nodes.size, batch);
 * ```
 */
export class Mirror implements AsyncDisposable {
  readonly root: string;
  readonly #client: MirrorClient;
  readonly #options: MirrorOptions;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #stop = new AbortController();
  readonly #reader: MirrorReader;
  readonly #feeds = new Set<MirrorFeed>();
  readonly #progress: Latest<MirrorProgress>;
  #source: MirrorSource;
  #jitter: Timer | undefined;
  #lastSynced: bigint | undefined;
  /** A new tree was met, and the walk that reads it has not ended. */
  #newTree = false;
  #failure: { readonly error: unknown } | undefined;
  readonly #running: Promise<void>;

  /** `root` is an absolute path below the client's chroot; `"/"` is one. */
  constructor(client: MirrorClient, root: string, options: MirrorOptions = {}) {
    this.root = root;
    this.#client = client;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#journal = options.journal ?? silentJournal;
    this.#progress = new Latest<MirrorProgress>({ synced: false, zxid: 0n });
    this.#source = this.#sourceBy(RecursiveMirrorSource);
    this.#reader = new MirrorReader({
      root,
      source: () => this.#source,
      maxReads: options.maxReads ?? 256,
      clock: this.#clock,
      journal: this.#journal,
      flushed: (flush) => this.#flushed(flush),
    });
    this.#running = this.#run();
    const { signal } = options;
    if (signal?.aborted === true) this.#end();
    const onAbort = () => this.#end();
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#stop.signal.addEventListener("abort", () =>
      signal?.removeEventListener("abort", onAbort),
    );
  }

  /** The nodes as far as they are known now, by relative path. Follow {@link Mirror.changes} to learn when it changes. */
  get nodes(): ReadonlyMap<string, MirrorNode> {
    return this.#reader.nodes;
  }

  /** Every change up to and with this one is in `nodes`; 0 before the first reading. */
  get appliedZxid(): Zxid {
    return toZxid(this.#progress.value.zxid);
  }

  /** Whether all that the server has told is applied, and no reading is going on. */
  get atRest(): boolean {
    return this.#reader.atRest;
  }

  /**
   * Resolves when everything was read once, and stays resolved through
   * interruptions. Rejects when the mirror is closed before that.
   */
  async ready(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    await this.#when((progress) => progress.synced, options.signal);
  }

  /** Resolves when every change up to `zxid` is in `nodes`. */
  async reached(
    zxid: bigint,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    await this.#when(
      (progress) => progress.synced && progress.zxid >= zxid,
      options.signal,
    );
  }

  /**
   * Resolves when every change that was committed anywhere before the call is
   * in `nodes`: after a `sync`, whose answer comes behind the notifications of
   * all those changes, what is pending is waited for.
   */
  async catchUp(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { signal } = options;
    const client = this.#client;
    await persevere(() => client.sync(this.root, { signal }), {
      client,
      signal,
      clock: this.#clock,
    });
    await abortable(nextTurn(), signal);
    await abortable(this.#reader.drained(), signal);
  }

  /**
   * Batches of changes, one for each turn in which something was applied. The
   * first batch holds what is known when the loop begins, as `set`. A reader who
   * is slow gets the changes of each path merged into one: it misses states in
   * between, never the last. `synced` comes last in its batch, whenever the
   * mirror has got further; ends when the mirror is closed; throws
   * `signal.reason` on abort.
   */
  async *changes(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<readonly MirrorChange[], void, void> {
    const { signal } = options;
    signal?.throwIfAborted();
    const feed = this.#openFeed();
    try {
      for (;;) {
        const batch = await abortable(feed.take(), signal);
        if (batch === undefined) return;
        yield batch;
      }
    } finally {
      this.#feeds.delete(feed);
    }
  }

  /** Ends the watch and all readers; `nodes` stays as it is. */
  async close(): Promise<void> {
    this.#end();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const backoff = new Backoff({ minMs: 100, maxMs: 10_000 });
    const { signal } = this.#stop;
    const states = this.#followStates();
    while (!signal.aborted) {
      try {
        await this.#source.follow();
        break; // the client was closed
      } catch (error) {
        if (signal.aborted) break;
        if (!this.#recover(error)) break;
        if (errorCode(error) !== "unimplemented")
          await delay(backoff.nextMs(), { signal, clock: this.#clock }).catch(
            () => {},
          );
      }
    }
    this.#end();
    await states;
  }

  /** Never rejects; a new tree is noticed even when its connection breaks at once. */
  async #followStates(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const state of this.#client.states({ signal }))
        if (state.kind === "live" && state.newTree) this.#newTree = true;
    } catch (error) {
      if (!signal.aborted) this.#failure ??= { error };
    }
  }

  /** Whether watching goes on after `error`. */
  #recover(error: unknown): boolean {
    const code = errorCode(error);
    if (code === "closed") return false;
    if (code === undefined || code === "bad-path" || isOver(this.#client)) {
      this.#failure = { error };
      return false;
    }
    const oneShot = code === "unimplemented";
    this.#journal({
      level: oneShot ? "info" : "warn",
      room: "zookeeper",
      event: oneShot ? "mirror-one-shot" : "mirror-watch-failed",
      message: oneShot
        ? `Mirror "${this.root}" by one-shot watches: the server has no addWatch`
        : `Cannot watch "${this.root}": trying again`,
      path: this.root,
      error,
    });
    if (oneShot) this.#source = this.#sourceBy(OneShotMirrorSource);
    return true;
  }

  #sourceBy(
    Source: typeof RecursiveMirrorSource | typeof OneShotMirrorSource,
  ): MirrorSource {
    return new Source({
      client: this.#client,
      root: this.root,
      signal: this.#stop.signal,
      target: {
        invalidate: (path, how) => this.#reader.invalidate(path, how),
        armed: () => this.#beginWalk(0),
        interrupted: () => this.#interrupted(),
      },
    });
  }

  #interrupted(): void {
    const { resyncJitterMs = 0, random = Math.random } = this.#options;
    this.#beginWalk(resyncJitterMs * random());
  }

  #beginWalk(afterMs: number): void {
    this.#jitter?.cancel();
    this.#jitter = undefined;
    this.#reader.hold();
    const begin = () => {
      this.#source.restart();
      this.#reader.walk();
    };
    if (afterMs <= 0) begin();
    else this.#jitter = this.#clock.after(afterMs, begin);
  }

  #flushed(flush: MirrorFlush): void {
    const batch: MirrorChange[] = [...flush.changes];
    const { appliedZxid } = flush;
    if (flush.walked) this.#noteWalk(flush.changes.length);
    const further =
      flush.walked ||
      flush.changes.length > 0 ||
      appliedZxid !== this.#lastSynced;
    if (appliedZxid !== undefined && further) {
      const zxid = toZxid(appliedZxid < 0n ? 0n : appliedZxid);
      const newTree = flush.walked && this.#newTree;
      if (flush.walked) this.#newTree = false;
      this.#lastSynced = appliedZxid;
      batch.push({ kind: "synced", zxid, newTree });
      this.#progress.set({ synced: true, zxid });
    }
    if (batch.length > 0) for (const feed of this.#feeds) feed.push(batch);
  }

  #noteWalk(changes: number): void {
    this.#journal({
      level: "debug",
      room: "zookeeper",
      event: "mirror-read",
      message: `Mirror "${this.root}" was read: ${this.nodes.size} nodes`,
      path: this.root,
      nodes: this.nodes.size,
      changes,
    });
  }

  #openFeed(): MirrorFeed {
    const feed = new MirrorFeed();
    const batch: MirrorChange[] = [];
    for (const node of this.nodes.values())
      batch.push({ kind: "set", path: node.path, node, previous: undefined });
    const { synced } = this.#progress.value;
    if (synced)
      batch.push({ kind: "synced", zxid: this.appliedZxid, newTree: false });
    if (batch.length > 0) feed.push(batch);
    this.#feeds.add(feed);
    if (this.#stop.signal.aborted) this.#endFeed(feed);
    return feed;
  }

  async #when(
    test: (progress: MirrorProgress) => boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    try {
      await this.#progress.when(test, { signal });
    } catch (error) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (signal?.aborted === true) throw error;
      throw new Error(`Cannot wait for the mirror of "${this.root}"`, {
        cause: error,
      });
    }
  }

  #end(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#jitter?.cancel();
    this.#reader.close();
    this.#progress.close();
    for (const feed of this.#feeds) this.#endFeed(feed);
  }

  #endFeed(feed: MirrorFeed): void {
    if (this.#failure === undefined) feed.close();
    else feed.fail(this.#failure.error);
  }
}

/** By then the notifications that came before an answer have been handled. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
