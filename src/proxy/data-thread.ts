import { type Fill, HttpCache } from "../cache/index.ts";
import { AccessRing } from "./access-ring.ts";
import type { Client } from "./client.ts";
import { ClientEntry } from "./client-entry.ts";
import { ClientGuard } from "./client-guard.ts";
import { dispatch } from "./dispatch.ts";
import { Credentials } from "./credentials.ts";
import { ErrorPages } from "./error-pages.ts";
import { hstsLine } from "./hsts.ts";
import { Networks } from "./networks.ts";
import type { ProxyLimits } from "./options.ts";
import { OutputSlab } from "./output-slab.ts";
import { RoutingTable } from "./routing-table.ts";
import { Service } from "./service.ts";
import { asksOtherwise } from "./service-rules.ts";
import type { Serving } from "./serving.ts";
import { SharedCounters } from "./shared-counters.ts";
import { SharedCapacity } from "./shared-capacity.ts";
import { Target } from "./target.ts";
import { QueueAlarm, TargetQueue } from "./target-queue.ts";
import { trustAuthorities } from "./target-tls.ts";
import { ejectionAfter, type TargetFailure } from "./target-health.ts";
import type { Thread } from "./thread.ts";
import { ThreadListeners } from "./thread-listeners.ts";
import { InputBuffers } from "./wire.ts";
import type {
  AssignedChange,
  ListenAddress,
  LiveSettings,
  MessageFromWorker,
  WorkerSetup,
} from "./worker-messages.ts";
import { newTotals, type WorkerReport } from "./worker-stats.ts";

const SWEEP_MS = 250;
/** A registration's good answers are told at most this often. */
const ANSWERED_INTERVAL_MS = 1000;

/** One data thread: listens, routes, and holds every connection it accepted. */
export class DataThread implements Thread {
  /** One object for ever: who holds it sees {@link DataThread.configure}. */
  readonly limits: ProxyLimits;
  readonly input = new InputBuffers();
  readonly slab = new OutputSlab();
  readonly routes = new RoutingTable<Service>();
  readonly counters: SharedCounters;
  readonly cache: HttpCache;
  readonly totals = newTotals();
  readonly access: AccessRing;
  readonly guard: ClientGuard;
  readonly name: string;
  hsts = "";
  pages = new ErrorPages();
  readonly credentials = new Credentials();
  coarseMs = performance.now();
  compressing = 0;
  draining = false;
  #trusted = new Networks([]);
  readonly #post: (message: MessageFromWorker) => void;
  readonly #clients = new Set<Client>();
  readonly #listeners = new ThreadListeners();
  readonly #entry: ClientEntry;
  readonly #told = new Map<string, number>();
  readonly #background = new Set<Serving>();
  readonly #askedBeside = new WeakMap<Fill, number>();
  readonly #leaving = new Set<Target>();
  readonly #capacity: SharedCapacity;
  readonly #alarm: QueueAlarm;
  readonly #sweeper: NodeJS.Timeout;
  #drainingSinceMs = 0;
  #saidDrained = false;

