import type { Database, PendingCommit } from "./database.ts";

/** Where commits go. */
export interface Storage {
  /**
   * Writes a transaction. A crash of the process loses nothing of it; a power
   * cut may until {@link Storage.sync} or {@link Storage.syncLater} is done.
   * @throws when it cannot; nothing of the commit is then there
   */
  commit(pending: PendingCommit): void;
  /** Returns when all commits are on disk. */
  sync(): void;
  /** Resolves when all commits so far are on disk. */
  syncLater(): Promise<void>;
  close(): void;
}

/** Whoever has bytes to send at the end of a turn. */
export interface Flushable {
  /** What was written so far belongs to this turn; what comes now, to the next. */
  seal(): void;
  /** Sends what was sealed. */
  flush(): void;
}

/** A commit is waited for at most this part of what one takes. */
const WAIT_SHARE = 0.5;
const MAX_WAIT_MS = 1;
const COMMIT_SMOOTHING = 0.1;

/**
 * One turn of the event loop. Requests are answered as they arrive, into
 * buffers; when all that has arrived is answered, what was changed is made
 * durable in one transaction; only then is anything sent, answers and
 * notifications of watches alike. So nobody ever sees what a power cut could
 * take back, and the cost of a disk write is shared by all requests of a turn.
 *
 * While the disk works for several clients, the next turn goes on: its answers
 * wait for the next sync. For one client alone the sync is waited for, since the
 * way through the thread pool would only cost it time.
 */
export class Turn {
  readonly #database: Database;
  readonly #storage: Storage | undefined;
  readonly #onEnd: (commitMs: number | undefined) => void;
  readonly #onFailure: (error: unknown) => void;
  #flushing: Flushable[] = [];
  /** Those whose answers wait for the sync that is under way. */
  #sealed: Flushable[] = [];
  #syncing: Promise<void> | undefined;
  #scheduled = false;
  #ended = false;
  /** When the first thing of this turn happened. */
  #startMs = 0;
  /** How many transactions the last commit had. */
  #lastCount = 0;
  /** What a commit takes, on average of the last few. */
  #commitMs = 0;

  constructor(options: {
    readonly database: Database;
    readonly storage: Storage | undefined;
    /** Called when everything was sent; with the time of the commit if there was one. */
    readonly onEnd: (commitMs: number | undefined) => void;
    /** A commit failed: nothing may be sent any more. */
    readonly onFailure: (error: unknown) => void;
  }) {
    this.#database = options.database;
    this.#storage = options.storage;
    this.#onEnd = options.onEnd;
    this.#onFailure = options.onFailure;
  }

  /** Something was changed. */
  schedule(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    this.#startMs = performance.now();
    setImmediate(() => this.#run());
  }

  /** Something is to be sent at the end of this turn; called once a turn for each. */
  willFlush(flushable: Flushable): void {
    this.#flushing.push(flushable);
    this.schedule();
  }

  /** Commits and sends what there is; afterwards nothing runs any more. */
  async end(): Promise<void> {
    if (this.#ended) return;
    await this.#syncing;
    if (this.#ended) return;
    this.#commit();
    this.#sealAll();
    if (this.#trySync()) this.#send(undefined);
    this.#ended = true;
  }

  #run(): void {
    if (this.#ended || this.#syncing !== undefined) return;
    if (this.#waits()) {
      setImmediate(() => this.#run());
      return;
    }
    this.#scheduled = false;
    const committed = this.#commit();
    if (this.#ended) return;
    this.#sealAll();
    if (!committed) this.#send(undefined);
    else if (this.#sealed.length > 1) this.#syncing = this.#syncLater();
    else {
      const startMs = performance.now();
      if (this.#trySync()) this.#send(performance.now() - startMs);
    }
  }

  /**
   * Clients that were answered together write again one after the other. While
   * fewer have come than the last time, waiting for a part of what a commit
   * takes costs less than a commit for each of them. One client alone never
   * waits.
   */
  #waits(): boolean {
    if (this.#storage === undefined) return false;
    const count = this.#database.pendingCount;
    if (count === 0 || count >= this.#lastCount) return false;
    const waitMs = Math.min(MAX_WAIT_MS, this.#commitMs * WAIT_SHARE);
    return performance.now() - this.#startMs < waitMs;
  }

  /** Answers whether there is something to sync. */
  #commit(): boolean {
    const count = this.#database.pendingCount;
    const pending = this.#database.takePending();
    if (pending === undefined || this.#storage === undefined) return false;
    try {
      this.#storage.commit(pending);
      this.#lastCount = count;
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #sealAll(): void {
    this.#sealed = this.#flushing;
    this.#flushing = [];
    for (const flushable of this.#sealed) flushable.seal();
  }

  #trySync(): boolean {
    if (this.#ended) return false;
    try {
      this.#storage?.sync();
      return true;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  async #syncLater(): Promise<void> {
    const startMs = performance.now();
    try {
      await this.#storage?.syncLater();
    } catch (error) {
      this.#syncing = undefined;
      this.#fail(error);
      return;
    }
    this.#syncing = undefined;
    if (this.#ended) return;
    this.#send(performance.now() - startMs);
    if (this.#scheduled) setImmediate(() => this.#run());
  }

  #send(syncMs: number | undefined): void {
    const sealed = this.#sealed;
    this.#sealed = [];
    for (const flushable of sealed) flushable.flush();
    if (syncMs !== undefined)
      this.#commitMs += (syncMs - this.#commitMs) * COMMIT_SMOOTHING;
    this.#onEnd(syncMs);
  }

  /** After a failed sync nobody knows what is on disk: nothing is sent any more. */
  #fail(error: unknown): void {
    this.#ended = true;
    this.#flushing = [];
    this.#sealed = [];
    this.#onFailure(error);
  }
}
