import {
  Channel,
  delay,
  type Journal,
  readOptions,
  silentJournal,
} from "../base/index.ts";
import type { Purge } from "../cache/index.ts";
import type { Snapshot, SnapshotChange } from "../registry/index.ts";
import {
  type AccessLines,
  accessLines,
  type AccessLogFormat,
  joinLines,
} from "./access-line.ts";
import { type AccessBatch, NO_RECORDS } from "./access-ring.ts";
import {
  CertificateFiles,
  type CertificateFilePair,
} from "./certificate-files.ts";
import { PROXY_OPTIONS, type ProxyLimits } from "./options.ts";
import { HealthKeeper } from "./health-keeper.ts";
import { PlaneState } from "./plane-state.ts";
import {
  createCountersMemory,
  MAIN_COLUMN,
  SharedCounters,
} from "./shared-counters.ts";
import type { ProxyStats, TargetStats } from "./proxy-stats.ts";
import { canReusePort, resolveAddress, WorkerCrew } from "./worker-crew.ts";
import type {
  CacheSettings,
  ListenAddress,
  LiveSettings,
  MessageFromWorker,
  WorkerSetup,
} from "./worker-messages.ts";
import { addTotals, newTotals, type WorkerReport } from "./worker-stats.ts";

/** Targets that may be registered at one time; memory is taken as it is used. */
const SLOTS = 16_384;
const HEALTH_TICK_MS = 250;
const DRAIN_TICK_MS = 10;
/** The same is told of one registration at most this often. */
const SIGNAL_INTERVAL_MS = 1000;
const MAX_SIGNALS = 4096;
/** How long a close waits for the last access records. */
const LAST_RECORDS_MS = 1000;

/** What a data plane is made of; see {@link startDataPlane}. */
export interface DataPlaneOptions {
  /** What is served from the first request on; nothing unless given. */
  readonly snapshot?: Snapshot;
  readonly listen: readonly ListenAddress[];
  readonly workers: number;
  /** For each worker. */
  readonly cacheBytes?: number;
  readonly cache?: CacheSettings;
  readonly limits?: Partial<ProxyLimits>;
  readonly journal?: Journal;
  /** Our name in Via, Cache-Status and Proxy-Status; a token. */
  readonly name?: string;
  /** Addresses and networks whose `X-Forwarded-*` and `Forwarded` are believed. */
  readonly trusted?: readonly string[];
  /** For the listeners that speak TLS; the first is for names that none has. */
  readonly certificates?: readonly CertificateFilePair[];
}

/** What the data plane sees of a registration's health. Rate-bounded. */
export type DataPlaneSignal =
  | { readonly kind: "refused"; readonly registration: string }
  | { readonly kind: "cut"; readonly registration: string }
  /** Told of suspects only. */
  | { readonly kind: "answered"; readonly registration: string }
  /** It is draining, every worker knows, and nothing is in flight. */
  | { readonly kind: "drained"; readonly registration: string };

