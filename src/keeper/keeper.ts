import { createServer, isIP, type Server, type Socket } from "node:net";
import {
  type Clock,
  type Journal,
  silentJournal,
  systemClock,
  type Timer,
} from "../base/index.ts";
import type { ConnectRequest, Reader } from "../jute/index.ts";
import { Authenticator, type KeeperUser } from "./authenticator.ts";
import {
  ClientConnection,
  type ConnectionHost,
  type OpenedSession,
} from "./client-connection.ts";
import { Database, type RestoredState } from "./database.ts";
import { answerFourLetterWord } from "./four-letter-words.ts";
import { KeeperError } from "./keeper-error.ts";
import { closeServer, listen } from "./listening.ts";
import type { KeeperNumbers } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { type AnsweringAll, answerRequest } from "./requests.ts";
import type { Session } from "./session-table.ts";
import { Counters, type KeeperStats } from "./stats.ts";
import type { KeeperTls } from "./tls-server.ts";
import { type Storage, Turn } from "./turn.ts";

/** What a keeper may be given. */
export interface KeeperOptions extends Partial<KeeperNumbers> {
  /** Where it listens; 127.0.0.1 unless given. */
  readonly host?: string;
  /** 0, the default, lets the system choose. */
  readonly port?: number;
  /** The SQLite file; undefined keeps everything in memory. */
  readonly dataFile?: string | undefined;
  /** Who may use it, by digest or SASL DIGEST-MD5; with none, everybody may. */
  readonly users?: readonly KeeperUser[];
  /** A second port, on which clients speak TLS. */
  readonly tls?: KeeperTls;
  readonly journal?: Journal;
  readonly clock?: Clock;
}

/** How a keeper ended. */
export type KeeperEnd =
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly error: KeeperError };

/** Identities of one connection, the address included. */
const MAX_IDENTITIES = 100;
/** Sessions are looked at this many times in a tick. */
const SWEEPS_PER_TICK = 4;

/** A ZooKeeper server for one machine. Made by `startKeeper`. */
export class Keeper implements ConnectionHost, AsyncDisposable {
  readonly outbox = new Outbox();
  readonly limits: ConnectionHost["limits"];
  readonly #numbers: KeeperNumbers;
  readonly #database: Database;
  readonly #turn: Turn;
  readonly #answering: AnsweringAll;
  readonly #connections = new Set<ClientConnection>();
  readonly #byAddress = new Map<string, number>();
  readonly #counters = new Counters();
  readonly #servers: Server[];
  readonly #storage: Storage | undefined;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #dataFile: string | undefined;
  readonly #startedMs: number;
  readonly #timers: Timer[] = [];
  readonly #ended = Promise.withResolvers<KeeperEnd>();
  #address: { readonly host: string; readonly port: number };
  #tlsPort: number | undefined;
  #nowMs: number;
  #turnStartMs = 0;
  #sweptMs: number;
  #unfinishedBytes = 0;
  #closing: Promise<void> | undefined;
  readonly #tls: KeeperTls | undefined;

