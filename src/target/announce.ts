import { once } from "node:events";
import type { Server } from "node:http";
import { resolve } from "node:path";
import {
  type Address,
  type Clock,
  type Journal,
  readAddress,
  silentJournal,
  systemClock,
  UNIX,
} from "../base/index.ts";
import { registryConnectString } from "../registry/index.ts";
import {
  type AclEntry,
  type AuthEntry,
  CREATOR_ALL_ACL,
  parseConnectString,
  ZooKeeper,
} from "../zookeeper/index.ts";
import { leave } from "./leave.ts";
import type {
  DrainOutcome,
  OpenRegistrar,
  Registrar,
  ReleaseFacts,
  TargetFacts,
} from "./registrar.ts";
import { registryRegistrar } from "./registry-registrar.ts";
import { factsOf, finishLimit, lostError, started } from "./run-serve.ts";
import { ServerStop } from "./stop-server.ts";
import { TargetError } from "./target-error.ts";

const DEFAULT_ZOOKEEPER = "127.0.0.1:2181";

export interface AnnounceOptions {
  /**
   * `HOST:PORT[,…][/chroot]`; the chroot is `/zoogate` unless it says otherwise.
   * Default: `ZOOGATE_ZOOKEEPER` of the environment, else `127.0.0.1:2181`.
   */
  readonly zookeeper?: string;
  readonly service: string;
  /** The site's host names; they fill the service's definition when it has none. */
  readonly hosts?: readonly string[];
  /** Default: `<hostname>:<port>`. */
  readonly name?: string;
  /** HOST[:PORT] where proxies reach the server; needed when it listens on a wildcard or loopback address and ZooKeeper is on another machine. */
  readonly advertise?: string;
  /** When it changes, caches drop what they hold of the former one. */
  readonly release?: string;
  readonly commit?: string;
  readonly weight?: number;
  /** Keeps this server's id across restarts; without it its address is its id. */
  readonly dataDir?: string;
  /** ZooKeeper credentials; nodes are then writable to their holder alone. */
  readonly auth?: readonly AuthEntry[];
  readonly sessionTimeoutMs?: number;
  readonly journal?: Journal;
  readonly clock?: Clock;
  /** Ends the waiting for ZooKeeper. */
  readonly signal?: AbortSignal;
}

/** For tests: another way to register than the registry. */
export interface AnnounceParts {
  readonly openRegistrar: OpenRegistrar;
  readonly closeSession: () => Promise<void>;
}

/** A server's place in the registry, until {@link Announcement.close}. */
export interface Announcement extends AsyncDisposable {
  readonly service: string;
  readonly name: string;
  /** As registered. */
  readonly url: string;
  /** Rejects when the registration has ended by itself: another process took its place. */
  readonly lost: Promise<never>;
  /** Registers anew under another release. */
  replace(change: {
    readonly release: string | undefined;
    readonly commit?: string;
  }): Promise<void>;
  /**
   * Drains, leaves the registry, then closes the server when its last answer is
   * out. What is left when the signal fires is cut. May be called again.
   */
  close(options?: { readonly signal?: AbortSignal }): Promise<void>;
}

/**
 * Registers a `node:http` server as a target of a service and keeps it
 * registered. Resolves when it is registered; while ZooKeeper is away it waits,
 * and the server answers meanwhile.
 *
 * ```ts
 * const server = createServer(app).listen(3000);
 * const announcement = await announce(server, { service: "www" });
 * process.once("SIGTERM", () => announcement.close());
 * ```
 * @throws TargetError `advertise-needed`, `bad-address`, `cannot-listen`; RegistryError when another server has the name; ZooKeeperError for a bad connect string
 */
export async function announce(
  server: Server,
  options: AnnounceOptions,
): Promise<Announcement> {
  const connectString = registryConnectString(
    options.zookeeper ?? process.env["ZOOGATE_ZOOKEEPER"] ?? DEFAULT_ZOOKEEPER,
  );
  const { servers } = parseConnectString(connectString);
  const stop = new ServerStop(server);
  try {
    const facts = await announcedFacts(
      await listening(server),
      options,
      servers.map(({ host }) => host),
    );
    return await announceThrough(
      { server, stop, facts },
      openSession(connectString, options),
      options,
    );
  } catch (error) {
    stop.detach();
    throw error;
  }
}

