import { createServer, type Server } from "node:http";
import {
  type Address,
  DEFAULT_SOCKET_MODE,
  formatAddress,
  type Journal,
  listenOnSocket,
  removeSocketFile,
  silentJournal,
} from "../base/index.ts";
import { commitLabel, readGitState } from "./git-commit.ts";
import { LiveSite } from "./live-site.ts";
import { releaseNaming } from "./release-name.ts";
import type { Manifest } from "./scan-site.ts";
import { SiteHandler } from "./site-handler.ts";
import { ServerStop } from "./stop-server.ts";
import { systemErrorCode, TargetError } from "./target-error.ts";

/**
 * Longer than any proxy keeps an idle connection: the one who sends the next
 * request closes, so that none is sent into a closing connection.
 */
const KEEP_ALIVE_MS = 75_000;

export interface ServeDirectoryOptions {
  readonly dir: string;
  /** Port 0 takes a free one. */
  readonly listen: Address;
  /** Of the file of a Unix socket. */
  readonly socketMode?: number | undefined;
  /** Names the present content; later content gets `<release>+<digest>`. */
  readonly release?: string | undefined;
  /** Unknown paths without an extension get the index page: the site draws its own. */
  readonly spa?: boolean | undefined;
  readonly journal?: Journal;
  readonly signal?: AbortSignal | undefined;
}

/** What a served directory is, for the registry. */
export interface ServedRelease {
  readonly release: string;
  /** The git commit of the directory, with `-dirty` where it differs; undefined outside git. */
  readonly commit: string | undefined;
  readonly files: number;
}

/** A directory, served over HTTP. */
export interface StaticServer extends AsyncDisposable {
  /** Where it listens, with the real port. */
  readonly address: Address;
  /** The present release, then each newer one. Ends on close. */
  releases(options?: {
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<ServedRelease>;
  /** From now on each answer says `Connection: close`. */
  hangUp(): void;
  /** Stops listening, finishes what is in flight, cuts what is left when the signal fires. */
  close(options?: { readonly signal?: AbortSignal | undefined }): Promise<void>;
}

/**
 * Serves `dir` with strong entity tags, ranges, types and index pages; nothing
 * outside of it, links included, and no names that begin with a dot. Follows
 * every change of the directory. Resolves when it listens.
 * @throws TargetError `unreadable-directory`, `address-in-use`, `cannot-listen`
 */
export async function serveDirectory(
  options: ServeDirectoryOptions,
): Promise<StaticServer> {
  const { dir, journal = silentJournal, signal } = options;
  const site = await LiveSite.open(dir, { journal, signal });
  try {
    const releaseOf = releaseNaming(site.state.manifest, options.release);
    const handler = new SiteHandler({
      site,
      releaseOf,
      journal,
      isApplication: options.spa === true,
    });
    const server = createServer((request, response) =>
      handler.handle(request, response),
    );
    server.keepAliveTimeout = KEEP_ALIVE_MS;
    const stop = new ServerStop(server);
    const address = await listenOn(server, options);
    return new DirectoryServer({ site, stop, address, releaseOf, dir });
  } catch (error) {
    await site.close();
    throw error;
  }
}

class DirectoryServer implements StaticServer {
  readonly address: Address;
  readonly #site: LiveSite;
  readonly #stop: ServerStop;
  readonly #releaseOf: (manifest: Manifest) => string;
  readonly #dir: string;

  constructor(given: {
    readonly site: LiveSite;
    readonly stop: ServerStop;
    readonly address: Address;
    readonly releaseOf: (manifest: Manifest) => string;
    readonly dir: string;
  }) {
    this.#site = given.site;
    this.#stop = given.stop;
    this.address = given.address;
    this.#releaseOf = given.releaseOf;
    this.#dir = given.dir;
  }

  async *releases(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncGenerator<ServedRelease, void, void> {
    for await (const { manifest } of this.#site.states(options)) {
      const commit = commitLabel(await readGitState(this.#dir));
      const release = this.#releaseOf(manifest);
      yield { release, commit, files: manifest.files.size };
    }
  }

  hangUp(): void {
    this.#stop.hangUp();
  }

  async close(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    await this.#stop.stop(options);
    const { socketPath } = this.address;
    if (socketPath !== undefined) await removeSocketFile(socketPath);
    await this.#site.close();
  }

  /** Cuts what is under way. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close({ signal: AbortSignal.abort() });
  }
}

async function listenOn(
  server: Server,
  options: ServeDirectoryOptions,
): Promise<Address> {
  const { listen, socketMode = DEFAULT_SOCKET_MODE } = options;
  if (listen.socketPath !== undefined)
    return listenOnPath(server, {
      listen,
      path: listen.socketPath,
      mode: socketMode,
    });
  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error) => reject(listenError(listen, error));
    server.once("error", onError);
    server.listen({ host: listen.host, port: listen.port }, () => {
      server.off("error", onError);
      resolve();
    });
  });
  // What fails after that is one connection's accept (no descriptors left):
  // the next one may be accepted again.
  server.on("error", () => {});
  const bound = server.address();
  if (bound === null || typeof bound === "string") return listen;
  return { host: listen.host, port: bound.port };
}

async function listenOnPath(
  server: Server,
  options: {
    readonly listen: Address;
    readonly path: string;
    readonly mode: number;
  },
): Promise<Address> {
  try {
    await listenOnSocket(server, options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw listenError(options.listen, error);
  }
  server.on("error", () => {}); // as in listenOn()
  return options.listen;
}

function listenError(listen: Address, cause: Error): TargetError {
  const where = formatAddress(listen);
  switch (systemErrorCode(cause)) {
    case "EADDRINUSE":
      return new TargetError(
        "address-in-use",
        `Cannot listen on ${where}: ${listen.socketPath === undefined ? "the port is in use" : "somebody listens there"}`,
        { cause },
      );
    case "EACCES":
      return new TargetError(
        "cannot-listen",
        `Cannot listen on ${where}: permission denied`,
        { cause },
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return new TargetError(
        "cannot-listen",
        `Cannot listen on ${where}: it is not an address of this machine`,
        { cause },
      );
    case "EEXIST":
      return new TargetError(
        "cannot-listen",
        `Cannot listen on ${where}: there is a file that is no socket`,
        { cause },
      );
    case "ENOENT":
      return new TargetError(
        "cannot-listen",
        `Cannot listen on ${where}: there is no such folder`,
        { cause },
      );
    default:
      return new TargetError("cannot-listen", `Cannot listen on ${where}`, {
        cause,
      });
  }
}
