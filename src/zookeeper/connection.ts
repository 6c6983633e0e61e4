import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import {
  FrameSplitter,
  FrameWriter,
  JuteRejection,
  type Reader,
} from "../jute/index.ts";
import type { ServerAddress } from "./connect-string.ts";

/** Certificates and names for TLS; see node:tls for their forms. */
export type TlsOptions = Pick<
  ConnectionOptions,
  | "ca"
  | "cert"
  | "key"
  | "passphrase"
  | "pfx"
  | "servername"
  | "rejectUnauthorized"
  | "checkServerIdentity"
  | "minVersion"
  | "maxVersion"
  | "ciphers"
>;

/** Why a connection ended. */
export type CloseReason =
  /** No connection came about. */
  | "unreachable"
  /** The server closed it, or the network cut it. */
  | "cut"
  /** The server sent nothing for too long. */
  | "silent"
  /** What the server sent is no ZooKeeper protocol. */
  | "bad-frame"
  /** We closed it. */
  | "ended";

interface ConnectionHandlers {
  onOpen(): void;
  /** A frame's body; the reader is only good during the call. */
  onFrame(reader: Reader): void;
  /** Once, as the last call. */
  onClose(reason: CloseReason, error: Error | undefined): void;
}

const READ_BUFFER_BYTES = 65_536;

/**
 * Moves frames over one socket, and belongs to that socket alone: its parser
 * state goes with it. Frames that are written in one turn of the event loop go
 * out in one write. Nothing that a server sends makes it throw.
 */
export class Connection {
  readonly server: ServerAddress;
  readonly #handlers: ConnectionHandlers;
  readonly #frames = new FrameWriter();
  readonly #splitter: FrameSplitter;
  readonly #socket: Socket;
  #open = false;
  #closed = false;
  #flushPlanned = false;
  #error: Error | undefined;

  constructor(
    options: {
      readonly server: ServerAddress;
      readonly tls: TlsOptions | undefined;
      readonly maxFrameBytes: number;
    },
    handlers: ConnectionHandlers,
  ) {
    this.server = options.server;
    this.#handlers = handlers;
    this.#splitter = new FrameSplitter({
      maxFrameBytes: options.maxFrameBytes,
    });
    this.#socket = this.#openSocket(options.tls);
    this.#socket.on("error", (error) => {
      this.#error = error;
    });
    this.#socket.on("end", () => this.close("cut"));
    this.#socket.on("close", () =>
      this.close(this.#open ? "cut" : "unreachable"),
    );
    // With onread no data events come; without this no end would be seen.
    this.#socket.resume();
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /**
   * The frames to be sent. Whoever ended one calls {@link Connection.flushSoon}.
   */
  get frames(): FrameWriter {
    return this.#frames;
  }

  /** Sends what is pending when the present callback and all it set off have run. */
  flushSoon(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    // A tick runs after the promise reactions of the callback that is running,
    // so that all requests that one chunk of replies sets off share a write.
    process.nextTick(() => this.#flush());
  }

  /** Ends it at once; what was not sent is dropped. */
  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.destroy();
    this.#handlers.onClose(reason, this.#error);
  }

  #openSocket(tls: TlsOptions | undefined): Socket {
    const { host, port } = this.server;
    // The name is looked up anew by every connection: addresses change.
    if (tls === undefined) {
      const onread = {
        buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
        callback: (byteLength: number, chunk: Uint8Array) => {
          this.#receive(chunk as Buffer, byteLength); // the buffer given above comes back
          return true;
        },
      };
      const socket = connectTcp({ host, port, onread });
      socket.once("connect", () => this.#opened());
      return socket;
    }
    const servername = serverName(host);
    const socket = connectTls({ host, port, servername, ...tls });
    socket.once("secureConnect", () => this.#opened());
    socket.on("data", (chunk: Buffer) => this.#receive(chunk, chunk.length));
    return socket;
  }

  #opened(): void {
    if (this.#closed) return;
    this.#open = true;
    this.#socket.setNoDelay(true);
    this.#handlers.onOpen();
  }

  #receive(chunk: Buffer, byteLength: number): void {
    if (this.#closed) return;
    try {
      this.#splitter.push(chunk, byteLength);
      for (;;) {
        const reader = this.#splitter.next();
        if (reader === undefined) break;
        this.#handlers.onFrame(reader);
        if (this.#closed) return;
      }
    } catch (error) {
      // A frame that is not what it should be; anything else is our own fault
      // and shows in the error, but must not leave a socket's handler either.
      this.#error =
        error instanceof JuteRejection || error instanceof Error
          ? error
          : new Error(String(error));
      this.close("bad-frame");
      return;
    }
    const { rejection } = this.#splitter;
    if (rejection === undefined) return;
    this.#error = new Error(
      `Cannot read a frame: ${rejection.code} (${rejection.length} bytes)`,
    );
    this.close("bad-frame");
  }

  #flush(): void {
    this.#flushPlanned = false;
    if (this.#closed || this.#frames.pendingBytes === 0) return;
    this.#socket.write(this.#frames.take());
  }
}

/** An IP address is no server name for TLS (RFC 6066 section 3). */
function serverName(host: string): string {
  return /^[\d.]+$|:/u.test(host) ? "" : host;
}
