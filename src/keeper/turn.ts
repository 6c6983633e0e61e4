import type { Database, PendingCommit } from "./database.ts";

/** Where commits go. */
export interface Storage {
  /**
   * Returns when everything is on disk.
   * @throws when it is not; nothing of the commit is then there
   */
  commit(pending: PendingCommit): void;
  close(): void;
}

/** Whoever has bytes to send at the end of a turn. */
export interface Flushable {
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
 * While the disk works, the kernel gathers the requests of the next turn.
 */
export class Turn {
  readonly #database: Database;
  readonly #storage: Storage | undefined;
  readonly #onEnd: (commitMs: number | undefined) => void;
  readonly #onFailure: (error: unknown) => void;
  #flushing: Flushable[] = [];
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

  /** Commits and sends what there is at once; afterwards nothing runs any more. */
  end(): void {
    if (this.#ended) return;
    this.#finish();
    this.#ended = true;
  }

  #run(): void {
    if (this.#ended) return;
    if (this.#waits()) setImmediate(() => this.#run());
    else this.#finish();
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

  #finish(): void {
    this.#scheduled = false;
    const count = this.#database.pendingCount;
    const pending = this.#database.takePending();
    let commitMs: number | undefined;
    if (pending !== undefined && this.#storage !== undefined) {
      const startMs = performance.now();
      try {
        this.#storage.commit(pending);
        commitMs = performance.now() - startMs;
        this.#commitMs += (commitMs - this.#commitMs) * COMMIT_SMOOTHING;
        this.#lastCount = count;
      } catch (error) {
        this.#ended = true;
        this.#flushing = [];
        this.#onFailure(error);
        return;
      }
    }
    const flushing = this.#flushing;
    this.#flushing = [];
    for (const flushable of flushing) flushable.flush();
    this.#onEnd(commitMs);
  }
}
