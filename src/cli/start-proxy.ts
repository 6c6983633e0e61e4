import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  delay,
  errorMessage,
  formatAddress,
  isAbortOf,
  type Journal,
  readOptions,
  silentJournal,
  systemClock,
} from "../base/index.ts";
import {
  type CertificateFilePair,
  type DataPlane,
  type DataPlaneOptions,
  type ListenAddress,
  type LiveSettings,
  type SiteMaterial,
  PROXY_OPTIONS,
  startDataPlane,
} from "../proxy/index.ts";
import {
  type CountKey,
  CountLedger,
  defaultSuspectLimits,
  ProxyPresence,
  readIdentity,
  Registry,
  type Snapshot,
  type SnapshotChange,
  SnapshotFile,
  type StaticService,
  StaticServices,
  trimRegistry,
} from "../registry/index.ts";
import type { AclEntry, ZooKeeper } from "../zookeeper/index.ts";
import { releaseNumbers } from "./release-numbers.ts";

/** How to run a proxy; what ZooKeeper says decides where requests go. */
export interface StartProxyOptions {
  /** Without it the proxy serves its static services alone. */
  readonly zookeeper?: ZooKeeper | undefined;
  /** As the operator wrote it; the snapshot on disk belongs to it. */
  readonly connectString: string;
  /** Laid over what ZooKeeper says. */
  readonly services?: readonly StaticService[];
  readonly listen: readonly ListenAddress[];
  /** For the listeners that speak TLS; the first is for names that none has. */
  readonly certificates?: readonly CertificateFilePair[];
  readonly workers: number;
  /** Bytes of stored answers, over all workers. */
  readonly cacheBytes?: number;
  /** Where the last snapshot, counts and the proxy's id are kept. */
  readonly dataFolder: string;
  readonly version: string;
  readonly acl?: readonly AclEntry[];
  /** Networks whose `X-Forwarded-*` and `Forwarded` are believed. */
  readonly trusted?: readonly string[];
  /** Whose PROXY protocol headers are believed, on listeners with `proxyProtocol`. */
  readonly proxyPeers?: readonly string[];
  readonly access?: LiveSettings["access"];
  /** Error pages and lists of users. */
  readonly site?: SiteMaterial;
  readonly limits?: LiveSettings["limits"];
  /** Of the store of each worker. */
  readonly cache?: DataPlaneOptions["cache"];
  readonly ticketKeys?: DataPlaneOptions["ticketKeys"];
  /**
   * Resolves when no other process counts with what lies in the data folder:
   * until then requests are counted here, and nothing is written. With false
   * another one goes on to.
   */
  readonly folderIsFree?: Promise<boolean>;
  readonly journal?: Journal;
}

/** After this the operator is told what is being waited for. */
const PATIENCE_MS = 2_000;
/** How often the health of releases is told to the other proxies. */
const TELL_RELEASES_MS = 1_000;
const TRIM_EVERY_MS = 3_600_000;

/**
 * A proxy: the registry's snapshot on one side, the data plane on the other,
 * and what passes between them. It is made at once and serves from
 * {@link Proxy.start} on.
 */
export class Proxy implements AsyncDisposable {
  readonly registry: Registry;
  readonly #options: StartProxyOptions;
  readonly #journal: Journal;
  readonly #presence: ProxyPresence | undefined;
  readonly #static: StaticServices;
  /** For the data plane when it starts. */
  #live: Partial<LiveSettings>;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #plane: DataPlane | undefined;
  readonly #snapshotFile: SnapshotFile | undefined;
  #ledger: Promise<CountLedger | undefined> = Promise.resolve(undefined);
  #closed: Promise<void> | undefined;