  constructor(setup: WorkerSetup, post: (message: MessageFromWorker) => void) {
    this.#post = post;
    this.limits = { ...setup.limits };
    this.name = setup.name;
    this.counters = new SharedCounters(setup.memory, setup.column);
    this.counters.forgetInFlight();
    this.#capacity = new SharedCapacity(setup.memory.capacity, setup.column);
    this.#capacity.forget();
    this.#alarm = new QueueAlarm(this.#capacity);
    this.cache = new HttpCache({
      ...setup.cache,
      memory: setup.cacheMemory,
      column: setup.column,
    });
    this.access = new AccessRing(setup.limits.accessRecords);
    this.guard = new ClientGuard(setup.guard, {
      column: setup.column,
      limits: this.limits,
      counts: this.totals.refusals,
      trust: this,
    });
    this.#entry = new ClientEntry(
      {
        thread: this,
        guard: this.guard,
        dispatch: (client, head) => dispatch(this, client, head),
        add: (client) => this.#add(client),
        hold: (client) => this.#hold(client),
        gone: (client) => this.#gone(client),
      },
      setup.tls,
    );
    this.configure(setup);
    this.apply(setup.changes, setup.sequence);
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Resolves when all addresses are bound, with what it listens on for each. */
  listen(
    addresses: readonly ListenAddress[],
    reusePort: boolean,
  ): Promise<readonly (readonly number[])[]> {
    return Promise.all(
      addresses.map((address) =>
        this.#listeners.listen(address, {
          reusePort,
          accept: this.#entry.acceptor(address),
        }),
      ),
    );
  }

  /** Takes what may change while it runs; the ring of the access log stays. */
  configure(settings: LiveSettings): void {
    const { limits, trusted, access, site } = settings;
    this.pages = new ErrorPages(site.pages);
    this.credentials.replace(site.users);
    trustAuthorities(site.targetCa);
    Object.assign(this.limits, limits);
    this.hsts = hstsLine(limits.hstsSeconds);
    this.#entry.configure(settings);
    this.#trusted = new Networks(trusted);
    this.guard.configure(access);
    // Asking for addresses costs system calls.
    if (!this.guard.isOpen) this.#closeDenied();
  }

  #closeDenied(): void {
    for (const client of this.#clients) {
      const { facts } = client;
      if (facts !== undefined && !this.guard.admits(facts.address))
        client.destroy();
    }
  }

  /** Replaces services and targets, one change after the other. */
  apply(changes: readonly AssignedChange[], sequence: number): void {
    const changed = new Set<Service>();
    for (const change of changes) {
      const service = this.#applyOne(change);
      if (service !== undefined) changed.add(service);
    }
    for (const service of changed) service.targetsChanged();
    this.counters.acknowledge(sequence);
  }

  #applyOne(change: AssignedChange): Service | undefined {
    switch (change.kind) {
      case "service": {
        const known = this.routes.get(change.service.name);
        const service =
          known ??
          new Service(
            change.service,
            new TargetQueue(this.#capacity, this.#alarm),
          );
        if (asksOtherwise(service.definition, change.service.definition))
          this.cache.clear(service.name);
        // Out and in again: the table is sorted by what the head says.
        this.routes.delete(service.name);
        service.replaceHead(change.service);
        this.routes.set(service);
        return service;
      }
      case "service-gone": {
        const service = this.routes.get(change.name);
        this.routes.delete(change.name);
        for (const target of service?.targets.values() ?? [])
          this.#retire(target);
        this.cache.clear(change.name);
        return undefined;
      }
      case "target":
        return this.#applyTarget(change);
      case "target-gone": {
        const service = this.routes.get(change.service);
        const target = service?.targets.get(change.name);
        if (target?.registration !== change.registration) return undefined;
        service?.targets.delete(change.name);
        this.#retire(target);
        return service;
      }
      default:
        return change satisfies never;
    }
  }

  #applyTarget(
    change: Extract<AssignedChange, { kind: "target" }>,
  ): Service | undefined {
    const { target: view, slot, newcomer } = change;
    const service = this.routes.get(view.service);
    if (service === undefined) return undefined;
    const known = service.targets.get(view.name);
    if (known?.slot === slot) {
      known.view = view;
      return service;
    }
    if (known !== undefined) this.#retire(known);
    const { slowStartMs } = service.definition;
    service.targets.set(
      view.name,
      new Target(view, {
        slot,
        counters: this.counters,
        limits: this.limits,
        input: this.input,
        clock: this,
        ...(newcomer && slowStartMs > 0
          ? {
              slowStart: { fromMs: performance.now(), lastsMs: slowStartMs },
            }
          : {}),
      }),
    );
    return service;
  }

  /** What is in flight with it ends by itself; nothing new begins. */
  #retire(target: Target): void {
    target.gone = true;
    target.pool.close();
    this.#told.delete(target.registration);
    this.totals.upstreamOpened += target.pool.opened;
    this.totals.upstreamReused += target.pool.reused;
    if (target.pool.connections > 0) this.#leaving.add(target);
  }

  trusts(address: string): boolean {
    return this.#trusted.has(address);
  }

  startBackground(serving: Serving): void {
    this.keepInBackground(serving);
    serving.start();
  }

  keepInBackground(serving: Serving): void {
    this.#background.add(serving);
    serving.onOver = () => void this.#background.delete(serving);
  }

  mayAskBeside(fill: Fill, intervalMs: number): boolean {
    const lastMs = this.#askedBeside.get(fill) ?? -Infinity;
    if (this.coarseMs - lastMs < intervalMs) return false;
    this.#askedBeside.set(fill, this.coarseMs);
    return true;
  }

  targetFailed(service: Service, target: Target, failure: TargetFailure): void {
    const inRow = this.counters.failed(target.slot);
    const { registration } = target;
    this.#post({ kind: "failed", failure, registration });
    const cause = ejectionAfter(failure, inRow, {
      health: service.definition.health,
      rotation: {
        targets: service.rotation.length,
        ejected: service.rotation.filter((one) => one.ejection() > 0).length,
      },
    });
    if (cause !== "none" && this.counters.eject(target.slot, cause))
      this.#post({ kind: "ejected", cause, registration });
  }

  targetAnswered(target: Target): void {
    if (target.view.state !== "suspect") return;
    const last = this.#told.get(target.registration) ?? -Infinity;
    if (this.coarseMs - last < ANSWERED_INTERVAL_MS) return;
    this.#told.set(target.registration, this.coarseMs);
    this.#post({ kind: "answered", registration: target.registration });
  }

  report(): WorkerReport {
    let { upstreamOpened, upstreamReused } = this.totals;
    let waiting = 0;
    for (const service of this.routes.services()) {
      waiting += service.waiting;
      for (const { pool } of service.targets.values()) {
        upstreamOpened += pool.opened;
        upstreamReused += pool.reused;
      }
    }
    const cpu = process.threadCpuUsage();
    return {
      ...this.totals,
      upstreamOpened,
      upstreamReused,
      waiting,
      connectionsActive: this.#clients.size + this.#entry.handshakes,
      cache: this.cache.totals(),
      cpuMicros: cpu.user + cpu.system,
    };
  }

  /**
   * Takes no new connection, and closes each as soon as its request is done.
   * What was accepted is served, be it in its handshake.
   */
  drain(): void {
    if (this.draining) return;
    this.draining = true;
    this.coarseMs = performance.now();
    this.#drainingSinceMs = this.coarseMs;
    this.#listeners.close();
    for (const client of this.#clients) client.drain();
    this.#checkDrained();
  }

  /** Cuts everything, so that nothing which is unfinished looks whole. */
  cut(): void {
    this.draining = true;
    this.#listeners.close();
    this.#entry.close();
    for (const client of this.#clients) client.destroy();
    this.#checkDrained();
  }

  #add(client: Client): void {
    this.totals.connectionsAccepted += 1;
    this.#hold(client);
  }

  #hold(client: Client): void {
    this.#clients.add(client);
    if (this.draining) client.drain();
  }

  #gone(client: Client): void {
    this.#clients.delete(client);
    this.#checkDrained();
  }

  #checkDrained(): void {
    if (!this.draining || this.#saidDrained || this.#clients.size > 0) return;
    if (this.#entry.handshakes > 0) return;
    this.#saidDrained = true;
    this.#post({ kind: "drained" });
  }

  #sweepDrain(nowMs: number): void {
    if (nowMs - this.#drainingSinceMs >= this.limits.drainIdleMs)
      this.#entry.close(); // handshakes that nobody goes on with
    this.#checkDrained();
  }

  #sweep(): void {
    const nowMs = performance.now();
    this.coarseMs = nowMs;
    this.cache.tidy();
    if (this.draining) this.#sweepDrain(nowMs);
    for (const client of this.#clients) client.sweep(nowMs);
    for (const serving of this.#background) serving.sweep(nowMs);
    this.#alarm.serve();
    for (const service of this.routes.services())
      for (const { pool } of service.targets.values()) pool.sweep(nowMs);
    for (const target of this.#leaving) {
      target.pool.sweep(nowMs);
      if (target.pool.connections === 0) this.#leaving.delete(target);
    }
  }
}
