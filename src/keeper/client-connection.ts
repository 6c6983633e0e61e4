import type { Socket } from "node:net";
import {
  ConnectRequest,
  type ConnectResponse,
  ConnectResponse as ConnectResponseRecord,
  FrameSplitter,
  type Id,
  JuteRejection,
  KeeperState,
  Permission,
  type Reader,
  type Writer,
  Xid,
} from "../jute/index.ts";
import { type Acl, permits } from "./acl.ts";
import type { Client } from "./client.ts";
import { isFourLetterWord } from "./four-letter-words.ts";
import type { Outbox } from "./outbox.ts";
import type { Session, SessionHolder } from "./session-table.ts";

/** What a connection needs of its surroundings. */
export interface ConnectionHost {
  readonly limits: ConnectionLimits;
  readonly outbox: Outbox;
  /** Called before anything that arrived is looked at. */
  startTurn(): void;
  /** The time of this turn. */
  nowMs(): number;
  /** Decides about the first frame; undefined means: close without an answer. */
  openSession(
    request: ConnectRequest,
    connection: ClientConnection,
  ): OpenedSession | undefined;
  answer(connection: ClientConnection, reader: Reader): void;
  fourLetterWord(word: string): string | undefined;
  /** Has bytes to send at the end of this turn. */
  willFlush(connection: ClientConnection): void;
  /** Bytes that wait for the rest of their frame grew or shrank; false when all connections hold too many. */
  holds(changeBytes: number): boolean;
  closed(connection: ClientConnection, because: string): void;
}

/** The answer to a connect request. */
export interface OpenedSession {
  readonly response: ConnectResponse;
  /** Undefined: the session is not known, and the connection is closed after the answer. */
  readonly session: Session | undefined;
}

export interface ConnectionLimits {
  readonly maxFrameBytes: number;
  /** More than this waiting for a reader that does not read: the connection is cut. */
  readonly maxQueuedBytes: number;
  readonly maxIdentities: number;
}

/** From here on no request is read until the client has read its answers. */
const PAUSE_QUEUED_BYTES = 1_048_576;

/** A peer that does not take its last bytes within this time loses them. */
const FINISH_MS = 5_000;

type ConnectionState =
  /** Nothing has come yet. */
  | { readonly kind: "new" }
  | { readonly kind: "serving"; readonly session: Session }
  /** Sends what is written and reads nothing. */
  | { readonly kind: "finishing"; readonly because: string }
  | { readonly kind: "closed" };

/**
 * One client on one socket:
 *
 *   new ─ connect request ─▶ serving ─ closeSession, expiry, fault ─▶ finishing ─▶ closed
 *    └──── four letters, refusal ────────────────────────────────────────▲
 *
 * A lost socket closes from any state; the session lives on until its timeout.
 */
export class ClientConnection implements Client, SessionHolder {
  readonly watches = new Map<string, number>();
  readonly address: string;
  readonly port: number;
  readonly openedMs: number;
  received = 0;
  sent = 0;
  readonly #socket: Socket;
  readonly #host: ConnectionHost;
  readonly #frames: FrameSplitter;
  readonly #identities: Id[];
  #state: ConnectionState = { kind: "new" };
  #pieces: Buffer[] = [];
  /** Of the turn that is being committed. */
  #sealed: Buffer[] = [];
  #willFlush = false;
  #heldBytes = 0;
  /** Written in this turn and not yet given to the socket. */
  #unsentBytes = 0;
  #paused = false;

