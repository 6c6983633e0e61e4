import { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import {
  canReset,
  type InputBuffers,
  takenBytes,
  Wire,
  type WireHandler,
} from "./wire.ts";

/*
 * A connection inside TLS. Two things differ from a plain one. Reads come in
 * buffers of their own, since what is decrypted must stand somewhere. And Node
 * never says of a write in the same turn that it is done; but the bytes have
 * been encrypted, and so copied, when it returns, unless an earlier write waits.
 */
export class SecureWire extends Wire {
  override readonly secure = true;
  #handler: WireHandler | undefined;
  readonly #onTaken = () => {
    if (this.closed || this.socket.writableLength > 0) return;
    this.giveBack();
    this.#handler?.onDrain();
  };

  constructor(input: InputBuffers, socket: TLSSocket) {
    super(input, () => socket);
    socket.on("data", (chunk: Buffer) => {
      this.#handler?.onBytes(chunk, chunk.length);
    });
  }

  override set handler(handler: WireHandler) {
    super.handler = handler;
    this.#handler = handler;
  }

  /** What TLS could not pass on it holds, so only what is below tells. */
  override get takenBytes(): number {
    return takenBytes(socketBelow(this.socket) ?? this.socket);
  }

  override write(bytes: Buffer): boolean {
    if (this.closed) return true;
    this.socket.write(bytes, this.#onTaken);
    return this.socket.writableLength === 0;
  }

  /**
   * Node resets plain sockets only. Without a reset, a client that does not look
   * for TLS's own end could take what came for a whole answer.
   */
  override reset(): void {
    if (this.closed) return;
    const { socket } = this;
    const below = socketBelow(socket);
    const isEnding = socket.writableEnded && !socket.writableFinished;
    if (below !== undefined && !isEnding && canReset(below))
      below.resetAndDestroy();
    socket.destroy();
  }
}

/**
 * The connection that carries TLS. Undocumented, hence checked: where it looks
 * otherwise, a reset is a close.
 */
export function socketBelow(socket: Socket): Socket | undefined {
  const below: unknown = "_parent" in socket ? socket._parent : undefined;
  return below instanceof Socket ? below : undefined;
}
