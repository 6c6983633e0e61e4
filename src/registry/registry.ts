import {
  abortable,
  type Clock,
  isAbortOf,
  type Journal,
  Latest,
  silentJournal,
  systemClock,
  type Timer,
} from "../base/index.ts";
import { Mirror, type ZooKeeper, ZooKeeperError } from "../zookeeper/index.ts";
import { ChangeFeed } from "./change-feed.ts";
import { formatCurrent } from "./current-record.ts";
import type { NodeAcl } from "./folders.ts";
import { currentPath, SERVICES } from "./layout.ts";
import type { Problem } from "./problems.ts";
import { type BookChange, ServiceBook } from "./service-book.ts";
import type { CutoverProposal } from "./service-state.ts";
import type { SnapshotFile } from "./snapshot-file.ts";
import { applyChanges, emptySnapshot } from "./snapshot.ts";
import type { Snapshot, SnapshotChange, TargetView } from "./snapshot.ts";
import { readRegistration } from "./target-entry.ts";
import type { SuspectLimits, TargetOutcome } from "./suspects.ts";

export interface RegistryOptions {
  /** Where the last snapshot is kept. */
  readonly snapshotFile?: SnapshotFile | undefined;
  /**
   * Awaited before the registry is first read: a proxy announces itself in it,
   * so that no target which drains overlooks it.
   */
  readonly beforeReading?: (() => Promise<void>) | undefined;
  /** A snapshot from disk is served when ZooKeeper has not answered for so long. */
  readonly fallbackAfterMs?: number;
  readonly limits?: SuspectLimits;
  /** Of the nodes that a cutover makes. */
  readonly acl?: NodeAcl;
  readonly journal?: Journal;
  readonly clock?: Clock;
}

/** Where the snapshot comes from, and how far it can be trusted. */
export interface RegistryStatus {
  /** `disk`: of the last run, ZooKeeper has not answered in this one. */
  readonly source: "nothing" | "disk" | "zookeeper";
  /** Whether the session lives, and so the snapshot is current. */
  readonly live: boolean;
  readonly confirmedAtMs: number;
  readonly suspects: number;
  readonly held: number;
  readonly problems: readonly Problem[];
  readonly unknownKeys: number;
}

const SAVE_DELAY_MS = 1_000;
const CONFIRM_EVERY_MS = 60_000;
/** While ZooKeeper is away no suspect's time runs out. */
const FROZEN_RECHECK_MS = 1_000;
const MAX_PENDING = 1_000;

/**
 * The live snapshot of all services. It begins with the snapshot on disk,
 * follows ZooKeeper while it is there, and stays as it is while it is not.
 *
 *     for await (const batch of registry.changes({ signal })) plane.apply(batch);
 */
export class Registry implements AsyncDisposable {
  readonly #zk: ZooKeeper | undefined;
  readonly #options: RegistryOptions;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #book: ServiceBook;
  readonly #feeds = new Set<ChangeFeed>();
  readonly #stop = new AbortController();
  readonly #timers = new Set<Timer>();
  readonly #source = new Latest<RegistryStatus["source"]>("nothing");
  readonly #recording = new Set<string>();
  #base: Snapshot = emptySnapshot;
  #pending: SnapshotChange[] = [];
  #appliedZxid = 0n;
  #confirmedAtMs = 0;
  #dueTimer: Timer | undefined;
  #saveTimer: Timer | undefined;
  readonly #running: Promise<void>;

  /** Without a client the snapshot is that on disk. */
  constructor(zk: ZooKeeper | undefined, options: RegistryOptions = {}) {
    this.#zk = zk;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#journal = options.journal ?? silentJournal;
    this.#book = new ServiceBook({
      journal: this.#journal,
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
    this.#running = this.#run();
  }

