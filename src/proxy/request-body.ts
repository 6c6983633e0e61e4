import { chunkHeader, type Framing, LAST_CHUNK } from "../http/index.ts";
import type { Downstream } from "./downstream.ts";
import type { OutputSlab } from "./output-slab.ts";
import type { Thread } from "./thread.ts";
import type { Wire } from "./wire.ts";

const CRLF = Buffer.from("\r\n", "latin1");

/** What an exchange needs of its request's content. */
export interface RequestContent {
  /** All of it has come from the client. */
  readonly ended: boolean;
  /** Whether all that has come could be sent again. */
  readonly held: boolean;
  /** `kept`: the bytes stay as they are while the client is paused. */
  data(bytes: Buffer, from: number, to: number, kept: boolean): void;
  end(): void;
  /** A connection is there: the head goes out, and what there is of the content. */
  attach(wire: Wire, head: string): void;
  /** The connection is gone. */
  detach(): void;
  /** An answer has begun: the request is never sent again. */
  release(): void;
  /** The connection has taken everything. */
  drained(): void;
}

/** Of a request without content: one for all, since nothing is to be remembered. */
const NO_REQUEST_CONTENT: RequestContent = {
  ended: true,
  held: true,
  data() {},
  end() {},
  attach(wire, head) {
    wire.writeLater(head);
  },
  detach() {},
  release() {},
  drained() {},
};

/** What a request with this framing carries; `client` is paused while nothing can be passed on. */
export function requestContent(
  framing: Framing,
  { limits, slab }: Pick<Thread, "limits" | "slab">,
  client: Pick<Downstream, "pauseBody" | "resumeBody">,
): RequestContent {
  return framing.kind === "none"
    ? NO_REQUEST_CONTENT
    : new RequestBody(framing, {
        slab,
        holdBytes: limits.heldBodyBytes,
        client,
      });
}

/**
 * A request's content on its way to a target. Its beginning is held, so that the
 * request can be sent to another target until an answer has begun. Chunks are
 * framed anew: no framing of a stranger reaches a target.
 */
class RequestBody implements RequestContent {
  readonly #isChunked: boolean;
  readonly #slab: OutputSlab;
  readonly #holdBytes: number;
  readonly #client: Pick<Downstream, "pauseBody" | "resumeBody">;
  #pieces: Buffer[] = [];
  #pieceBytes = 0;
  #holds = true;
  #wire: Wire | undefined;
  #blocked = false;
  ended: boolean;

  constructor(
    framing: Framing,
    options: {
      readonly slab: OutputSlab;
      readonly holdBytes: number;
      /** Paused while nothing can be passed on. */
      readonly client: Pick<Downstream, "pauseBody" | "resumeBody">;
    },
  ) {
    this.#isChunked = framing.kind === "chunked";
    this.ended = framing.kind === "none";
    this.#slab = options.slab;
    this.#holdBytes = options.holdBytes;
    this.#client = options.client;
  }

  get held(): boolean {
    return this.#holds;
  }

  data(bytes: Buffer, from: number, to: number, kept: boolean): void {
    const wire = this.#wire;
    if (wire !== undefined && !this.#holds && kept && !this.#isChunked) {
      // The long run of an upload: no copy.
      if (!wire.write(bytes.subarray(from, to))) this.#block();
      return;
    }
    this.#push(this.#encode(bytes.subarray(from, to)));
  }

  end(): void {
    this.ended = true;
    if (this.#isChunked) this.#push(Buffer.from(LAST_CHUNK, "latin1"));
  }

  attach(wire: Wire, head: string): void {
    const slab = this.#slab;
    this.#wire = wire;
    slab.take(wire);
    slab.text(head);
    for (const piece of this.#pieces)
      if (!slab.bytes(piece, 0, piece.length)) {
        slab.flush(wire);
        wire.write(piece);
      }
    if (!this.#holds) this.#pieces = [];
    if (slab.flush(wire)) this.#flow();
    else this.#block();
    this.#boundHeld();
  }

  detach(): void {
    this.#wire = undefined;
  }

  release(): void {
    this.#holds = false;
    this.#pieces = [];
  }

  drained(): void {
    this.#flow();
  }

  #push(piece: Buffer): void {
    const wire = this.#wire;
    if (this.#holds) {
      this.#pieces.push(piece);
      this.#pieceBytes += piece.length;
    }
    if (wire === undefined) {
      if (this.#pieceBytes > this.#holdBytes) this.#block();
      return;
    }
    this.#boundHeld();
    if (!wire.write(piece)) this.#block();
  }

  #boundHeld(): void {
    if (this.#pieceBytes <= this.#holdBytes || this.#wire === undefined) return;
    this.#holds = false;
    this.#pieces = [];
  }

  #encode(data: Buffer): Buffer {
    if (!this.#isChunked) return Buffer.from(data);
    return Buffer.concat([
      Buffer.from(chunkHeader(data.length), "latin1"),
      data,
      CRLF,
    ]);
  }

  #block(): void {
    if (this.#blocked) return;
    this.#blocked = true;
    this.#client.pauseBody();
  }

  #flow(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#client.resumeBody();
  }
}
