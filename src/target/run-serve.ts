import {
  abortable,
  type Address,
  type Clock,
  isAbortOf,
  type Journal,
  systemClock,
} from "../base/index.ts";
import { addressUrl, advertisedAddress } from "./advertise.ts";
import { readIdentity, targetName } from "./identity.ts";
import { leave } from "./leave.ts";
import type { OpenRegistrar, Registrar, TargetFacts } from "./registrar.ts";
import {
  serveDirectory,
  type ServedRelease,
  type StaticServer,
} from "./static-server.ts";
import { TargetError } from "./target-error.ts";

/** After this the operator is told what is being waited for. */
const PATIENCE_MS = 2_000;
/** How long answers under way may take once the server has left the registry. */
const FINISH_MS = 30_000;

/** What every way to register a target is told. */
export interface RegistrationOptions {
  readonly service: string;
  readonly hosts?: readonly string[] | undefined;
  /** Default: `<hostname>:<port>`. */
  readonly name?: string | undefined;
  /** HOST[:PORT]. */
  readonly advertise?: string | undefined;
  readonly release?: string | undefined;
  readonly weight?: number | undefined;
  /** Where this server's id is kept; without it the registered address is its id. */
  readonly dataDir?: string | undefined;
  /** Hosts of the connect string, without ports. */
  readonly zookeeperHosts: readonly string[];
  readonly openRegistrar: OpenRegistrar;
  readonly journal: Journal;
  readonly clock?: Clock | undefined;
  /** Fires when the target is to leave, in order. */
  readonly signal: AbortSignal;
  /** Fires when it is to end without any more waiting. */
  readonly kill?: AbortSignal | undefined;
  /** Called each time the target has come into the registry. */
  readonly onReady?: ((ready: ReadyTarget) => void) | undefined;
}

/** For the `ready` line. */
export interface ReadyTarget {
  readonly service: string;
  readonly name: string;
  /** Where it listens itself. */
  readonly address: Address;
  /** The registered URL. */
  readonly url: string;
  readonly release: string | undefined;
  /** Files served; for `serve` only. */
  readonly files?: number;
}

export interface RunServeOptions extends RegistrationOptions {
  readonly dir: string;
  readonly listen: Address;
  /** Of the file of a Unix socket. */
  readonly socketMode?: number | undefined;
  /** The site draws its own pages: see `serveDirectory`. */
  readonly spa?: boolean | undefined;
}

/**
 * `zoogate serve`: serves a directory and keeps it registered under its present
 * release, until `signal` fires; then drains and stops. It serves from the
 * start and goes on serving while ZooKeeper is away.
 * @throws TargetError when it cannot serve, or cannot be or stay registered
 */
export async function runServe(options: RunServeOptions): Promise<void> {
  const { dir, listen, socketMode, spa, release, journal, signal } = options;
  const server = await serveDirectory({
    dir,
    listen,
    socketMode,
    spa,
    release,
    journal,
    signal,
  });
  try {
    const facts = await factsOf(server.address, options, listen);
    await serveRegistered(server, facts, options);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

/** What is known before the release is; `asked` is where it was told to listen. */
export async function factsOf(
  listen: Address,
  options: Pick<
    RegistrationOptions,
    | "service"
    | "hosts"
    | "name"
    | "advertise"
    | "weight"
    | "dataDir"
    | "zookeeperHosts"
    | "journal"
  >,
  asked: Address = listen,
): Promise<Omit<TargetFacts, "release" | "commit">> {
  const { advertise, dataDir, name, zookeeperHosts, journal } = options;
  const advertised = advertisedAddress({ listen, advertise, zookeeperHosts });
  return {
    service: options.service,
    name: targetName(name, listen),
    url: addressUrl(advertised),
    weight: options.weight ?? 1,
    hosts: options.hosts ?? [],
    ...(await readIdentity({
      dataDir,
      listen: asked,
      name,
      advertised,
      journal,
    })),
  };
}

async function serveRegistered(
  server: StaticServer,
  facts: Omit<TargetFacts, "release" | "commit">,
  options: RunServeOptions,
): Promise<void> {
  const { signal, clock = systemClock, journal, kill } = options;
  const lost = new AbortController();
  const ending = AbortSignal.any([signal, lost.signal]);
  const releases = server.releases({ signal: ending });
  let registrar: Registrar | undefined;
  let last: ServedRelease | undefined;
  try {
    for await (const served of releases) {
      const same =
        last?.release === served.release && last.commit === served.commit;
      // The folder was swapped for one that holds the same.
      if (same) continue;
      last = served;
      if (registrar === undefined) {
        const { release, commit } = served;
        registrar = options.openRegistrar({ ...facts, release, commit });
        void registrar.lost.then((error) => lost.abort(lostError(error)));
        await started(registrar, { ...options, clock, ending });
        options.onReady?.(readyOf(server, facts, served));
      } else {
        await abortable(registrar.replace(served), ending);
        tellRelease(journal, facts, served);
      }
    }
  } catch (error) {
    if (!isAbortOf(error, ending)) {
      await registrar?.close();
      throw error;
    }
  }
  lost.signal.throwIfAborted();
  if (registrar !== undefined)
    await leave({
      registrar,
      hangUp: () => server.hangUp(),
      journal,
      clock,
      kill,
    });
  await server.close({ signal: finishLimit(kill) });
}

/**
 * Starts a registration; tells the operator when that takes long. Rejects with
 * the signal's reason when that comes first.
 */
export async function started(
  registrar: Registrar,
  options: {
    readonly journal: Journal;
    readonly clock: Clock;
    readonly ending: AbortSignal;
  },
): Promise<void> {
  const patience = options.clock.after(PATIENCE_MS, () =>
    options.journal({
      level: "warn",
      room: "target",
      event: "waiting-for-zookeeper",
      message:
        "Not registered yet: ZooKeeper does not answer; it is tried for ever",
    }),
  );
  try {
    await abortable(registrar.start(), options.ending);
  } finally {
    patience.cancel();
  }
}

/** The error of a registration that ended by itself. */
export function lostError(cause: unknown): TargetError {
  return new TargetError(
    "registration-lost",
    "Cannot stay registered: another process has taken this target's place",
    { cause },
  );
}

/** Fires when answers under way have had their time. */
export function finishLimit(kill: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(FINISH_MS);
  return kill === undefined ? limit : AbortSignal.any([limit, kill]);
}

function readyOf(
  server: StaticServer,
  facts: Omit<TargetFacts, "release" | "commit">,
  served: ServedRelease,
): ReadyTarget {
  const { service, name, url } = facts;
  const { address } = server;
  return {
    service,
    name,
    url,
    address,
    release: served.release,
    files: served.files,
  };
}

function tellRelease(
  journal: Journal,
  facts: { readonly service: string; readonly name: string },
  { release, commit, files }: ServedRelease,
): void {
  const { service, name } = facts;
  journal({
    level: "info",
    room: "target",
    event: "release-registered",
    message: `${name} of ${service} is now registered with release ${release} (${files} files)`,
    service,
    target: name,
    release,
    commit,
  });
}
