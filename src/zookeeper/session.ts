import {
  type Backoff,
  type Clock,
  type Journal,
  type JournalLevel,
  readOptions,
  silentJournal,
  systemClock,
  type Timer,
} from "../base/index.ts";
import {
  ConnectResponse,
  type Reader,
  type SessionId,
  toSessionId,
  type Zxid,
} from "../jute/index.ts";
import { Authentication } from "./authentication.ts";
import { closeOnServer } from "./close-on-server.ts";
import { type CloseReason, Connection, type TlsOptions } from "./connection.ts";
import type { ConnectString, ServerAddress } from "./connect-string.ts";
import type { AuthEntry } from "./credentials.ts";
import { Depot } from "./depot.ts";
import {
  type Credentials,
  toCredentials,
  writeConnect,
  writePing,
  writeSetWatches,
} from "./handshake.ts";
import type {
  Greeting,
  GreetingLink,
  Link,
  LiveLink,
  ProvingLink,
} from "./link.ts";
import { CLIENT_OPTIONS, type ClientOptions } from "./options.ts";
import { Pacemaker } from "./pacemaker.ts";
import { proveIdentity } from "./prove-identity.ts";
import { reconnectBackoff } from "./reconnect-backoff.ts";
import { ReplyDesk } from "./reply-desk.ts";
import type { AnyRequest } from "./request.ts";
import type { SaslCredentials } from "./sasl.ts";
import { ServerList } from "./server-list.ts";
import type { SessionState } from "./session-state.ts";
import { SilentCloses } from "./silent-closes.ts";
import type { SessionFollower, ZooKeeperOptions } from "./session-options.ts";
import { StateFeed } from "./state-feed.ts";
import type { WatchListener } from "./watch-request.ts";
import { WatchTable } from "./watch-table.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

/** A connection that lived shorter counts as a failed attempt. */
const SETTLED_MS = 1_000;
const CONNECT_MIN_MS = 500;

/**
 * Owns time: makes connections, keeps the session alive over them, and says
 * where it stands. Requests belong to the depot, watches to the watch table,
 * bytes to the connection.
 */
export class Session {
  readonly #options: ClientOptions;
  readonly #tls: TlsOptions | undefined;
  readonly #sasl: SaslCredentials | undefined;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #servers: ServerList;
  readonly #silentCloses: SilentCloses;
  readonly #backoff: Backoff;
  readonly #depot: Depot;
  readonly #authentication: Authentication;
  readonly #watches = new WatchTable();
  readonly #desk: ReplyDesk;
  readonly #followers = new Set<SessionFollower>();
  readonly #feed: StateFeed;
  readonly chroot: string;
  #credentials: Credentials | undefined;
  #timeoutMs: number;
  #link: Link = { phase: "none" };
  #reconnectTimer: Timer | undefined;
  #lostTimer: Timer | undefined;
  #closing: Promise<void> | undefined;
  #ended = false;