/** A running data plane. Whatever it is told reaches all workers in order. */
export interface DataPlane extends AsyncDisposable {
  readonly addresses: readonly ListenAddress[];
  /** Makes the whole of what is served equal to `snapshot`. */
  replace(snapshot: Snapshot): void;
  apply(changes: readonly SnapshotChange[]): void;
  /** Resolves when every worker has applied what was told so far. */
  applied(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Requests each target answered since the start; never falls. */
  countTotals(): Iterable<{
    readonly service: string;
    readonly target: string;
    readonly answered: number;
  }>;
  correctScores(
    counts: readonly {
      readonly service: string;
      readonly target: string;
      readonly requests: number;
    }[],
    liveProxies: number,
  ): void;
  /** For one reader. */
  signals(options?: {
    readonly signal?: AbortSignal;
  }): AsyncIterable<DataPlaneSignal>;
  stats(): Promise<ProxyStats>;
  /** Removes stored answers in every worker; answers how many. */
  purge(purge: Purge): Promise<number>;
  /** The records kept since the last call, worker by worker. */
  accessRecords(): Promise<AccessBatch>;
  /** The same as text, which the workers write. */
  accessLines(format: AccessLogFormat): Promise<AccessLines>;
  /** Replaces limits and trusted networks in every worker. @throws RangeError */
  configure(settings: Partial<Omit<LiveSettings, "tls">>): void;
  /** Reads the certificates now; bad ones leave the last good ones in force. */
  reloadCertificates(): Promise<boolean>;
  /**
   * Takes no new request and finishes those in flight; cuts them when `signal`
   * fires, or at once when it has fired already.
   */
  close(options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/**
 * Binds the addresses and starts the workers. Resolves when all of them listen.
 * @throws Error when an address cannot be bound
 * @throws RangeError for a limit out of its bounds
 */
export async function startDataPlane(
  options: DataPlaneOptions,
): Promise<DataPlane> {
  const plane = new Plane(options);
  try {
    await plane.start();
  } catch (error) {
    await plane.close({ signal: AbortSignal.abort() });
    throw error;
  }
  return plane;
}

class Plane implements DataPlane {
  addresses: readonly ListenAddress[] = [];
  readonly #options: DataPlaneOptions;
  readonly #journal: Journal;
  #settings: LiveSettings;
  /** Of workers that have ended. */
  #lastRecords = NO_RECORDS;
  readonly #crew: WorkerCrew;
  readonly #signals = new Channel<DataPlaneSignal>({ limit: MAX_SIGNALS });
  readonly #told = new Map<string, number>();
  readonly #timers: NodeJS.Timeout[] = [];
  #memory = createCountersMemory({ slots: 1, workers: 1 });
  #counters = new SharedCounters(this.#memory, MAIN_COLUMN);
  #state = new PlaneState(this.#counters, 0);
  #health: HealthKeeper | undefined;
  #reusePort = true;
  #certificates: CertificateFiles | undefined;
  #closed: Promise<void> | undefined;
  #drainTimer: NodeJS.Timeout | undefined;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#journal = options.journal ?? silentJournal;
    this.#settings = {
      limits: readOptions(PROXY_OPTIONS, options.limits),
      trusted: options.trusted ?? [],
      tls: undefined,
    };
    this.#crew = new WorkerCrew({
      setup: (column) => this.#setup(column),
      onMessage: (message) => this.#onMessage(message),
      journal: this.#journal,
    });
  }

  async start(): Promise<void> {
    const { listen, certificates } = this.#options;
    this.addresses = await Promise.all(listen.map(resolveAddress));
    if (listen.some(({ tls }) => tls === true))
      this.#certificates = await CertificateFiles.open(certificates ?? [], {
        journal: this.#journal,
        onChange: (tls) => this.#tellSettings({ ...this.#settings, tls }),
      });
    const secure = this.addresses.find(({ tls }) => tls === true);
    this.addresses = this.addresses.map((address) =>
      address.redirectPort === 0 && secure !== undefined
        ? { ...address, redirectPort: secure.port }
        : address,
    );
    const tls = this.#certificates?.material;
    this.#settings = { ...this.#settings, tls };
    const [first] = this.addresses;
    if (first !== undefined) this.#reusePort = await canReusePort(first);
    const workers = this.#reusePort ? Math.max(1, this.#options.workers) : 1;
    this.#memory = createCountersMemory({ slots: SLOTS, workers });
    this.#counters = new SharedCounters(this.#memory, MAIN_COLUMN);
    this.#counters.liveProxies = 1;
    this.#state = new PlaneState(this.#counters, SLOTS);
    this.#health = new HealthKeeper({
      state: this.#state,
      counters: this.#counters,
      journal: this.#journal,
    });
    // Known before the port opens: the first request is routed as the last.
    if (this.#options.snapshot !== undefined)
      this.replace(this.#options.snapshot);
    await this.#crew.start(workers);
    const tick = setInterval(() => {
      this.#state.reclaim(this.#acknowledgedByAll());
      this.#health?.tick(performance.now());
    }, HEALTH_TICK_MS);
    tick.unref();
    this.#timers.push(tick);
  }

  replace(snapshot: Snapshot): void {
    this.apply(this.#state.changesTo(snapshot));
  }

  apply(changes: readonly SnapshotChange[]): void {
    if (changes.length === 0) return;
    const { changes: assigned, refused } = this.#state.apply(changes);
    for (const { registration } of refused)
      this.#journal({
        level: "error",
        room: "proxy",
        event: "too-many-targets",
        message: `Cannot use target ${registration}: ${SLOTS} are registered already`,
        registration,
      });
    this.#crew.tell({
      kind: "changes",
      changes: assigned,
      sequence: this.#state.sequence,
    });
    this.#watchDrains();
  }

  async applied(
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const { sequence } = this.#state;
    while (this.#acknowledgedByAll() < sequence) {
      options.signal?.throwIfAborted();
      if (this.#closed !== undefined) return;
      await new Promise((resolve) => {
        setTimeout(resolve, 1);
      });
    }
  }

  countTotals() {
    return this.#state.countTotals();
  }

  correctScores(
    counts: Parameters<DataPlane["correctScores"]>[0],
    liveProxies: number,
  ): void {
    this.#state.correctScores(counts, Math.max(1, liveProxies));
  }

  async *signals(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<DataPlaneSignal, void, void> {
    const { signal } = options;
    signal?.throwIfAborted();
    const onAbort = () => this.#signals.fail(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      yield* this.#signals;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async stats(): Promise<ProxyStats> {
    const workers = await this.#crew.ask<WorkerReport>((id) => ({
      kind: "report",
      id,
    }));
    const totals = newTotals();
    for (const worker of workers) addTotals(totals, worker);
    return { workers, totals, targets: this.#targetStats() };
  }

  async purge(purge: Purge): Promise<number> {
    const counts = await this.#crew.ask<number>((id) => ({
      kind: "purge",
      id,
      purge,
    }));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async accessRecords(): Promise<AccessBatch> {
    const batches = await this.#crew.ask<AccessBatch>((id) => ({
      kind: "access",
      id,
    }));
    const all = [this.#lastRecords, ...batches];
    this.#lastRecords = NO_RECORDS;
    return {
      records: all.flatMap(({ records }) => records),
      lost: all.reduce((sum, { lost }) => sum + lost, 0),
    };
  }

  async accessLines(format: AccessLogFormat): Promise<AccessLines> {
    const last = accessLines(this.#lastRecords, format);
    this.#lastRecords = NO_RECORDS;
    const batches = await this.#crew.ask<AccessLines>((id) => ({
      kind: "access-lines",
      id,
      format,
    }));
    return joinLines([last, ...batches]);
  }

  configure({ limits, trusted }: Partial<Omit<LiveSettings, "tls">>): void {
    this.#tellSettings({
      ...this.#settings,
      limits: readOptions(PROXY_OPTIONS, limits ?? this.#settings.limits),
      trusted: trusted ?? this.#settings.trusted,
    });
  }

  async reloadCertificates(): Promise<boolean> {
    return (await this.#certificates?.reload()) ?? true;
  }

  #tellSettings(settings: LiveSettings): void {
    this.#settings = settings;
    this.#crew.tell({ kind: "settings", settings });
  }

  close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    this.#closed ??= this.#close(signal);
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ signal: AbortSignal.abort() });
  }

  /** For tests: the thread behind a column. */
  workerThread(column: number) {
    return this.#crew.thread(column);
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted !== true) {
      const aborted = Promise.withResolvers<void>();
      const onAbort = () => aborted.resolve();
      signal?.addEventListener("abort", onAbort, { once: true });
      await Promise.race([this.#crew.drain(), aborted.promise]);
      signal?.removeEventListener("abort", onAbort);
      await this.#keepLastRecords();
    }
    for (const timer of this.#timers) clearInterval(timer);
    clearInterval(this.#drainTimer);
    this.#certificates?.close();
    await this.#crew.stop();
    this.#signals.close();
  }

  /** The log shall have the last requests too; a thread that hangs has none. */
  async #keepLastRecords(): Promise<void> {
    if (this.#settings.limits.accessRecords === 0) return;
    const late = delay(LAST_RECORDS_MS).then(() => NO_RECORDS);
    this.#lastRecords = await Promise.race([this.accessRecords(), late]);
  }

  #setup(column: number): WorkerSetup {
    const { cacheBytes, cache, name = "zoogate" } = this.#options;
    return {
      memory: this.#memory,
      column,
      listen: this.addresses,
      reusePort: this.#reusePort,
      cache:
        cacheBytes === undefined
          ? { ...cache }
          : { ...cache, maxBytes: cacheBytes },
      name,
      ...this.#settings,
      changes: this.#state.wholeState(),
      sequence: this.#state.sequence,
    };
  }

  #onMessage(message: MessageFromWorker): void {
    switch (message.kind) {
      case "failed":
        if (message.failure === "refused")
          this.#signal({ kind: "refused", registration: message.registration });
        else if (message.failure === "cut")
          this.#signal({ kind: "cut", registration: message.registration });
        return;
      case "answered":
        this.#signal({ kind: "answered", registration: message.registration });
        return;
      case "ejected":
        this.#health?.ejected(message.registration, message.cause);
        return;
      case "listening":
      case "cannot-listen":
      case "reply":
      case "drained":
        return; // the crew's own
      default:
        message satisfies never;
    }
  }

  #signal(signal: DataPlaneSignal): void {
    const key = `${signal.kind} ${signal.registration}`;
    const nowMs = performance.now();
    const lastMs = this.#told.get(key) ?? -Infinity;
    // A drain is told whenever it ends: somebody waits for it.
    if (signal.kind !== "drained" && nowMs - lastMs < SIGNAL_INTERVAL_MS)
      return;
    if (this.#told.size > MAX_SIGNALS) this.#told.clear();
    this.#told.set(key, nowMs);
    if (this.#signals.push(signal) === "full")
      this.#journal({
        level: "warn",
        room: "proxy",
        event: "signals-full",
        message: "Nobody reads what the data plane sees of its targets",
      });
  }

  // ---- drains

  #acknowledgedByAll(): number {
    let lowest = this.#state.sequence;
    for (const column of this.#crew.columns())
      lowest = Math.min(lowest, this.#counters.acknowledged(column));
    return lowest;
  }

  /** Looks often, but only while a target drains. */
  #watchDrains(): void {
    if (this.#drainTimer !== undefined) return;
    const pending = () =>
      [...this.#state.targets()].some(
        ({ drainingSince }) => drainingSince !== undefined,
      );
    if (!pending()) return;
    this.#drainTimer = setInterval(() => {
      const acknowledged = this.#acknowledgedByAll();
      for (const target of this.#state.targets()) {
        const { drainingSince, slot, view } = target;
        if (drainingSince === undefined || drainingSince > acknowledged)
          continue;
        if (this.#counters.inFlight(slot) > 0) continue;
        target.drainingSince = undefined;
        this.#signal({ kind: "drained", registration: view.registration });
      }
      if (pending()) return;
      clearInterval(this.#drainTimer);
      this.#drainTimer = undefined;
    }, DRAIN_TICK_MS);
  }

  #targetStats(): TargetStats[] {
    return [...this.#state.targets()].map(({ view, slot, answeredBefore }) => ({
      service: view.service,
      name: view.name,
      registration: view.registration,
      release: view.release,
      state: view.state,
      answered: this.#counters.answeredTotal(slot) - answeredBefore,
      inFlight: this.#counters.inFlight(slot),
      failures: this.#counters.failedTotal(slot),
      score: this.#counters.score(slot),
      ejected: this.#counters.ejectionCause(slot),
    }));
  }
}
