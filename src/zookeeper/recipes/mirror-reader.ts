/**
 * Reads znodes for a mirror, and says when all changes up to a zxid are in.
 *
 * What it rests on (ZooKeeper's guarantees for one session):
 *
 * - Requests are answered in the order in which they were sent, and the answers
 *   never show an older state than an answer before them. So of two reads the
 *   later sent is the newer, whatever paths they are of.
 * - A notification arrives before any answer that shows the change it tells of.
 *
 * Hence:
 *
 * - Each notification makes its path *pending*, and a read is sent after that.
 *   One read of a path is in flight at a time; what happens meanwhile makes one
 *   more read, however often it happened. When nothing is pending, every change
 *   that was notified is applied. Whether a node was made, changed or deleted is
 *   told by the read, not by the notification, so that a node which vanished and
 *   came back is one change, and a node which vanishes between list and get is
 *   nothing special.
 * - After an interruption nothing notified is known, so a *walk* reads all:
 *   {@link MirrorReader.hold} begins a generation, in which answers to earlier
 *   reads no longer count, and {@link MirrorReader.walk} starts at the root and
 *   descends into every child listed. A node which exists at the end was listed
 *   (then it was read) or was made after its parent was listed (then a
 *   notification had it read). So what was not read in the walk is gone, which
 *   is how missed deletions are found.
 * - A leaf costs one request: its own answer says that it has no children, and
 *   children made later are notified.
 *
 * The zxid applied. Notifications carry none. When a path becomes pending, its
 * change is later than every answer handled before (`seen`), since an answer
 * with that zxid would have come after the notification. So the mirror holds
 * all changes up to the least `seen` of what is pending, or, with nothing
 * pending, up to the zxid of the latest answer. `seen` moves only in the flush
 * at the end of an event loop turn: within a turn, promises may hand over an
 * answer before the notification that preceded it.
 */

import {
  Backoff,
  type Clock,
  type Journal,
  type Timer,
} from "../../base/index.ts";
import type { Stat } from "../../jute/index.ts";
import type { MirrorSource } from "./mirror-source.ts";
import { errorCode, errorZxid } from "./recipe-client.ts";
import {
  absolutePath,
  childPath,
  type MirrorDeleted,
  type MirrorNode,
  type MirrorSet,
} from "./mirror-node.ts";

export interface MirrorFlush {
  readonly changes: readonly (MirrorSet | MirrorDeleted)[];
  /** A walk has just ended. */
  readonly walked: boolean;
  /** All changes up to this one are in; undefined while a walk goes on. */
  readonly appliedZxid: bigint | undefined;
}

export interface MirrorReaderOptions {
  readonly root: string;
  /** Where to read; asked at each read, since it may be exchanged before a walk. */
  readonly source: () => MirrorSource;
  readonly maxReads: number;
  readonly clock: Clock;
  readonly journal: Journal;
  /** The changes of one turn, and how far the mirror is. */
  readonly flushed: (flush: MirrorFlush) => void;
}

/** Why a path is pending. */
interface Need {
  /** Children are listed too, and descended into. */
  deep: boolean;
  /** All changes up to here had been seen when it became pending. */
  floor: bigint;
  /** Pending entries are numbered in the order in which they came; children of a listing bear its number. */
  number: number;
}

interface Pending extends Need {
  reading: boolean;
  /** It became pending again while it was being read. */
  again: Need | undefined;
  backoff: Backoff | undefined;
}

interface DrainWaiter {
  readonly upTo: number;
  resolve(): void;
  reject(error: unknown): void;
}

type Outcome =
  | {
      readonly kind: "present";
      readonly data: Buffer | null;
      readonly stat: Stat;
      readonly names: readonly string[] | undefined;
      readonly zxid: bigint;
    }
  | { readonly kind: "absent"; readonly zxid: bigint | undefined }
  /** It exists, and its ACL does not let us read it. */
  | { readonly kind: "unreadable"; readonly error: unknown }
  | { readonly kind: "failed" };

export class MirrorReader {
  readonly nodes = new Map<string, MirrorNode>();
  readonly #options: MirrorReaderOptions;
  readonly #pending = new Map<string, Pending>();
  #queue: string[] = [];
  #queueHead = 0;
  #inFlight = 0;
  #generation = 0;
  #walk: "held" | "walking" | "done" = "held";
  /** Pending entries that belong to the walk. */
  #deep = 0;
  /** Paths read in this walk. */
  readonly #read = new Set<string>();
  #seen = -1n;
  #handled = -1n;
  #applied = -1n;
  #changes: (MirrorSet | MirrorDeleted)[] = [];
  #flushing = false;
  #walkEnded = false;
  #closed = false;
  #lastNumber = 0;
  readonly #drainWaiters = new Set<DrainWaiter>();
  readonly #retries = new Set<Timer>();