  /** As of now. The same object until something changes, except for `confirmedAtMs`. */
  get snapshot(): Snapshot {
    this.#confirm();
    this.#fold();
    if (
      this.#base.appliedZxid !== this.#appliedZxid ||
      this.#base.confirmedAtMs !== this.#confirmedAtMs
    )
      this.#base = {
        services: this.#base.services,
        appliedZxid: this.#appliedZxid,
        confirmedAtMs: this.#confirmedAtMs,
      };
    return this.#base;
  }

  /** Every change of `/services` up to here is in the snapshot. */
  get appliedZxid(): bigint {
    return this.#appliedZxid;
  }

  get problems(): readonly Problem[] {
    return this.#book.problems.all;
  }

  get status(): RegistryStatus {
    this.#confirm();
    const { all, held } = this.#book.suspects();
    return {
      source: this.#source.value,
      live: this.#isLive(),
      confirmedAtMs: this.#confirmedAtMs,
      suspects: all,
      held,
      problems: this.problems,
      unknownKeys: this.#book.problems.unknownKeys,
    };
  }

  /** Resolves when there is a snapshot to serve from: ZooKeeper's, or while that is away the one on disk. */
  async ready(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    await this.#source.when((source) => source !== "nothing", options);
  }

  /** Where the snapshot comes from, now and whenever that changes. */
  sources(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<RegistryStatus["source"]> {
    return this.#source.watch(options);
  }

  /**
   * What happens to the snapshot from the moment of the call on. A slow reader
   * gets merged changes, never stale ones. Ends on close; throws
   * `signal.reason` on abort.
   */
  changes(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<readonly SnapshotChange[]> {
    const feed = new ChangeFeed();
    if (this.#stop.signal.aborted) feed.close();
    else this.#feeds.add(feed);
    return this.#readFeed(feed, options.signal);
  }

  /** What the data plane saw of a registration; only suspects mind. Cheap. */
  report(registration: string, outcome: TargetOutcome): void {
    const changes = this.#book.report(
      registration,
      outcome,
      this.#clock.nowMs(),
    );
    if (changes.length > 0) this.#publish(changes);
  }

  /** The target that stands under a registration now. */
  target(registration: string): TargetView | undefined {
    const place = readRegistration(registration);
    if (place === undefined) return undefined;
    this.#fold();
    const target = this.#base.services
      .get(place.service)
      ?.targets.get(place.name);
    return target?.registration === registration ? target : undefined;
  }

  /** Ends all readers; the snapshot stays, and is saved. */
  async close(): Promise<void> {
    if (!this.#stop.signal.aborted) {
      const dirty = this.#saveTimer !== undefined;
      this.#stop.abort();
      for (const timer of this.#timers) timer.cancel();
      this.#dueTimer?.cancel();
      this.#saveTimer?.cancel();
      this.#source.close();
      for (const feed of this.#feeds) feed.close();
      if (dirty) await this.#options.snapshotFile?.save(this.snapshot);
    }
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    try {
      await this.#load();
      if (this.#zk === undefined || signal.aborted) return;
      this.#every(CONFIRM_EVERY_MS, () => this.#scheduleSave());
      await abortable(
        this.#options.beforeReading?.() ?? Promise.resolve(),
        signal,
      );
      await this.#follow(this.#zk);
    } catch (error) {
      if (isAbortOf(error, signal)) return;
      this.#journal({
        level: "error",
        room: "registry",
        event: "registry-failed",
        message:
          "Cannot follow the registry: the snapshot stays as it is from now on",
        error,
      });
    }
  }

  async #load(): Promise<void> {
    const loaded = await this.#options.snapshotFile?.load();
    if (loaded?.kind !== "loaded" || this.#stop.signal.aborted) return;
    this.#appliedZxid = loaded.snapshot.appliedZxid;
    this.#confirmedAtMs = loaded.snapshot.confirmedAtMs;
    this.#publish(this.#book.load(loaded.snapshot, this.#clock.nowMs()));
    const fallBack = () => {
      if (this.#source.value === "nothing") this.#source.set("disk");
    };
    if (this.#zk === undefined) fallBack();
    else this.#after(this.#options.fallbackAfterMs ?? 500, fallBack);
  }

  async #follow(zk: ZooKeeper): Promise<void> {
    const { signal } = this.#stop;
    const clock = this.#clock;
    await using mirror = new Mirror(zk, SERVICES, {
      signal,
      clock,
      journal: this.#journal,
    });
    for await (const batch of mirror.changes({ signal })) {
      const changes: readonly BookChange[] = batch;
      this.#publish(this.#book.apply(changes, clock.nowMs()));
      if (changes.at(-1)?.kind !== "synced") continue;
      this.#appliedZxid = mirror.appliedZxid;
      if (this.#source.value !== "zookeeper") {
        this.#source.set("zookeeper");
        this.#scheduleSave();
      }
    }
  }

  #publish(changes: readonly SnapshotChange[]): void {
    this.#scheduleDue();
    this.#recordCutovers();
    if (changes.length === 0) return;
    this.#pending.push(...changes);
    if (this.#pending.length > MAX_PENDING) this.#fold();
    for (const feed of this.#feeds) feed.push(changes);
    if (this.#source.value === "zookeeper") this.#scheduleSave();
  }

  #fold(): void {
    if (this.#pending.length === 0) return;
    this.#base = applyChanges(this.#base, this.#pending);
    this.#pending = [];
  }

  #isLive(): boolean {
    return this.#zk?.state.kind === "live";
  }

  #confirm(): void {
    if (this.#source.value === "zookeeper" && this.#isLive())
      this.#confirmedAtMs = this.#clock.wallMs();
  }

  async *#readFeed(
    feed: ChangeFeed,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly SnapshotChange[], void, void> {
    try {
      yield* feed.read(signal);
    } finally {
      this.#feeds.delete(feed);
    }
  }

  #scheduleDue(): void {
    this.#dueTimer?.cancel();
    this.#dueTimer = undefined;
    const dueMs = this.#book.nextDueMs();
    if (dueMs === undefined || this.#stop.signal.aborted) return;
    const waitMs = Math.max(
      dueMs - this.#clock.nowMs(),
      this.#isLive() ? 0 : FROZEN_RECHECK_MS,
    );
    this.#dueTimer = this.#clock.after(waitMs, () => {
      if (this.#isLive()) this.#publish(this.#book.tick(this.#clock.nowMs()));
      else this.#scheduleDue();
    });
  }

  #scheduleSave(): void {
    const file = this.#options.snapshotFile;
    if (file === undefined || this.#source.value !== "zookeeper") return;
    this.#saveTimer ??= this.#clock.after(SAVE_DELAY_MS, () => {
      this.#saveTimer = undefined;
      void file.save(this.snapshot);
    });
  }

  #recordCutovers(): void {
    if (!this.#isLive() || this.#source.value !== "zookeeper") return;
    for (const proposal of this.#book.cutovers()) {
      const key = `${proposal.service} ${proposal.release} ${proposal.version}`;
      if (this.#recording.has(key)) continue;
      this.#recording.add(key);
      void this.#recordCutover(proposal).finally(() =>
        this.#recording.delete(key),
      );
    }
  }

  /** Whoever is second fails, and follows what the first recorded. */
  async #recordCutover(proposal: CutoverProposal): Promise<void> {
    const { service, release, version } = proposal;
    const path = currentPath(service);
    const data = formatCurrent({ release });
    try {
      if (version === undefined)
        await this.#zk?.create(path, data, { acl: this.#options.acl });
      else await this.#zk?.setData(path, data, { version });
      this.#journal({
        level: "info",
        room: "registry",
        event: "release-cut-over",
        message: `${service} is at release ${release} now`,
        service,
        release,
      });
    } catch (error) {
      if (error instanceof ZooKeeperError && OTHERS_WERE_FIRST.has(error.code))
        return;
      this.#journal({
        level: "warn",
        room: "registry",
        event: "cutover-not-recorded",
        message: `Cannot record release ${release} of ${service}`,
        error,
      });
    }
  }

  #after(delayMs: number, action: () => void): void {
    const timer = this.#clock.after(delayMs, () => {
      this.#timers.delete(timer);
      action();
    });
    this.#timers.add(timer);
  }

  #every(intervalMs: number, action: () => void): void {
    this.#after(intervalMs, () => {
      action();
      this.#every(intervalMs, action);
    });
  }
}

const OTHERS_WERE_FIRST: ReadonlySet<string> = new Set([
  "node-exists",
  "bad-version",
  "no-node",
  "closed",
  "connection-loss",
]);
