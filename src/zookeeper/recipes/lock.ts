import {
  abortable,
  type Clock,
  type Journal,
  silentJournal,
  systemClock,
} from "../../base/index.ts";
import type { NodeData } from "../multi.ts";
import { Contender, type Hold, type Obstacle } from "./contender.ts";
import { atMost, DISPOSE_LIMIT_MS } from "./persevere.ts";
import type { WritingClient } from "./recipe-client.ts";
import type { Contestant } from "./sequence.ts";

export type { Hold } from "./contender.ts";

export interface LockOptions {
  /** Written into each holder's node, for people and for {@link LeaderElection.leader}. */
  readonly data?: NodeData | undefined;
  readonly clock?: Clock | undefined;
  readonly journal?: Journal | undefined;
}

interface AcquireOptions {
  /** Gives up: the call rejects with `signal.reason` and leaves no node behind. */
  readonly signal?: AbortSignal | undefined;
}

/** What the rules of a queue are. */
interface QueueRules {
  readonly name: string;
  readonly kinds: ReadonlySet<string>;
  readonly obstacle: (queue: readonly Contestant[], index: number) => Obstacle;
}

/** A queue at a znode, to which one may come many times; see Contender. */
abstract class LockQueue implements AsyncDisposable {
  /** The znode under which the queue stands. */
  readonly path: string;
  readonly #client: WritingClient;
  readonly #options: LockOptions;
  readonly #stop = new AbortController();
  /** Attempts that go on, holds, and nodes that are still to be deleted. */
  readonly #open = new Set<Contender>();

  constructor(client: WritingClient, path: string, options: LockOptions) {
    this.#client = client;
    this.path = path;
    this.#options = options;
  }

  /**
   * Ends what waits, releases what is held, and waits until no node is left, at
   * most until the signal fires.
   */
  async close(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    this.#stop.abort(new Error(`Cannot acquire "${this.path}": it was closed`));
    const left = [...this.#open].map((contender) => contender.end());
    await abortable(Promise.all(left), options.signal);
  }

  /** Waits for the server at most 5 s; then the deletions go on behind. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { clock = systemClock } = this.#options;
    await atMost(DISPOSE_LIMIT_MS, this.close(), clock);
  }

  protected async enter(
    rules: QueueRules,
    options: AcquireOptions & { readonly tryOnly: boolean },
  ): Promise<Hold | undefined> {
    const { signal: stopped } = this.#stop;
    const { tryOnly, signal: own } = options;
    const signal =
      own === undefined ? stopped : AbortSignal.any([own, stopped]);
    signal.throwIfAborted();
    const contender = new Contender({
      client: this.#client,
      folder: this.path,
      ...rules,
      data: this.#options.data ?? null,
      clock: this.#options.clock ?? systemClock,
      journal: this.#options.journal ?? silentJournal,
    });
    this.#open.add(contender);
    void contender.ended.then(() => this.#open.delete(contender));
    return contender.enter({ signal, tryOnly });
  }

  protected async wait(
    rules: QueueRules,
    options: AcquireOptions,
  ): Promise<Hold> {
    const hold = await this.enter(rules, { ...options, tryOnly: false });
    if (hold === undefined) throw new TypeError("Cannot wait for a try"); // enter() waits
    return hold;
  }
}

const LOCK: QueueRules = {
  name: "lock-",
  kinds: new Set(["lock-"]),
  obstacle: (queue, index) => node(queue[index - 1]),
};

/**
 * A lock that one holds at a time, in the order of coming, across processes. Its
 * nodes are those of Curator's InterProcessMutex. Callers of one process wait
 * for each other like those of different ones: a hold is not re-entrant.
 *
 * ```ts
 * const lock = new Lock(zooKeeper, "/locks/report");
 * await using hold = await lock.acquire({ signal });
 * await writeReport({ fencing: hold.fencing, signal: hold.lost });
 * ```
 */
export class Lock extends LockQueue {
  constructor(client: WritingClient, path: string, options: LockOptions = {}) {
    super(client, path, options);
  }

  /** Resolves when it is this caller's turn. */
  acquire(options: AcquireOptions = {}): Promise<Hold> {
    return this.wait(LOCK, options);
  }

  /** Answers undefined where it would have to wait for another holder. */
  tryAcquire(options: AcquireOptions = {}): Promise<Hold | undefined> {
    return this.enter(LOCK, { ...options, tryOnly: true });
  }
}

const READ_WRITE = new Set(["__READ__", "__WRIT__"]);
const READ: QueueRules = {
  name: "__READ__",
  kinds: READ_WRITE,
  obstacle: (queue, index) =>
    node(queue.slice(0, index).findLast(({ kind }) => kind === "__WRIT__")),
};
const WRITE: QueueRules = {
  name: "__WRIT__",
  kinds: READ_WRITE,
  obstacle: (queue, index) => node(queue[index - 1]),
};

/**
 * A lock that many readers or one writer hold, in the order of coming: a writer
 * that waits is not overtaken by readers. Its nodes are those of Curator's
 * InterProcessReadWriteLock.
 */
export class ReadWriteLock extends LockQueue {
  constructor(client: WritingClient, path: string, options: LockOptions = {}) {
    super(client, path, options);
  }

  acquireRead(options: AcquireOptions = {}): Promise<Hold> {
    return this.wait(READ, options);
  }

  acquireWrite(options: AcquireOptions = {}): Promise<Hold> {
    return this.wait(WRITE, options);
  }

  tryAcquireRead(options: AcquireOptions = {}): Promise<Hold | undefined> {
    return this.enter(READ, { ...options, tryOnly: true });
  }

  tryAcquireWrite(options: AcquireOptions = {}): Promise<Hold | undefined> {
    return this.enter(WRITE, { ...options, tryOnly: true });
  }
}

/** A lock that at most `permits` hold at a time; all who use it must name the same number. */
export class Semaphore extends LockQueue {
  readonly permits: number;
  readonly #rules: QueueRules;

  constructor(
    client: WritingClient,
    path: string,
    options: LockOptions & { readonly permits: number },
  ) {
    super(client, path, options);
    const { permits } = options;
    if (!Number.isInteger(permits) || permits < 1)
      throw new RangeError(
        `Cannot make a semaphore: permits is ${permits}, should be a whole number above 0`,
      );
    this.permits = permits;
    this.#rules = {
      name: "lease-",
      kinds: new Set(["lease-"]),
      obstacle: (_queue, index) =>
        index < permits ? undefined : { kind: "children" },
    };
  }

  acquire(options: AcquireOptions = {}): Promise<Hold> {
    return this.wait(this.#rules, options);
  }

  tryAcquire(options: AcquireOptions = {}): Promise<Hold | undefined> {
    return this.enter(this.#rules, { ...options, tryOnly: true });
  }
}

function node(contestant: Contestant | undefined): Obstacle {
  return contestant === undefined
    ? undefined
    : { kind: "node", name: contestant.name };
}