  /** Use `startKeeper`. */
  constructor(parts: {
    readonly numbers: KeeperNumbers;
    readonly state: RestoredState;
    readonly storage: Storage | undefined;
    /** For `options.tls`. */
    readonly secureServer: Server | undefined;
    readonly options: KeeperOptions;
  }) {
    const { numbers, options } = parts;
    this.#numbers = numbers;
    this.#clock = options.clock ?? systemClock;
    this.#journal = options.journal ?? silentJournal;
    this.#dataFile = options.dataFile;
    this.#storage = parts.storage;
    this.#nowMs = this.#clock.nowMs();
    this.#startedMs = this.#nowMs;
    this.#sweptMs = this.#nowMs;
    this.#address = { host: options.host ?? "127.0.0.1", port: 0 };
    this.#database = new Database(parts.state, numbers);
    this.limits = { ...numbers, maxIdentities: MAX_IDENTITIES };
    this.#answering = {
      database: this.#database,
      authenticator: new Authenticator(options.users ?? []),
      disableAddWatch: numbers.disableAddWatch,
      wallMs: () => Math.trunc(this.#clock.wallMs()),
    };
    this.#turn = new Turn({
      database: this.#database,
      storage: parts.storage,
      onEnd: (commitMs) => this.#onTurnEnd(commitMs),
      onFailure: (error) => this.#fail(error),
    });
    this.#tls = options.tls;
    const onSocket = (socket: Socket) => this.#onSocket(socket);
    this.#servers = [createServer({ allowHalfOpen: true }, onSocket)];
    if (parts.secureServer !== undefined) {
      parts.secureServer.on("secureConnection", onSocket);
      this.#servers.push(parts.secureServer);
    }
  }

  get host(): string {
    return this.#address.host;
  }

  get port(): number {
    return this.#address.port;
  }

  /** Where clients speak TLS; undefined without `tls`. */
  get tlsPort(): number | undefined {
    return this.#tlsPort;
  }

  /** What a client is given to connect. */
  get connectString(): string {
    const host = isIP(this.host) === 6 ? `[${this.host}]` : this.host;
    return `${host}:${this.port}`;
  }

  /** Resolves when it is closed, or had to stop because a commit failed. Never rejects. */
  get ended(): Promise<KeeperEnd> {
    return this.#ended.promise;
  }

  /** For `startKeeper`. */
  async listen(port: number): Promise<void> {
    const [plain, secure] = this.#servers;
    if (plain !== undefined)
      this.#address = await listen(plain, { host: this.host, port });
    if (secure !== undefined) {
      const { host = this.host, port: tlsPort = 0 } = this.#tls ?? {};
      const at = { host, port: tlsPort };
      this.#tlsPort = (await listen(secure, at)).port;
    }
    this.#sweptMs = this.#clock.nowMs();
    this.#sweepLater();
    this.#checkContainersLater();
    this.#journal({
      level: "info",
      room: "keeper",
      event: "keeper-listening",
      message: `The keeper listens on ${this.connectString}`,
      connectString: this.connectString,
      durable: this.#storage !== undefined,
      nodes: this.#database.tree.size,
      sessions: this.#database.sessions.size,
    });
  }

  /**
   * Answers what has arrived, commits it, and closes all connections. Sessions
   * are kept: their clients may resume them after a restart.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close({ kind: "closed" });
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  stats(): KeeperStats {
    const { tree, watches, sessions, zxid } = this.#database;
    const counters = this.#counters;
    let sent = counters.packetsSent;
    for (const connection of this.#connections) sent += connection.sent;
    return {
      zxid,
      nodes: tree.size,
      ephemerals: tree.ephemeralCount,
      watches: watches.count,
      sessions: sessions.size,
      connections: this.#connections.size,
      treeBytes: tree.bytes,
      watchBytes: watches.bytes,
      packetsReceived: counters.packetsReceived,
      packetsSent: sent,
      sessionsExpired: counters.sessionsExpired,
      connectionsRefused: counters.connectionsRefused,
      connectionsCut: counters.connectionsCut,
      cuts: { ...counters.cuts },
      commits: counters.commits,
      commitSeconds: counters.commitSeconds,
      latencyMinMs: counters.latencyMinMs,
      latencyAverageMs: counters.latencyAverageMs,
      latencyMaxMs: counters.latencyMaxMs,
      uptimeMs: this.#clock.nowMs() - this.#startedMs,
    };
  }

  nowMs(): number {
    return this.#nowMs;
  }

  openSession(
    request: ConnectRequest,
    connection: ClientConnection,
  ): OpenedSession | undefined {
    // A client that has seen more than this tree holds belongs to another one.
    if (request.lastZxidSeen > BigInt(this.#database.zxid)) return undefined;
    const timeoutMs = this.#boundTimeout(request.timeOut);
    const session =
      request.sessionId === 0n
        ? this.#newSession(timeoutMs)
        : this.#resumeSession(request, timeoutMs);
    if (session === "refused") return undefined;
    if (session !== undefined) session.holder = connection;
    const readOnly = request.readOnly === undefined ? undefined : false;
    return {
      session,
      response: {
        protocolVersion: 0,
        timeOut: session?.timeoutMs ?? 0,
        sessionId: session?.id ?? 0n,
        passwd: session?.password ?? Buffer.alloc(16),
        readOnly,
      },
    };
  }

  answer(connection: ClientConnection, reader: Reader): void {
    this.#counters.packetsReceived += 1;
    answerRequest(this.#answering, connection, reader);
  }

  fourLetterWord(word: string): string | undefined {
    return answerFourLetterWord(word, {
      database: this.#database,
      connections: this.#connections,
      nowMs: this.#nowMs,
      stats: this.stats(),
      configuration: {
        clientPort: this.port,
        clientPortAddress: this.host,
        dataFile: this.#dataFile ?? "none (in memory)",
        maxClientCnxns: this.#numbers.maxConnectionsPerAddress,
        tickTime: this.#numbers.tickTimeMs,
        minSessionTimeout: this.#minTimeoutMs,
        maxSessionTimeout: this.#maxTimeoutMs,
        serverId: 0,
      },
      resetConnectionStats: () => {
        for (const connection of this.#connections) {
          connection.received = 0;
          connection.sent = 0;
        }
      },
      resetServerStats: () => this.#counters.reset(),
    });
  }

  willFlush(connection: ClientConnection): void {
    this.#turn.willFlush(connection);
  }

  holds(changeBytes: number): boolean {
    this.#unfinishedBytes += changeBytes;
    return (
      changeBytes <= 0 ||
      this.#unfinishedBytes <= this.#numbers.maxUnfinishedBytes
    );
  }

  closed(connection: ClientConnection, because: string): void {
    if (!this.#connections.delete(connection)) return;
    this.#database.watches.removeAll(connection);
    this.#counters.packetsSent += connection.sent;
    this.#counters.addCut(because);
    const left = (this.#byAddress.get(connection.address) ?? 1) - 1;
    if (left === 0) this.#byAddress.delete(connection.address);
    else this.#byAddress.set(connection.address, left);
    this.#journal({
      level: "debug",
      room: "keeper",
      event: "connection-closed",
      message: `The connection of ${connection.address} was closed: ${because}`,
      because,
    });
  }

  get #minTimeoutMs(): number {
    const { minSessionTimeoutMs, tickTimeMs } = this.#numbers;
    return minSessionTimeoutMs === 0 ? 2 * tickTimeMs : minSessionTimeoutMs;
  }

  get #maxTimeoutMs(): number {
    const { maxSessionTimeoutMs, tickTimeMs } = this.#numbers;
    return Math.max(
      this.#minTimeoutMs,
      maxSessionTimeoutMs === 0 ? 20 * tickTimeMs : maxSessionTimeoutMs,
    );
  }

  #boundTimeout(askedMs: number): number {
    return Math.min(this.#maxTimeoutMs, Math.max(this.#minTimeoutMs, askedMs));
  }

  #newSession(timeoutMs: number): Session | "refused" {
    const { sessions } = this.#database;
    if (sessions.size >= this.#numbers.maxSessions) {
      this.#counters.connectionsRefused += 1;
      return "refused";
    }
    const session = this.#database.openSession(timeoutMs, this.#nowMs);
    this.#turn.schedule();
    return session;
  }

  #resumeSession(
    request: ConnectRequest,
    timeoutMs: number,
  ): Session | undefined {
    const session = this.#database.sessions.get(request.sessionId);
    if (session === undefined) return undefined;
    // The old connection goes even when the password is wrong, as measured on
    // Apache ZooKeeper.
    session.holder?.dropped("session-taken-over");
    session.holder = undefined;
    if (!session.accepts(request.passwd)) return undefined;
    session.heardMs = this.#nowMs;
    if (session.timeoutMs !== timeoutMs)
      this.#database.setTimeout(session, timeoutMs);
    return session;
  }

  #onSocket(socket: Socket): void {
    this.startTurn();
    const connection = new ClientConnection(socket, this);
    const { address } = connection;
    const sameAddress = this.#byAddress.get(address) ?? 0;
    const { maxConnections, maxConnectionsPerAddress } = this.#numbers;
    this.#connections.add(connection);
    this.#byAddress.set(address, sameAddress + 1);
    if (
      this.#connections.size <= maxConnections &&
      (maxConnectionsPerAddress === 0 || sameAddress < maxConnectionsPerAddress)
    )
      return;
    this.#counters.connectionsRefused += 1;
    connection.cut("too-many-connections");
  }

  /** Time is read once in a turn. */
  startTurn(): void {
    if (this.#turnStartMs !== 0) return;
    this.#nowMs = this.#clock.nowMs();
    this.#turnStartMs = this.#nowMs;
    this.#turn.schedule();
  }

  #onTurnEnd(commitMs: number | undefined): void {
    if (commitMs !== undefined) {
      this.#counters.commits += 1;
      this.#counters.commitSeconds += commitMs / 1_000;
    }
    if (this.#turnStartMs === 0) return;
    this.#counters.addTurn(this.#clock.nowMs() - this.#turnStartMs);
    this.#turnStartMs = 0;
  }

  #sweepLater(): void {
    const intervalMs = this.#numbers.tickTimeMs / SWEEPS_PER_TICK;
    this.#timers[0] = this.#clock.after(intervalMs, () => {
      this.#sweep(intervalMs);
      this.#sweepLater();
    });
  }

  /** Ends the sessions that were silent for too long, and connections that never began one. */
  #sweep(intervalMs: number): void {
    this.startTurn();
    const nowMs = this.#clock.nowMs();
    this.#nowMs = nowMs;
    // A keeper that was itself stopped, or a machine that slept, has heard
    // nobody: that is no silence of theirs.
    const lateMs = nowMs - this.#sweptMs - intervalMs;
    if (lateMs > this.#numbers.tickTimeMs)
      this.#database.sessions.forgive(lateMs);
    this.#sweptMs = nowMs;
    for (const session of this.#database.sessions.expired(nowMs)) {
      const { holder } = session;
      this.#counters.sessionsExpired += 1;
      this.#database.closeSession(session);
      holder?.dropped("session-expired");
    }
    const latestMs = nowMs - this.#numbers.firstRequestMs;
    for (const connection of this.#connections) {
      if (
        connection.currentSession === undefined &&
        connection.openedMs < latestMs
      )
        connection.cut("no-request");
    }
  }

  #checkContainersLater(): void {
    this.#timers[1] = this.#clock.after(this.#numbers.containerCheckMs, () => {
      this.startTurn();
      this.#database.deletePassed(this.#answering.wallMs());
      this.#checkContainersLater();
    });
  }

  #fail(error: unknown): void {
    const failure = new KeeperError(
      "commit-failed",
      `Cannot write to ${JSON.stringify(this.#dataFile)}: ${String(error)}; the keeper has stopped`,
      { cause: error },
    );
    this.#journal({
      level: "error",
      room: "keeper",
      event: "commit-failed",
      message: failure.message,
      error,
    });
    this.#closing ??= this.#close({ kind: "failed", error: failure });
  }

  async #close(end: KeeperEnd): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    const stopped = Promise.all(this.#servers.map(closeServer));
    if (end.kind === "closed") await this.#turn.end();
    for (const connection of this.#connections) connection.cut("keeper-closed");
    await stopped;
    try {
      this.#storage?.close();
    } finally {
      this.#ended.resolve(end);
    }
  }
}