  constructor({ servers, chroot }: ConnectString, options: ZooKeeperOptions) {
    const { auth, sasl, tls, session, journal, clock, random, ...rest } =
      options;
    this.#options = readOptions(CLIENT_OPTIONS, rest);
    this.#tls = tls;
    this.#sasl = sasl;
    this.#clock = clock ?? systemClock;
    this.#journal = journal ?? silentJournal;
    this.#feed = new StateFeed({
      journal: this.#journal,
      renewSession: this.#options.renewSession,
    });
    this.#timeoutMs = this.#options.sessionTimeoutMs;
    this.#servers = new ServerList(servers, random ?? Math.random);
    this.#silentCloses = new SilentCloses(servers.length);
    this.#backoff = reconnectBackoff(this.#timeoutMs, random);
    this.#depot = new Depot({
      limit: this.#options.maxQueuedRequests,
      limitBytes: this.#options.maxQueuedBytes,
      maxFrameBytes: this.#options.maxRequestBytes,
    });
    this.#authentication = new Authentication(auth ?? []);
    this.chroot = chroot;
    this.#desk = new ReplyDesk({
      depot: this.#depot,
      watches: this.#watches,
      authentication: this.#authentication,
      chroot,
      journal: this.#journal,
      // The server closes the connection next: nothing more is sent on it.
      onAuthRefused: () => this.#drop(),
    });
    if (session !== undefined) this.#credentials = toCredentials(session);
    this.#connect();
  }

  get state(): SessionState {
    return this.#feed.state;
  }

  get lastZxid(): Zxid {
    return this.#desk.lastZxid;
  }

  get id(): SessionId | undefined {
    return this.#credentials?.id;
  }

  get credentials(): Credentials | undefined {
    return this.#credentials;
  }

  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  get isProven(): boolean {
    return this.#clock.nowMs() < this.#desk.provenMs + this.#timeoutMs;
  }

  get maxQueuedEvents(): number {
    return this.#options.maxQueuedEvents;
  }

  get server(): ServerAddress | undefined {
    const link = this.#link;
    return link.phase === "live" ? link.connection.server : undefined;
  }

  /** Sends a request now, or keeps it until the session is live. */
  submit(request: AnyRequest): void {
    const refusal = this.#refusal(request);
    if (refusal !== undefined) {
      request.failWith(refusal);
      return;
    }
    const { options } = request;
    if (options?.signal !== undefined || options?.timeoutMs !== undefined)
      this.#depot.guard(request, this.#clock);
    if (request.settled) return;
    if (request.watch !== undefined)
      void this.#watches.expect(request.watch, request.promise);
    const link = this.#link;
    if (link.phase === "live") this.#send(request, link);
    else this.#depot.wait(request);
  }

  follow(follower: SessionFollower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: SessionFollower): void {
    this.#followers.delete(follower);
  }

  /** Goes to this server next, now. */
  moveTo(server: ServerAddress): void {
    this.#servers.prefer(server);
    this.#drop();
  }

  /** Forgets a listener; answers whether the server may forget the path too. */
  removeWatch(serverPath: string, listener: WatchListener): boolean {
    return (
      this.#watches.remove(serverPath, listener) && this.#link.phase === "live"
    );
  }

  addAuth(entry: AuthEntry): Promise<void> {
    if (this.#ended)
      return Promise.reject(
        new ZooKeeperError("closed", { op: "authenticate" }),
      );
    const link = this.#link;
    const connection =
      link.phase === "live" || link.phase === "proving"
        ? link.connection
        : undefined;
    const accepted = this.#authentication.add(entry, connection?.frames);
    connection?.flushSoon();
    return accepted;
  }

  states(
    signal: AbortSignal | undefined,
  ): AsyncGenerator<SessionState, void, void> {
    return this.#feed.read(signal);
  }

  live(signal: AbortSignal | undefined): Promise<void> {
    return this.#feed.untilLive(signal);
  }

  close(signal: AbortSignal | undefined): Promise<void> {
    this.#closing ??= this.#close(signal);
    return this.#closing;
  }

  #refusal(
    request: AnyRequest,
  ): "closed" | "session-expired" | "queue-full" | "not-connected" | undefined {
    if (this.#ended) return "closed";
    if (this.state.kind === "expired" && !this.#options.renewSession)
      return "session-expired";
    if (this.#depot.isFull) return "queue-full";
    if (request.options?.failFast === true && this.#link.phase !== "live")
      return "not-connected";
    return undefined;
  }

  #send(request: AnyRequest, link: LiveLink): void {
    if (request.watch !== undefined) this.#watches.sending(request.watch);
    const nowMs = this.#clock.nowMs();
    this.#depot.send(request, link.connection.frames, nowMs);
    link.pacemaker.sent(nowMs);
    link.connection.flushSoon();
  }

  #connect(): void {
    const server = this.#servers.next();
    const sinceMs = this.#clock.nowMs();
    const zxid = this.#silentCloses.allRefuse(sinceMs, this.#timeoutMs)
      ? 0n
      : this.lastZxid;
    const { maxFrameBytes } = this.#options;
    const connection: Connection = new Connection(
      { server, tls: this.#tls, maxFrameBytes },
      {
        onOpen: () => this.#greet(connection, zxid),
        onFrame: (reader) => this.#receive(reader),
        onClose: (reason, error) => this.#disconnected(reason, error),
      },
    );
    const deadline = this.#clock.after(
      Math.max(CONNECT_MIN_MS, this.#timeoutMs / this.#servers.size),
      () => connection.close("silent"),
      { keepAlive: true },
    );
    this.#link = { phase: "greeting", connection, zxid, deadline, sinceMs };
  }

  #greet(connection: Connection, zxid: bigint): void {
    writeConnect(connection.frames, {
      credentials: this.#credentials,
      zxid,
      timeoutMs: this.#options.sessionTimeoutMs,
      readOnly: this.#options.readOnly,
    });
    connection.flushSoon();
  }

  #receive(reader: Reader): void {
    const link = this.#link;
    switch (link.phase) {
      case "none":
        return;
      case "greeting":
        this.#greeted(ConnectResponse.read(reader), link);
        return;
      case "proving":
      case "live":
        link.pacemaker.heard(this.#clock.nowMs());
        this.#desk.take(reader);
        return;
      default:
        link satisfies never;
    }
  }

  #greeted(reply: ConnectResponse, link: GreetingLink): void {
    const { connection } = link;
    // One that answers only zxid 0 has refused what we have seen like the others.
    if (link.zxid === this.lastZxid)
      this.#silentCloses.remove(connection.server);
    const asked = this.#credentials?.id;
    const granted = toSessionId(reply.sessionId);
    // Some servers hand out a new session in place of one that they do not know.
    if (reply.timeOut <= 0 || (asked !== undefined && asked !== granted))
      this.#expire();
    if (reply.timeOut <= 0 || this.state.kind === "expired") {
      connection.close("ended");
      return;
    }
    link.deadline.cancel();
    const password = reply.passwd ?? Buffer.alloc(0);
    this.#credentials = { id: granted, password };
    this.#timeoutMs = reply.timeOut;
    this.#desk.restart(link.sinceMs);
    const pacemaker = new Pacemaker(this.#clock, {
      sessionTimeoutMs: reply.timeOut,
      onPing: () => this.#ping(connection),
      onSilent: () => connection.close("silent"),
    });
    this.#link = { phase: "proving", connection, pacemaker };
    this.#authentication.sendAll(connection.frames);
    connection.flushSoon();
    this.#prove({
      newSession: asked !== granted,
      readOnly: reply.readOnly === true,
      zxidWithheld: link.zxid < this.lastZxid,
    });
  }

  /** SASL goes first: nothing else is answered before it. */
  #prove(greeting: Greeting): void {
    const link = this.#link;
    if (link.phase !== "proving") return;
    if (this.#sasl === undefined) {
      this.#proveTree(greeting, link);
      return;
    }
    const { connection } = link;
    const send = (request: AnyRequest) => {
      this.#depot.send(request, connection.frames, this.#clock.nowMs());
      connection.flushSoon();
    };
    proveIdentity(this.#sasl, send).then(
      () => {
        if (this.#link === link) this.#proveTree(greeting, link);
      },
      (error: unknown) => {
        if (this.#link !== link) return;
        this.#note("error", "sasl-refused", { error });
        connection.close("ended");
      },
    );
  }

  /** After zxid 0 was presented: is what the server shows older than what we have seen? */
  #proveTree(greeting: Greeting, link: ProvingLink): void {
    if (!greeting.zxidWithheld) {
      this.#goLive(link, greeting, false);
      return;
    }
    const { connection } = link;
    writePing(connection.frames);
    connection.flushSoon();
    this.#desk.pingSent(this.#clock, (zxid) => {
      if (this.#link !== link) return;
      const newTree = zxid < this.lastZxid;
      if (newTree) this.#desk.restartZxid(zxid);
      this.#goLive(link, greeting, newTree);
    });
  }

  /** On the wire: connect, authentication, watches, then what waited. */
  #goLive(
    { connection, pacemaker }: ProvingLink,
    { newSession, readOnly }: Greeting,
    newTree: boolean,
  ): void {
    const sinceMs = this.#clock.nowMs();
    const relativeZxid = newTree ? 0n : this.lastZxid;
    writeSetWatches(connection.frames, this.#watches, relativeZxid);
    this.#lostTimer?.cancel();
    this.#silentCloses.reset();
    const link: LiveLink = { phase: "live", connection, pacemaker, sinceMs };
    this.#link = link;
    const id = this.#credentials?.id ?? toSessionId(0n);
    const timeoutMs = this.#timeoutMs;
    this.#feed.move({ kind: "connected", id, timeoutMs, readOnly, newTree });
    for (const follower of this.#followers)
      follower.onLive({ newSession, newTree });
    for (const request of this.#depot.takeWaiting()) this.#send(request, link);
    connection.flushSoon();
  }

  #drop(): void {
    if (this.#link.phase !== "none") this.#link.connection.close("ended");
  }

  #ping(connection: Connection): void {
    writePing(connection.frames);
    connection.flushSoon();
    this.#desk.pingSent(this.#clock);
  }

  #disconnected(reason: CloseReason, error: Error | undefined): void {
    const link = this.#link;
    if (link.phase === "none") return;
    this.#link = { phase: "none" };
    const nowMs = this.#clock.nowMs();
    this.#forget(link, reason, nowMs);
    this.#depot.loseConnection(reason);
    const untilMs = this.#desk.provenMs + this.#timeoutMs;
    if (this.#feed.move({ kind: "disconnected", untilMs }))
      this.#lostTimer = this.#clock.after(Math.max(0, untilMs - nowMs), () =>
        this.#feed.move({ kind: "timed-out" }),
      );
    const { host, port } = link.connection.server;
    this.#note("debug", "disconnected", { reason, host, port, error });
    if (this.#ended || this.state.kind === "expired") return;
    this.#reconnectTimer = this.#clock.after(
      this.#backoff.nextMs(),
      () => this.#connect(),
      { keepAlive: true },
    );
  }

  #forget(
    link: Exclude<Link, { readonly phase: "none" }>,
    reason: CloseReason,
    nowMs: number,
  ): void {
    const { server } = link.connection;
    switch (link.phase) {
      case "greeting":
        link.deadline.cancel();
        if (reason === "unreachable" || reason === "silent")
          this.#silentCloses.remove(server);
        else if (reason === "cut" && link.zxid > 0n)
          this.#silentCloses.add(server, nowMs);
        return;
      case "proving":
        link.pacemaker.stop();
        return;
      case "live":
        link.pacemaker.stop();
        if (nowMs - link.sinceMs >= SETTLED_MS) this.#backoff.reset();
        return;
      default:
        link satisfies never;
    }
  }

  /** The server has said that the session is gone. */
  #expire(): void {
    this.#credentials = undefined;
    this.#lostTimer?.cancel();
    this.#feed.move({ kind: "refused" });
    this.#depot.failWaiting("session-expired");
    this.#desk.tellExpired();
    if (this.#options.renewSession) {
      this.#feed.move({ kind: "renew" });
      return;
    }
    const error = new ZooKeeperError("session-expired", { op: "watch" });
    for (const follower of this.#followers) follower.onEnd(error);
  }

  async #close(signal: AbortSignal | undefined): Promise<void> {
    this.#ended = true;
    this.#reconnectTimer?.cancel();
    this.#depot.failWaiting("closed");
    const link = this.#link;
    if (link.phase === "live")
      await closeOnServer((request) => {
        this.#depot.guard(request, this.#clock);
        if (!request.settled) this.#send(request, link);
      }, signal);
    this.#feed.move({ kind: "closed" });
    this.#drop();
    this.#lostTimer?.cancel();
    this.#authentication.close();
    this.#watches.clear();
    for (const follower of this.#followers) follower.onEnd(undefined);
  }

  #note(
    level: JournalLevel,
    event: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const message = `ZooKeeper connection: ${event}`;
    this.#journal({ level, room: "zookeeper", event, message, ...fields });
  }
}