  constructor(socket: Socket, host: ConnectionHost) {
    this.#socket = socket;
    this.#host = host;
    this.address = plainAddress(socket.remoteAddress ?? "");
    this.port = socket.remotePort ?? 0;
    this.openedMs = host.nowMs();
    this.#frames = new FrameSplitter({
      maxFrameBytes: host.limits.maxFrameBytes,
    });
    this.#identities = [{ scheme: "ip", id: this.address }];
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("drain", () => this.#resume());
    socket.on("error", () => this.cut("socket-error"));
    socket.on("end", () => {
      // The sender of a four-letter word may close its half at once.
      if (this.#state.kind !== "finishing") this.cut("closed-by-client");
    });
    socket.on("close", () => this.cut("closed-by-client"));
  }

  /** Throws before the first frame was answered; the handlers of requests run only after it. */
  get session(): Session {
    if (this.#state.kind !== "serving")
      throw new TypeError("Cannot use a connection that has no session");
    return this.#state.session;
  }

  get currentSession(): Session | undefined {
    return this.#state.kind === "serving" ? this.#state.session : undefined;
  }

  get identities(): readonly Id[] {
    return this.#identities;
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  get open(): boolean {
    return this.#state.kind === "new" || this.#state.kind === "serving";
  }

  begin(xid: number, zxid: number, error: number): Writer {
    const writer = this.#beginFrame();
    writer.int(xid);
    if (zxid < 0) {
      writer.int(-1);
      writer.int(-1);
    } else writer.longNumber(zxid);
    writer.int(error);
    return writer;
  }

  end(): void {
    this.#unsentBytes += this.#host.outbox.end();
    this.sent += 1;
  }

  notify(type: number, path: string): void {
    if (this.#state.kind !== "serving") return;
    const writer = this.begin(Xid.notification, -1, 0);
    writer.int(type);
    writer.int(KeeperState.syncConnected);
    writer.ustring(path);
    this.end();
  }

  maySee(acl: Acl): boolean {
    return permits(acl, Permission.read, this.#identities);
  }

  addIdentity(identity: Id): boolean {
    const known = this.#identities.some(
      (own) => own.scheme === identity.scheme && own.id === identity.id,
    );
    if (known) return true;
    if (this.#identities.length >= this.#host.limits.maxIdentities)
      return false;
    this.#identities.push(identity);
    return true;
  }

  finish(because: string): void {
    if (!this.open) return;
    this.#release();
    this.#state = { kind: "finishing", because };
    this.#socket.pause();
    this.#scheduleFlush();
  }

  dropped(because: "session-expired" | "session-taken-over"): void {
    this.cut(because);
  }

  /** Closes at once, whatever is left to send. */
  cut(because: string): void {
    if (this.#state.kind === "closed") return;
    this.#release();
    this.#state = { kind: "closed" };
    this.#pieces = [];
    this.#sealed = [];
    this.#host.holds(-this.#heldBytes);
    this.#heldBytes = 0;
    this.#socket.destroy();
    this.#host.closed(this, because);
  }

  /** Takes a piece of the shared outbox that belongs to this connection. */
  takePiece(piece: Buffer): void {
    if (this.#state.kind !== "closed") this.#pieces.push(piece);
  }

  seal(): void {
    this.#willFlush = false;
    this.#unsentBytes = 0;
    this.#host.outbox.settle(this);
    this.#sealed = this.#pieces;
    this.#pieces = [];
  }

  flush(): void {
    if (this.#state.kind === "closed") return;
    this.#send();
    // With more to come in the next turn, that one closes.
    if (this.#state.kind === "finishing") {
      if (!this.#willFlush) this.#finished(this.#state.because);
      return;
    }
    const queued = this.#socket.writableLength;
    if (queued > this.#host.limits.maxQueuedBytes) this.cut("reads-too-slowly");
    else if (queued + this.#unsentBytes > PAUSE_QUEUED_BYTES) this.#pause();
    else if (this.#paused) this.#resume();
  }

  #finished(because: string): void {
    this.#socket.setTimeout(FINISH_MS, () => this.#socket.destroy());
    this.#socket.destroySoon();
    this.#state = { kind: "closed" };
    this.#host.holds(-this.#heldBytes);
    this.#host.closed(this, because);
  }

  #send(): void {
    const pieces = this.#sealed;
    if (pieces.length === 0) return;
    this.#sealed = [];
    if (pieces.length > 1) this.#socket.cork();
    // A piece is a view of a slab that many share: what has to wait is copied,
    // so that a slow reader keeps its own bytes alive and not the slabs.
    const waiting = this.#socket.writableLength > 0;
    for (const piece of pieces)
      this.#socket.write(waiting ? Buffer.from(piece) : piece);
    if (pieces.length > 1) this.#socket.uncork();
  }

  #beginFrame(): Writer {
    this.#scheduleFlush();
    return this.#host.outbox.begin(this);
  }

  #scheduleFlush(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    this.#host.willFlush(this);
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  /** Goes on where it stopped, within the chunk. */
  #resume(): void {
    if (!this.#paused || !this.open) return;
    this.#paused = false;
    this.#socket.resume();
    this.#readFrames();
  }

  #onData(chunk: Buffer): void {
    if (!this.open) return;
    this.#frames.push(chunk);
    this.#readFrames();
  }

  #readFrames(): void {
    this.#host.startTurn();
    while (!this.#paused) {
      const reader = this.#frames.next();
      if (reader === undefined) {
        this.#afterChunk();
        return;
      }
      this.received += 1;
      this.#onFrame(reader);
      if (!this.open) return;
      // The answers to a few small requests can be larger than all memory.
      if (this.#unsentBytes > PAUSE_QUEUED_BYTES) this.#pause();
    }
  }

  #onFrame(reader: Reader): void {
    try {
      if (this.#state.kind === "serving") {
        this.#state.session.heardMs = this.#host.nowMs();
        this.#host.answer(this, reader);
      } else this.#onConnectRequest(reader);
    } catch (error) {
      if (!(error instanceof JuteRejection)) throw error;
      this.cut("malformed-request");
    }
  }

  #afterChunk(): void {
    const { rejection, heldBytes } = this.#frames;
    if (rejection !== undefined) {
      if (this.#state.kind === "new" && this.#onWord(rejection.length)) return;
      this.cut(rejection.code);
      return;
    }
    const change = heldBytes - this.#heldBytes;
    if (change === 0) return;
    this.#heldBytes = heldBytes;
    if (!this.#host.holds(change)) this.cut("too-much-unfinished");
  }

  /** The first four bytes may be a command instead of the length of a frame. */
  #onWord(length: number): boolean {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(length);
    const word = bytes.toString("latin1");
    if (!isFourLetterWord(word)) return false;
    const answer = this.#host.fourLetterWord(word);
    if (answer !== undefined) this.#pieces.push(Buffer.from(answer));
    this.finish("four-letter-word");
    return true;
  }

  #onConnectRequest(reader: Reader): void {
    const request = ConnectRequest.read(reader);
    const opened = this.#host.openSession(request, this);
    if (opened === undefined) {
      this.cut("refused");
      return;
    }
    if (opened.session !== undefined)
      this.#state = { kind: "serving", session: opened.session };
    ConnectResponseRecord.write(this.#beginFrame(), opened.response);
    this.end();
    if (opened.session === undefined) this.finish("unknown-session");
  }

  /** Lets the session go; it lives on without a connection. */
  #release(): void {
    const session = this.currentSession;
    if (session?.holder === this) session.holder = undefined;
  }
}

/** An IPv4 address that came through an IPv6 socket is an IPv4 address. */
function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}
