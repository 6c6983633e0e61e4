import { FrameWriter, type Writer } from "../jute/index.ts";

/** Whose bytes are being written. */
export interface OutboxOwner {
  takePiece(piece: Buffer): void;
}

/**
 * One writer for all connections. Consecutive frames of one connection become
 * one piece; when another connection is written to, the first one is handed
 * what it has. A buffer for each of thousands of idle connections would cost
 * more memory than the tree.
 */
export class Outbox {
  readonly #frames = new FrameWriter();
  #owner: OutboxOwner | undefined;

  begin(owner: OutboxOwner): Writer {
    if (this.#owner !== owner) {
      this.#handOver();
      this.#owner = owner;
    }
    return this.#frames.begin();
  }

  /** Ends the frame; answers its size. */
  end(): number {
    return this.#frames.end();
  }

  /** Hands over what the owner has written so far. */
  settle(owner: OutboxOwner): void {
    if (this.#owner === owner) this.#handOver();
  }

  #handOver(): void {
    const owner = this.#owner;
    this.#owner = undefined;
    if (this.#frames.pendingBytes === 0) return;
    const piece = this.#frames.take();
    owner?.takePiece(piece);
  }
}
