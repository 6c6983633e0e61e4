import { once } from "node:events";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";

/** Types of RFC 9113 section 6. */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const FLAG = {
  ACK: 1,
  END_STREAM: 1,
  END_HEADERS: 4,
} as const;

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const HEAD_BYTES = 9;

/** One frame as it stands on the wire. */
export interface Frame {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Buffer;
}

export function encodeFrame(frame: Frame): Buffer {
  const { type, flags = 0, stream = 0, payload = Buffer.alloc(0) } = frame;
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Names and values as they are, whatever they hold: literals of RFC 7541 section 6.2.2. */
export function encodeFields(fields: readonly string[]): Buffer {
  const pieces: Buffer[] = [];
  for (let index = 0; index < fields.length; index += 2)
    pieces.push(
      Buffer.from([0]),
      encodeText(fields[index] ?? ""),
      encodeText(fields[index + 1] ?? ""),
    );
  return Buffer.concat(pieces);
}

function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const length: number[] = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128);
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

/** An HTTP/2 client that sends whatever it is told and keeps what comes. */
export class FrameClient implements Disposable {
  readonly socket: TLSSocket;
  readonly frames: Required<Frame>[] = [];
  #rest = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on("error", end);
    socket.on("close", end);
    socket.on("end", end);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  /** Resolves after the handshake; the preface and empty settings are sent. */
  static async open(
    port: number,
    options: ConnectionOptions,
    settings: Buffer = Buffer.alloc(0),
  ): Promise<FrameClient> {
    const socket = connect({
      host: "127.0.0.1",
      port,
      servername: "localhost",
      ALPNProtocols: ["h2"],
      ...options,
    });
    await once(socket, "secureConnect");
    const client = new FrameClient(socket);
    socket.write(PREFACE);
    client.send({ type: FRAME.SETTINGS, payload: settings });
    return client;
  }

  get ended(): boolean {
    return this.#ended;
  }

  send(...frames: readonly Frame[]): this {
    this.socket.write(Buffer.concat(frames.map(encodeFrame)));
    return this;
  }

  /** Resolves with the first frame that passes; undefined when none ever will. */
  async until(
    test: (frame: Required<Frame>) => boolean,
  ): Promise<Required<Frame> | undefined> {
    let seen = 0;
    for (;;) {
      for (; seen < this.frames.length; seen++) {
        const frame = this.frames[seen];
        if (frame !== undefined && test(frame)) return frame;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when the server has closed the connection. */
  async end(): Promise<void> {
    await this.until(() => false);
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      if (this.#rest.length < HEAD_BYTES) break;
      const size = HEAD_BYTES + this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < size) break;
      this.frames.push({
        type: this.#rest[3] ?? 0,
        flags: this.#rest[4] ?? 0,
        stream: this.#rest.readUInt32BE(5),
        payload: this.#rest.subarray(HEAD_BYTES, size),
      });
      this.#rest = this.#rest.subarray(size);
    }
    this.#wake();
  }
}