  constructor(options: StartProxyOptions) {
    const { zookeeper, journal = silentJournal, acl } = options;
    this.#options = options;
    this.#journal = journal;
    this.#static = new StaticServices(options.services);
    const { limits, trusted, proxyPeers, access, site } = options;
    this.#live = {
      ...(limits === undefined ? {} : { limits }),
      ...(trusted === undefined ? {} : { trusted }),
      ...(proxyPeers === undefined ? {} : { proxyPeers }),
      ...(access === undefined ? {} : { access }),
      ...(site === undefined ? {} : { site }),
    };
    if (zookeeper === undefined) {
      this.registry = new Registry(undefined, { journal });
      return;
    }
    const presence = new ProxyPresence(zookeeper, {
      id: `${hostname()}-${randomBytes(6).toString("hex")}`,
      host: hostname(),
      version: options.version,
      acl,
      journal,
    });
    this.#presence = presence;
    this.#snapshotFile = new SnapshotFile({
      path: join(options.dataFolder, "snapshot.json"),
      connectString: options.connectString,
      journal,
    });
    this.registry = new Registry(zookeeper, {
      snapshotFile: this.#snapshotFile,
      // Its node stands before it reads, so that no drain overlooks it.
      beforeReading: () => presence.start(),
      limits: {
        ...defaultSuspectLimits,
        windowMs: zookeeper.sessionTimeoutMs,
      },
      acl,
      journal,
    });
  }

  /** Undefined until there is something to serve from. */
  get plane(): DataPlane | undefined {
    return this.#plane;
  }

  /** What is served: the registry's services, and over them the static ones. */
  get snapshot(): Snapshot {
    return this.#static.merge(this.registry.snapshot);
  }

  /** Whether it knows all that it is to serve. */
  get isComplete(): boolean {
    return (
      this.#plane !== undefined &&
      (this.#presence === undefined ||
        this.registry.status.source !== "nothing")
    );
  }

  /** Takes what may change while it serves; connections stay. */
  configure(
    settings: Partial<Omit<LiveSettings, "tls">> & {
      readonly services?: readonly StaticService[];
    },
  ): void {
    const { services, ...live } = settings;
    this.#live = { ...this.#live, ...live };
    this.#plane?.configure(live);
    if (services === undefined) return;
    const changes = this.#static.replace(services, this.registry.snapshot);
    this.#plane?.apply(changes);
  }

  /** Reads the certificates now; bad ones leave the last good ones in force. */
  async reloadCertificates(): Promise<void> {
    await this.#plane?.reloadCertificates();
  }

  /**
   * Waits for a snapshot, then serves. Answers where.
   * @throws Error when an address cannot be bound; the signal's reason on abort
   */
  async start(
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<readonly ListenAddress[]> {
    const { listen, workers, cacheBytes, certificates = [] } = this.#options;
    await this.#awaitRegistry(options.signal);
    // Followed before it is read, so that nothing falls between the two.
    const changes = this.registry.changes({ signal: this.#stop.signal });
    const plane = await startDataPlane({
      snapshot: this.snapshot,
      listen,
      certificates,
      workers,
      ...(cacheBytes === undefined ? {} : { cacheBytes }),
      ...this.#live,
      ticketKeys: this.#options.ticketKeys,
      keepsQueues: true,
      ...(this.#options.cache === undefined
        ? {}
        : { cache: this.#options.cache }),
      journal: this.#journal,
    });
    this.#plane = plane;
    this.#loop("changes", () => this.#followChanges(plane, changes));
    this.#loop("signals", () => this.#followSignals(plane));
    this.#loop("releases", () => this.#tellReleases(plane));
    const { zookeeper } = this.#options;
    if (zookeeper !== undefined)
      this.#loop("leftovers", () => this.#trim(zookeeper));
    await plane.applied();
    this.#presence?.setListeners(plane.addresses.map(formatAddress));
    if (zookeeper !== undefined) {
      const opened = this.#openLedger(plane, zookeeper);
      this.#ledger = opened.catch((error: unknown) => this.#cannotCount(error));
      if (this.#options.folderIsFree === undefined) await opened;
    }
    return plane.addresses;
  }

  /** Another process serves from here on, and keeps the routing table on disk. */
  async retire(): Promise<void> {
    await this.#snapshotFile?.retire();
  }

  /** Finishes what is in flight, writes counts and snapshot, leaves the registry. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #awaitRegistry(signal: AbortSignal | undefined): Promise<void> {
    if (this.#presence === undefined) return;
    const outOfPatience = Promise.withResolvers<void>();
    const waits = this.#static.isEmpty;
    const patience = systemClock.after(PATIENCE_MS, () => {
      this.#journal({
        level: "warn",
        room: "cli",
        event: "waiting-for-registry",
        message: `${waits ? "Waiting" : "Serving static services alone"}: neither ZooKeeper at ${this.#options.connectString} nor a snapshot of an earlier run is there`,
      });
      if (!waits) outOfPatience.resolve();
    });
    try {
      await Promise.race([
        this.registry.ready({ signal }),
        outOfPatience.promise,
      ]);
    } finally {
      patience.cancel();
    }
  }

  async #openLedger(
    plane: DataPlane,
    zookeeper: ZooKeeper,
  ): Promise<CountLedger | undefined> {
    const { dataFolder, acl, folderIsFree } = this.#options;
    if ((await folderIsFree) === false) return undefined;
    const ledger = new CountLedger(zookeeper, {
      proxyId: await readIdentity(join(dataFolder, "proxy.id")),
      dataDir: dataFolder,
      totals: () => plane.countTotals(),
      rotation: () => this.#inRotation(),
      onRead: (counts, liveProxies) => {
        plane.correctScores(counts, liveProxies);
      },
      acl,
      journal: this.#journal,
    });
    await ledger.start();
    return ledger;
  }

  #cannotCount(error: unknown): undefined {
    this.#journal({
      level: "error",
      room: "cli",
      event: "counts-not-kept",
      message: `Requests are not counted in ZooKeeper: ${errorMessage(error)}; restart the proxy`,
      error,
    });
  }

  async #followChanges(
    plane: DataPlane,
    changes: AsyncIterable<readonly SnapshotChange[]>,
  ): Promise<void> {
    for await (const batch of changes) {
      plane.apply(this.#static.changes(batch));
      this.#presence?.applied(this.registry.appliedZxid, batch);
    }
  }

  async #followSignals(plane: DataPlane): Promise<void> {
    const { signal } = this.#stop;
    for await (const seen of plane.signals({ signal })) {
      if (seen.kind !== "drained") {
        this.registry.report(seen.registration, seen.kind);
        continue;
      }
      const target = this.registry.target(seen.registration);
      if (target !== undefined) this.#presence?.acknowledge(target);
    }
  }

  /** Targets whose counts matter to the balance. */
  #inRotation(): CountKey[] {
    return [...this.snapshot.services.values()].flatMap((service) =>
      [...service.targets.keys()].map((target) => ({
        service: service.name,
        target,
      })),
    );
  }

  async #tellReleases(plane: DataPlane): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      const { targets } = await plane.stats();
      const ejected = targets.filter((target) => target.ejected !== "none");
      this.#presence?.setReleases(
        releaseNumbers(
          this.snapshot,
          new Set(ejected.map((target) => target.registration)),
        ),
      );
      await delay(TELL_RELEASES_MS, { signal });
    }
  }

  /** Removes what nobody needs any more; at a time of its own in each proxy. */
  async #trim(zookeeper: ZooKeeper): Promise<void> {
    const { acl } = this.#options;
    const { signal } = this.#stop;
    for (;;) {
      await delay(TRIM_EVERY_MS * (0.5 + Math.random()), { signal });
      if (zookeeper.state.kind !== "live") continue;
      try {
        await trimRegistry(zookeeper, {
          nowMs: Date.now(),
          acl,
          journal: this.#journal,
        });
      } catch (error) {
        this.#journal({
          level: "warn",
          room: "cli",
          event: "trim-failed",
          message: "Cannot remove old releases and counts; tried again later",
          error,
        });
      }
    }
  }

  #loop(name: string, run: () => Promise<void>): void {
    const { signal } = this.#stop;
    this.#loops.push(
      run().catch((error: unknown) => {
        if (isAbortOf(error, signal)) return;
        this.#journal({
          level: "error",
          room: "cli",
          event: "loop-failed",
          message: `The proxy no longer follows ${name}: ${errorMessage(error)}; restart it`,
          error,
        });
      }),
    );
  }

  async #close(): Promise<void> {
    const { drainTimeoutMs } =
      this.#live.limits ?? readOptions(PROXY_OPTIONS, {});
    await this.#plane?.close({ signal: AbortSignal.timeout(drainTimeoutMs) });
    const ledger = await this.#ledger;
    await ledger?.close();
    this.#stop.abort(new Error("The proxy was closed"));
    await Promise.all(this.#loops);
    await this.#presence?.close();
    await this.registry.close();
  }
}
