import { randomInt } from "node:crypto";
import {
  delay,
  errorMessage,
  type Journal,
  readOptions,
  removeSocketFile,
  silentJournal,
} from "../base/index.ts";
import {
  CACHE_OPTIONS,
  createStoreMemory,
  type Purge,
  StoreKeeper,
  type StoreMemory,
} from "../cache/index.ts";
import type { Snapshot, SnapshotChange } from "../registry/index.ts";
import {
  type AccessLines,
  accessLines,
  type AccessLogFormat,
  joinLines,
} from "./access-line.ts";
import { type AccessBatch, NO_RECORDS } from "./access-ring.ts";
import {
  createGuardMemory,
  forgetThread,
  type GuardMemory,
  OPEN_ACCESS,
} from "./client-guard.ts";
import { CertificateFiles, type TicketKeys } from "./certificate-files.ts";
import type { DataPlane, DataPlaneOptions } from "./data-plane.ts";
import { DrainWatch } from "./drain-watch.ts";
import {
  canReusePort,
  ListeningSockets,
  resolveAddress,
  shareSingle,
} from "./listening-sockets.ts";
import { duplicateDescriptors } from "./duplicate-descriptors.ts";
import { HealthKeeper } from "./health-keeper.ts";
import { PROXY_OPTIONS } from "./options.ts";
import { PlaneState } from "./plane-state.ts";
import type { ProxyStats, TargetStats } from "./proxy-stats.ts";
import {
  createCountersMemory,
  MAIN_COLUMN,
  SharedCounters,
} from "./shared-counters.ts";
import { NO_SITE_MATERIAL } from "./site-files.ts";
import { SignalFeed } from "./signal-feed.ts";
import { trustAuthorities } from "./target-tls.ts";
import { UnknownLists } from "./unknown-lists.ts";
import { WorkerCrew } from "./worker-crew.ts";
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
/** How long a close waits for the last access records. */
const LAST_RECORDS_MS = 1000;

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
  readonly #unknownLists: UnknownLists;
  readonly #crew: WorkerCrew;
  readonly #signals: SignalFeed;
  readonly #drains: DrainWatch;
  readonly #timers: NodeJS.Timeout[] = [];
  #memory = createCountersMemory({ slots: 1, workers: 1 });
  readonly #guard: GuardMemory;
  #counters = new SharedCounters(this.#memory, MAIN_COLUMN);
  #state = new PlaneState(this.#counters, 0);
  #cacheMemory: StoreMemory = createStoreMemory({ maxBytes: 0, workers: 1 });
  #store = new StoreKeeper(this.#cacheMemory);
  #health: HealthKeeper | undefined;
  #reusePort = true;
  #listening = new ListeningSockets([], 1);
  #certificates: CertificateFiles | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#journal = options.journal ?? silentJournal;
    this.#settings = {
      limits: readOptions(PROXY_OPTIONS, options.limits),
      trusted: options.trusted ?? [],
      proxyPeers: options.proxyPeers ?? [],
      access: options.access ?? OPEN_ACCESS,
      site: options.site ?? NO_SITE_MATERIAL,
      tls: undefined,
    };
    this.#unknownLists = new UnknownLists(this.#journal);
    this.#signals = new SignalFeed(this.#journal);
    this.#drains = new DrainWatch({
      targets: () => this.#state.targets(),
      acknowledged: () => this.#acknowledgedByAll(),
      // Nothing waits for the answer of a tunnel: its ends decide how long it lasts.
      inFlight: (slot) =>
        this.#counters.inFlight(slot) - this.#counters.tunnels(slot),
      onDrained: (registration) =>
        this.#signals.push({ kind: "drained", registration }),
    });
    this.#guard = createGuardMemory({
      workers: Math.max(1, options.workers),
      seed: randomInt(2 ** 31),
    });
    this.#crew = new WorkerCrew({
      setup: (column) => this.#setup(column),
      onListening: (column, descriptors) =>
        this.#listening.listening(column, descriptors),
      onMessage: (message) => this.#onMessage(message),
      onEnded: (column) => {
        this.#listening.ended(column);
        forgetThread(this.#guard, column);
        return this.#tidyAfter(column);
      },
      onReplaced: () => void this.#keepSpares(),
      journal: this.#journal,
    });
  }

  async start(): Promise<void> {
    const { listen, certificates } = this.#options;
    trustAuthorities(this.#settings.site.targetCa); // for probes
    this.addresses = await Promise.all(listen.map(resolveAddress));
    if (listen.some(({ tls }) => tls === true))
      this.#certificates = await CertificateFiles.open(certificates ?? [], {
        journal: this.#journal,
        onChange: (tls) => this.#tellSettings({ ...this.#settings, tls }),
        ticketKeys: this.#options.ticketKeys,
      });
    const secure = this.addresses.find(({ tls }) => tls === true);
    this.addresses = this.addresses.map((address) =>
      address.redirectPort === 0 && secure !== undefined
        ? { ...address, redirectPort: secure.port }
        : address,
    );
    const tls = this.#certificates?.material;
    this.#settings = { ...this.#settings, tls };
    const first = this.addresses.find((one) => one.socketPath === undefined);
    if (first !== undefined) this.#reusePort = await canReusePort(first);
    const workers = this.#reusePort ? Math.max(1, this.#options.workers) : 1;
    this.addresses = await Promise.all(
      this.addresses.map((address) => shareSingle(address, workers)),
    );
    this.#listening = new ListeningSockets(this.addresses, workers);
    this.#memory = createCountersMemory({ slots: SLOTS, workers });
    this.#counters = new SharedCounters(this.#memory, MAIN_COLUMN);
    this.#counters.liveProxies = 1;
    const { maxBytes } = readOptions(CACHE_OPTIONS, this.#cacheSettings());
    this.#cacheMemory = createStoreMemory({ maxBytes, workers });
    this.#store = new StoreKeeper(this.#cacheMemory);
    this.#state = new PlaneState(this.#counters, SLOTS);
    this.#health = new HealthKeeper({
      state: this.#state,
      counters: this.#counters,
      journal: this.#journal,
      onProbed: ({ service, registration }, ok) => {
        if (ok) this.#crew.tell({ kind: "restored", service });
        else this.#signals.push({ kind: "refused", registration });
      },
    });
    // Known before the port opens: the first request is routed as the last.
    if (this.#options.snapshot !== undefined)
      this.replace(this.#options.snapshot);
    await this.#crew.start(workers);
    void this.#keepSpares();
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
    this.#unknownLists.look(this.#state.services, this.#settings.site);
    this.#crew.tell({
      kind: "changes",
      changes: assigned,
      sequence: this.#state.sequence,
    });
    this.#drains.watch();
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

  signals(options: { readonly signal?: AbortSignal } = {}) {
    return this.#signals.read(options.signal);
  }

  async stats(): Promise<ProxyStats> {
    const workers = await this.#crew.ask<WorkerReport>((id) => ({
      kind: "report",
      id,
    }));
    const totals = newTotals();
    for (const worker of workers) addTotals(totals, worker);
    const cache = this.#store.size;
    return { workers, totals, cache, targets: this.#targetStats() };
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

  configure({ limits, ...networks }: Partial<Omit<LiveSettings, "tls">>): void {
    this.#tellSettings({
      ...this.#settings,
      ...networks,
      limits: readOptions(PROXY_OPTIONS, limits ?? this.#settings.limits),
    });
  }

  async reloadCertificates(): Promise<boolean> {
    return (await this.#certificates?.reload()) ?? true;
  }

  #tellSettings(settings: LiveSettings): void {
    this.#settings = settings;
    trustAuthorities(settings.site.targetCa);
    this.#unknownLists.look(this.#state.services, settings.site);
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

  descriptors(): readonly (readonly number[])[] {
    return this.#listening.descriptors();
  }

  get ticketKeys(): TicketKeys | undefined {
    return this.#certificates?.ticketKeys;
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
    }
    await this.#crew.cut();
    if (signal?.aborted !== true) await this.#keepLastRecords();
    for (const timer of this.#timers) clearInterval(timer);
    this.#drains.close();
    this.#certificates?.close();
    await this.#crew.stop();
    this.#listening.close();
    // Those that a successor listens on stay.
    for (const { socketPath } of this.addresses)
      if (socketPath !== undefined) await removeSocketFile(socketPath);
    this.#signals.close();
  }

  /** The log shall have the last requests too; a thread that hangs has none. */
  async #keepLastRecords(): Promise<void> {
    if (this.#settings.limits.accessRecords === 0) return;
    const late = delay(LAST_RECORDS_MS).then(() => NO_RECORDS);
    this.#lastRecords = await Promise.race([this.accessRecords(), late]);
  }

  /**
   * A worker that crashes takes its descriptors with it; with another of the
   * same socket those who wait in its queue are not lost.
   */
  async #keepSpares(): Promise<void> {
    if (this.#options.keepsQueues !== true) return;
    const descriptors = this.#listening.withoutSpare();
    try {
      const copies = await duplicateDescriptors(descriptors);
      for (const [index, descriptor] of descriptors.entries()) {
        const copy = copies[index];
        if (copy !== undefined) this.#listening.addSpare(descriptor, copy);
      }
      if (this.#closed !== undefined) this.#listening.close();
    } catch (error) {
      this.#journal({
        level: "debug",
        room: "proxy",
        event: "no-spare-descriptors",
        message: `A worker that crashes takes its queue with it: ${errorMessage(error)}`,
        error,
      });
    }
  }

  #setup(column: number): WorkerSetup {
    const { name = "zoogate" } = this.#options;
    return {
      memory: this.#memory,
      guard: this.#guard,
      column,
      listen: this.#listening.listenOf(column),
      reusePort: this.#reusePort,
      cache: this.#cacheSettings(),
      cacheMemory: this.#cacheMemory,
      name,
      ...this.#settings,
      changes: this.#state.wholeState(),
      sequence: this.#state.sequence,
    };
  }

  #cacheSettings(): CacheSettings {
    const { cacheBytes, cache } = this.#options;
    return cacheBytes === undefined
      ? { ...cache }
      : { ...cache, maxBytes: cacheBytes };
  }

  /** Takes back what a worker that has ended kept of the cache; its successor waits for it. */
  async #tidyAfter(column: number): Promise<void> {
    let repair = this.#store.repair(column);
    for (; repair === "busy"; repair = this.#store.repair(column))
      await delay(1);
    if (repair === "cleared")
      this.#journal({
        level: "warn",
        room: "proxy",
        event: "cache-cleared",
        message: `Worker ${column} ended while it changed the cache, which has been cleared`,
      });
  }

  #onMessage(message: MessageFromWorker): void {
    switch (message.kind) {
      case "failed":
        if (message.failure === "refused")
          this.#signals.push({
            kind: "refused",
            registration: message.registration,
          });
        else if (message.failure === "cut")
          this.#signals.push({
            kind: "cut",
            registration: message.registration,
          });
        return;
      case "answered":
        this.#signals.push({
          kind: "answered",
          registration: message.registration,
        });
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

  #acknowledgedByAll(): number {
    let lowest = this.#state.sequence;
    for (const column of this.#crew.columns())
      lowest = Math.min(lowest, this.#counters.acknowledged(column));
    return lowest;
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
      tunnels: this.#counters.tunnels(slot),
      failures: this.#counters.failedTotal(slot),
      score: this.#counters.score(slot),
      ejected: this.#counters.ejectionCause(slot),
    }));
  }
}