  constructor(options: MirrorReaderOptions) {
    this.#options = options;
  }

  /** Whether everything that was notified is applied. */
  get atRest(): boolean {
    return this.#walk === "done" && this.#pending.size === 0 && !this.#flushing;
  }

  /** Something may have been missed: nothing counts until a walk has ended. */
  hold(): void {
    this.#generation += 1;
    this.#walk = "held";
    this.#deep = 0;
    this.#pending.clear();
    this.#queue = [];
    this.#queueHead = 0;
    this.#read.clear();
    this.#cancelRetries();
    // A new tree may have smaller zxids than those seen so far.
    this.#seen = -1n;
    this.#handled = -1n;
    this.#applied = -1n;
  }

  /** Reads everything, from the root. Follows a {@link hold}. */
  walk(): void {
    this.#walk = "walking";
    this.invalidate("", { deep: true });
  }

  /** `path` is read again; with `deep`, its children as well. */
  invalidate(path: string, options: { readonly deep: boolean }): void {
    this.#invalidate(path, {
      deep: options.deep,
      floor: this.#seen,
      number: this.#nextNumber(),
    });
  }

  close(): void {
    this.hold();
    this.#closed = true;
    for (const waiter of this.#drainWaiters)
      waiter.reject(new Error("Cannot wait for a mirror: it was closed"));
    this.#drainWaiters.clear();
  }

  /** Resolves when what is pending now, a walk included, has been applied. */
  drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#drainWaiters.add({ upTo: this.#lastNumber, resolve, reject });
      if (this.#closed) this.close();
      else this.#scheduleFlush();
    });
  }

  #invalidate(path: string, why: Need): void {
    if (this.#closed) return;
    const pending = this.#pending.get(path);
    if (pending === undefined) {
      this.#add(path, why);
      this.#pump();
    } else if (pending.reading) {
      pending.again ??= { ...why };
      join(pending.again, why);
    } else {
      if (why.deep && !pending.deep) this.#deep += 1;
      join(pending, why);
    }
  }

  #nextNumber(): number {
    this.#lastNumber += 1;
    return this.#lastNumber;
  }

  #add(path: string, entry: Need): void {
    this.#pending.set(path, {
      ...entry,
      reading: false,
      again: undefined,
      backoff: undefined,
    });
    if (entry.deep) this.#deep += 1;
    this.#queue.push(path);
  }

  #pump(): void {
    while (
      this.#inFlight < this.#options.maxReads &&
      this.#queueHead < this.#queue.length
    ) {
      const path = this.#queue[this.#queueHead] ?? "";
      this.#queueHead += 1;
      if (this.#queueHead === this.#queue.length) {
        this.#queue = [];
        this.#queueHead = 0;
      }
      const pending = this.#pending.get(path);
      if (pending === undefined) continue;
      pending.reading = true;
      void this.#readOne(path, pending);
    }
  }

  /** Never rejects. */
  async #readOne(path: string, pending: Pending): Promise<void> {
    const generation = this.#generation;
    this.#inFlight += 1;
    const outcome = await this.#fetch(path, pending.deep);
    this.#inFlight -= 1;
    if (this.#closed) return;
    if (generation === this.#generation) this.#settle(path, pending, outcome);
    this.#pump();
  }

  async #fetch(path: string, deep: boolean): Promise<Outcome> {
    const source = this.#options.source();
    try {
      const { data, stat, zxid } = await source.getData(path);
      if (!deep || !source.lists(stat))
        return { kind: "present", data, stat, names: [], zxid };
      const listed = await source.getChildren(path);
      const { children: names } = listed;
      return { kind: "present", data, stat, names, zxid: listed.zxid };
    } catch (error) {
      switch (errorCode(error)) {
        case "no-node":
          return { kind: "absent", zxid: errorZxid(error) };
        case "no-auth":
          return { kind: "unreadable", error };
        default:
          // Mostly a lost connection: then a walk is about to replace this read.
          return { kind: "failed" };
      }
    }
  }

  #settle(path: string, pending: Pending, outcome: Outcome): void {
    switch (outcome.kind) {
      case "failed":
        this.#retryLater(path, pending);
        return;
      case "unreadable":
        this.#reportUnreadable(path, outcome.error);
        this.#read.add(path);
        break;
      case "absent":
        this.#handled = max(this.#handled, outcome.zxid ?? -1n);
        this.#remove(path);
        this.#options.source().absent(path);
        break;
      case "present":
        this.#handled = max(this.#handled, outcome.zxid);
        this.#put(path, outcome.data, outcome.stat);
        this.#read.add(path);
        if (pending.deep && outcome.names !== undefined)
          this.#listed(path, outcome.names, pending);
        break;
      default:
        outcome satisfies never;
    }
    this.#pending.delete(path);
    const { again } = pending;
    if (again !== undefined) this.#add(path, again);
    if (pending.deep) this.#deep -= 1;
    this.#scheduleFlush();
  }

  #listed(path: string, names: readonly string[], why: Need): void {
    const { floor, number } = why;
    for (const name of this.#options.source().descend(path, names))
      this.#invalidate(childPath(path, name), { deep: true, floor, number });
  }

  #put(path: string, data: Buffer | null, stat: Stat): void {
    const previous = this.nodes.get(path);
    const node: MirrorNode = { path, data, stat };
    this.nodes.set(path, node);
    if (previous === undefined || !sameContent(previous, node))
      this.#changes.push({ kind: "set", path, node, previous });
  }

  #remove(path: string): void {
    const node = this.nodes.get(path);
    if (node === undefined) return;
    this.nodes.delete(path);
    this.#changes.push({ kind: "deleted", path, node });
  }

  #retryLater(path: string, pending: Pending): void {
    pending.reading = false;
    if (pending.again?.deep === true && !pending.deep) {
      pending.deep = true;
      this.#deep += 1;
    }
    pending.again = undefined; // the retry is later than what it stands for
    pending.backoff ??= new Backoff({ minMs: 50, maxMs: 5_000 });
    const timer = this.#options.clock.after(pending.backoff.nextMs(), () => {
      this.#retries.delete(timer);
      this.#queue.push(path);
      this.#pump();
    });
    this.#retries.add(timer);
  }

  #cancelRetries(): void {
    for (const timer of this.#retries) timer.cancel();
    this.#retries.clear();
  }

  #reportUnreadable(path: string, error: unknown): void {
    const absolute = absolutePath(this.#options.root, path);
    this.#options.journal({
      level: "warn",
      room: "zookeeper",
      event: "mirror-unreadable",
      message: `Cannot mirror "${absolute}": its ACL does not let us read it`,
      path: absolute,
      error,
    });
  }

  #scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (!this.#closed) this.#flush();
    });
  }

  #flush(): void {
    this.#seen = max(this.#seen, this.#handled);
    if (this.#walk === "walking" && this.#deep === 0) {
      this.#walk = "done";
      this.#walkEnded = true;
      this.#sweep();
    }
    const changes = this.#changes;
    this.#changes = [];
    const walked = this.#walkEnded;
    this.#walkEnded = false;
    const appliedZxid = this.#advance();
    this.#options.flushed({ changes, walked, appliedZxid });
    this.#wakeDrained();
  }

  #wakeDrained(): void {
    if (this.#drainWaiters.size === 0 || this.#walk !== "done") return;
    let first = Number.POSITIVE_INFINITY;
    for (const { number, again } of this.#pending.values())
      first = Math.min(first, number, again?.number ?? number);
    for (const waiter of this.#drainWaiters) {
      if (first <= waiter.upTo) continue;
      this.#drainWaiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Drops what the walk did not meet. A pending path is left to its own read. */
  #sweep(): void {
    for (const path of this.nodes.keys()) {
      if (this.#read.has(path) || this.#pending.has(path)) continue;
      this.#remove(path);
      this.#options.source().absent(path);
    }
    this.#read.clear();
  }

  #advance(): bigint | undefined {
    if (this.#walk !== "done") return undefined;
    let applied = this.#seen;
    for (const { floor } of this.#pending.values())
      if (floor < applied) applied = floor;
    this.#applied = max(this.#applied, applied);
    return this.#applied;
  }
}

/** One entry that stands for two. */
function join(entry: Need, other: Need): void {
  entry.deep ||= other.deep;
  if (other.floor < entry.floor) entry.floor = other.floor;
  if (other.number < entry.number) entry.number = other.number;
}

/** Within one tree the zxids alone would tell; in a rebuilt one they may be equal by chance. */
function sameContent(left: MirrorNode, right: MirrorNode): boolean {
  if (left.stat.czxid !== right.stat.czxid) return false;
  if (left.stat.mzxid !== right.stat.mzxid) return false;
  if (left.data === null || right.data === null)
    return left.data === right.data;
  return left.data.equals(right.data);
}

function max(left: bigint, right: bigint): bigint {
  return left > right ? left : right;
}