/** {@link announce} with its parts given. */
export async function announceThrough(
  announced: {
    readonly server: Server;
    readonly stop: ServerStop;
    readonly facts: TargetFacts;
  },
  parts: AnnounceParts,
  options: Pick<AnnounceOptions, "journal" | "clock" | "signal">,
): Promise<Announcement> {
  const { journal = silentJournal, clock = systemClock, signal } = options;
  const registrar = parts.openRegistrar(announced.facts);
  try {
    const ending = signal ?? new AbortController().signal;
    await started(registrar, { journal, clock, ending });
  } catch (error) {
    await registrar.close();
    await parts.closeSession();
    throw error;
  }
  return new ServerAnnouncement({
    ...announced,
    registrar,
    parts,
    journal,
    clock,
  });
}

class ServerAnnouncement implements Announcement {
  readonly service: string;
  readonly name: string;
  readonly url: string;
  readonly lost: Promise<never>;
  readonly #stop: ServerStop;
  readonly #registrar: Registrar;
  readonly #parts: AnnounceParts;
  readonly #journal: Journal;
  readonly #clock: Clock;
  #left: Promise<DrainOutcome> | undefined;

  constructor(given: {
    readonly server: Server;
    readonly stop: ServerStop;
    readonly facts: TargetFacts;
    readonly registrar: Registrar;
    readonly parts: AnnounceParts;
    readonly journal: Journal;
    readonly clock: Clock;
  }) {
    ({ service: this.service, name: this.name, url: this.url } = given.facts);
    this.#stop = given.stop;
    this.#registrar = given.registrar;
    this.#parts = given.parts;
    this.#journal = given.journal;
    this.#clock = given.clock;
    this.lost = given.registrar.lost.then((error) => {
      throw lostError(error);
    });
    // Whoever does not ask for it still reads of it in the journal.
    this.lost.catch(() => {});
    // A server that was closed by its owner answers nobody any more.
    given.server.once("close", () => void this.#leaveAtOnce());
  }

  async replace(change: {
    readonly release: string | undefined;
    readonly commit?: string;
  }): Promise<void> {
    const facts: ReleaseFacts = { commit: undefined, ...change };
    await this.#registrar.replace(facts);
  }

  async close(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    this.#left ??= leave({
      registrar: this.#registrar,
      hangUp: () => this.#stop.hangUp(),
      journal: this.#journal,
      clock: this.#clock,
      kill: signal,
    });
    await this.#left;
    await this.#stop.stop({ signal: finishLimit(signal) });
    await this.#parts.closeSession();
  }

  /** Cuts what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close({ signal: AbortSignal.abort() });
  }

  async #leaveAtOnce(): Promise<void> {
    if (this.#left !== undefined) return;
    this.#left = Promise.resolve("acknowledged");
    await this.#registrar.close();
    await this.#parts.closeSession();
  }
}

function openSession(
  connectString: string,
  options: AnnounceOptions,
): AnnounceParts {
  const {
    auth = [],
    sessionTimeoutMs,
    journal = silentJournal,
    clock,
  } = options;
  const zookeeper = new ZooKeeper(connectString, {
    auth,
    journal,
    ...(sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs }),
    ...(clock === undefined ? {} : { clock }),
  });
  const acl: readonly AclEntry[] | undefined =
    auth.length === 0 ? undefined : CREATOR_ALL_ACL;
  return {
    openRegistrar: registryRegistrar(zookeeper, { acl, journal, clock }),
    closeSession: () => zookeeper.close(),
  };
}

async function announcedFacts(
  listen: Address,
  options: AnnounceOptions,
  zookeeperHosts: readonly string[],
): Promise<TargetFacts> {
  const { journal = silentJournal, release, commit } = options;
  const facts = await factsOf(listen, { ...options, journal, zookeeperHosts });
  return { ...facts, release, commit };
}

async function listening(server: Server): Promise<Address> {
  // Rejects with the server's own error when it cannot listen.
  if (!server.listening) await once(server, "listening");
  const address = server.address();
  if (typeof address === "string") {
    const atSocket = readAddress(UNIX + resolve(address));
    if (atSocket !== undefined) return atSocket;
  }
  if (address === null || typeof address === "string")
    throw new TargetError(
      "cannot-listen",
      "Cannot announce a server that listens neither on a host and port nor on a Unix socket",
    );
  return { host: address.address, port: address.port };
}
