import { Socket } from "node:net";
import { getSystemErrorName } from "node:util";
import {
  directHandle,
  type DirectHandle,
  type PendingWrite,
  whenWritten,
} from "./direct-write.ts";
import type { ConnectionEnds } from "./client-facts.ts";
import type { Lender } from "../cache/index.ts";
import { errorCode } from "./error-code.ts";

/*
 * One connection, client's or target's, as bytes.
 *
 * All connections of a thread read into one shared buffer: what arrives is
 * parsed and copied onwards before the next read, so thousands of idle
 * connections hold no input memory. A connection that streams a long body reads
 * into a buffer of its own, whose bytes go to the other side's socket without a
 * copy; it must not read on while such a write is pending.
 */

const READ_BYTES = 64 * 1024;
const MAX_SPARE_BUFFERS = 64;
const EMPTY = Buffer.alloc(0);

/** The input memory of one thread. */
export class InputBuffers {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #spare: Buffer[] = [];

  /** A buffer for one connection that streams. */
  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  }

  /** Gives a buffer back; no write from it may be pending. */
  giveBack(buffer: Buffer): void {
    if (this.#spare.length < MAX_SPARE_BUFFERS) this.#spare.push(buffer);
  }
}

/** Who is told what happens on a connection. Called synchronously. */
export interface WireHandler {
  /** `bytes[0..end)` are valid during this call only, unless the wire streams. */
  onBytes(bytes: Buffer, end: number): void;
  /** The peer sends no more. */
  onEnd(): void;
  /** Everything that was written has been taken by the kernel. */
  onDrain(): void;
  /** The connection is gone; `code` is the system's word for why, if any. */
  onClose(code: string | undefined): void;
}

/** Wires with text for the end of the turn; more than so many do not wait for it. */
const waiting: Wire[] = [];
const MAX_WAITING = 64;

function sendWaiting(): void {
  for (const wire of waiting) wire.sendNow();
  waiting.length = 0;
}

export class Wire {
  /** Inside TLS. */
  readonly secure: boolean = false;
  readonly socket: Socket;
  /** Who is at either end, where the socket does not tell it. */
  ends: ConnectionEnds | undefined = undefined;
  readonly #input: InputBuffers;
  #handler: WireHandler | undefined;
  #own: Buffer | undefined;
  #wantsOwn = false;
  #paused = false;
  #errorCode: string | undefined;
  #closed = false;
  #awaitsDrain = false;
  #takenBytes = 0;
  /** Written to while it is known: then nothing is in the socket's own queue. */
  #direct: DirectHandle | undefined;
  /** Given to the handle and not taken by the kernel. */
  #directBytes = 0;
  #ended = false;
  /** Of bytes that wait for the kernel. */
  #lenders: Lender[] | undefined;
  #later: string | undefined;

  /** `open` makes the socket with the given `onread`. */
  constructor(
    input: InputBuffers,
    open: (onread: {
      readonly buffer: () => Buffer;
      readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
    }) => Socket,
  ) {
    this.#input = input;
    let isFirst = true;
    this.socket = open({
      // Asked for once at the start and after each read. Anything that is not
      // a buffer means "the same again", which spares setting it anew.
      buffer: () => {
        if (isFirst) {
          isFirst = false;
          return input.shared;
        }
        return this.#nextBuffer() as Buffer; // undefined on purpose, see above
      },
      callback: (bytes, buffer) => {
        // The buffers are ours, made by allocUnsafeSlow: always Buffers.
        this.#handler?.onBytes(buffer as Buffer, bytes);
        return !this.#paused;
      },
    });
    this.#listen();
  }

  /** A socket that reads by itself: where adoption is not possible. */
  static fallback(input: InputBuffers, socket: Socket): Wire {
    const wire = new Wire(input, () => socket);
    socket.on("data", (chunk: Buffer) => {
      wire.#handler?.onBytes(chunk, chunk.length);
    });
    return wire;
  }

  set handler(handler: WireHandler) {
    this.#handler = handler;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes given to `write` that the kernel has not taken. */
  get pendingBytes(): number {
    return this.#direct === undefined
      ? this.#directBytes + this.socket.writableLength
      : this.#directBytes;
  }

  /** Whether reads go to a buffer that stays untouched while the wire is paused. */
  get streams(): boolean {
    return this.#own !== undefined;
  }

  /** Bytes that the kernel has taken since the start, those of TLS included. */
  get takenBytes(): number {
    return takenBytes(this.socket);
  }

  /** Whether the kernel has taken bytes since this was last asked. */
  moved(): boolean {
    const taken = this.takenBytes;
    const moved = taken !== this.#takenBytes;
    this.#takenBytes = taken;
    return moved;
  }

  /** The same with bytes that are lent: they are held until the kernel has taken them. */
  writeLent(bytes: Buffer, lender: Lender): boolean {
    if (!lender.hold()) {
      // They are gone, and others may lie there by now.
      this.reset();
      return true;
    }
    const taken = this.write(bytes);
    if (taken) lender.release();
    else (this.#lenders ??= []).push(lender);
    return taken;
  }

  /** Nothing that was lent is needed any more. */
  protected giveBack(): void {
    const lenders = this.#lenders;
    this.#lenders = undefined;
    if (lenders !== undefined) for (const lender of lenders) lender.release();
  }

  /** True when the kernel took all: `bytes` may be used again. */
  write(bytes: Buffer): boolean {
    if (this.#later !== undefined) this.sendNow();
    const direct = (this.#direct ??= this.#findDirect());
    if (direct === undefined) return this.#writeByStream(bytes);
    const result = direct.writeBuffer(null, bytes);
    return result === 0 || this.#notTaken(direct, bytes, result);
  }

  /**
   * Text in latin1 that leaves at the end of this turn of the event loop, with
   * that of other wires. A target that is woken by each of many requests, and
   * has answered before the next one comes, costs the kernel much for each; of
   * requests that come at once it is woken by the first.
   */
  writeLater(text: string): void {
    if (this.secure) {
      this.write(Buffer.from(text, "latin1"));
      return;
    }
    this.sendNow();
    this.#later = text;
    if (waiting.length === 0) setImmediate(sendWaiting);
    waiting.push(this);
    if (waiting.length >= MAX_WAITING) sendWaiting();
  }

  /** Something of {@link Wire.writeLater} has not left. */
  get holdsText(): boolean {
    return this.#later !== undefined;
  }

  /** The turn has ended for {@link Wire.writeLater}. */
  sendNow(): void {
    const text = this.#later;
    if (text === undefined) return;
    this.#later = undefined;
    const direct = (this.#direct ??= this.#findDirect());
    if (direct === undefined) {
      this.#writeByStream(Buffer.from(text, "latin1"));
      return;
    }
    const result = direct.writeLatin1String(null, text);
    if (result !== 0) this.#notTaken(direct, text, result);
  }

  #findDirect(): DirectHandle | undefined {
    return this.#ended || this.#closed || this.secure
      ? undefined
      : directHandle(this.socket);
  }

  #writeByStream(bytes: Buffer): boolean {
    if (this.#closed) return true;
    this.socket.write(bytes);
    if (this.socket.writableLength === 0) return true;
    this.#awaitDrain();
    return false;
  }

  #notTaken(
    handle: DirectHandle,
    written: Buffer | string,
    result: number | PendingWrite,
  ): boolean {
    if (typeof result === "number") {
      this.#failed(result);
      return true;
    }
    this.#directBytes += written.length;
    const onDone = (status: number) => {
      this.#directBytes -= written.length;
      if (status < 0) this.#failed(status);
      else if (!this.#closed && this.#directBytes === 0) {
        this.giveBack();
        if (this.#ended) this.socket.end();
        this.#handler?.onDrain();
      }
    };
    whenWritten(result, { handle, written, onDone });
    return false;
  }

  /** A write could not be made: the connection is broken. */
  #failed(status: number): void {
    if (this.socket.destroyed) return;
    const code = getSystemErrorName(status);
    const error = new Error(`Cannot write to a connection: ${code}`);
    this.socket.destroy(Object.assign(error, { code }));
  }

  /**
   * A socket says `drain` only after more than its high-water mark; we want to
   * know it of any byte. An empty write behind the pending ones tells.
   */
  #awaitDrain(): void {
    if (this.#awaitsDrain) return;
    this.#awaitsDrain = true;
    this.socket.write(EMPTY, () => {
      this.#awaitsDrain = false;
      if (this.#closed || this.socket.destroyed) return;
      if (this.socket.writableLength > 0) this.#awaitDrain();
      else {
        this.giveBack();
        this.#handler?.onDrain();
      }
    });
  }

  /** From the next read on, into a buffer of its own, or back to the shared one. */
  stream(wants: boolean): void {
    this.#wantsOwn = wants;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (!this.#closed) this.socket.resume();
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Sends FIN after what is queued. */
  end(): void {
    this.sendNow();
    this.#ended = true;
    this.#direct = undefined;
    // Not before: what has a FIN behind it cannot be reset any more.
    if (!this.#closed && this.#directBytes === 0) this.socket.end();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Sends RST, so that the peer cannot take what came for a whole answer. */
  reset(): void {
    if (this.#closed) return;
    if (canReset(this.socket)) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  #listen(): void {
    const { socket } = this;
    socket.on("error", (error) => {
      this.#errorCode = errorCode(error);
    });
    socket.on("end", () => this.#handler?.onEnd());
    socket.on("close", () => {
      this.#closed = true;
      this.#later = undefined;
      this.#direct = undefined;
      this.#own = undefined; // a write from it may be pending: not given back
      this.giveBack();
      this.#handler?.onClose(this.#errorCode);
    });
  }

  #nextBuffer(): Buffer | undefined {
    if (this.#wantsOwn === (this.#own !== undefined)) return undefined;
    if (this.#wantsOwn) {
      this.#own = this.#input.take();
      return this.#own;
    }
    // Whoever wrote from it may not be done: only the garbage collector knows.
    this.#own = undefined;
    return this.#input.shared;
  }
}

/**
 * What the kernel has taken of a socket's writes: a socket itself counts a write
 * of many megabytes as pending until its last byte.
 */
export function takenBytes(socket: Socket): number {
  const inside = socket as unknown as {
    _handle?: { bytesWritten?: unknown; writeQueueSize?: unknown } | null;
  }; // undocumented, hence checked
  const { bytesWritten, writeQueueSize } = inside._handle ?? {};
  return typeof bytesWritten === "number" && typeof writeQueueSize === "number"
    ? bytesWritten - writeQueueSize
    : socket.bytesWritten - socket.writableLength;
}

/**
 * While the FIN of a socket is on its way libuv refuses to reset it, and Node
 * then forgets the socket without ever saying `close`. All bytes have been given
 * to the kernel by then, so a plain end cuts nothing short. Unix sockets know no
 * reset.
 */
export function canReset(socket: Socket): boolean {
  const isEnding =
    socket.writableEnded &&
    socket.writableLength === 0 &&
    !socket.writableFinished;
  const inside = socket as unknown as {
    _handle?: { reset?: unknown } | null;
  }; // undocumented, hence checked
  return !isEnding && typeof inside._handle?.reset === "function";
}

/** What is undocumented in an accepted socket, and all that we use of it. */
interface Adoptable {
  _handle: { useUserBuffer?: unknown } | null;
}

/**
 * Makes a wire of a socket that a server with `pauseOnConnect` accepted. Node
 * gives `onread` to connecting sockets only, so the handle of an accepted one is
 * moved to a socket made with `onread`, and the empty shell is destroyed. Where
 * handles look otherwise than we know them, the socket is used as it is.
 */
export function adoptAccepted(input: InputBuffers, shell: Socket): Wire {
  const inside = shell as unknown as Adoptable; // undocumented, hence checked
  const handle = inside._handle;
  if (typeof handle?.useUserBuffer !== "function") {
    shell.resume();
    return Wire.fallback(input, shell);
  }
  inside._handle = null;
  shell.on("error", () => {}); // it has no handle: nothing can fail that matters
  shell.destroy();
  const wire = new Wire(input, (onread) => {
    // `handle` is not in the types: it is what net.Server itself passes.
    const options: object = { handle, onread, allowHalfOpen: true };
    return new Socket(options);
  });
  return wire;
}

/** Accepted sockets are given to {@link adoptAccepted}. */
export const SERVER_OPTIONS = {
  allowHalfOpen: true,
  pauseOnConnect: true,
  noDelay: true,
} as const;
