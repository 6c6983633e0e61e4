import { connect, type Socket } from "node:net";
import { once } from "node:events";
import {
  type ACL,
  ConnectResponse,
  CreateFlag,
  type CreateMode,
  CreateRequest,
  CreateTTLRequest,
  decode,
  encode,
  OpCode,
  type OpCodeName,
  ReplyHeader,
  WatcherEvent,
  Xid,
} from "../jute/index.ts";

/** Any frame after the connect reply. */
export interface RawFrame {
  readonly xid: number;
  readonly zxid: bigint;
  readonly err: number;
  readonly body: Buffer;
}

/** How to ask for a session. */
export interface RawConnect {
  readonly timeoutMs?: number;
  readonly sessionId?: bigint;
  readonly password?: Buffer;
  readonly lastZxidSeen?: bigint;
  readonly protocolVersion?: number;
  /** The 44 bytes of clients before 3.4. */
  readonly withoutReadOnly?: boolean;
}

export const OPEN: readonly ACL[] = [
  { perms: 31, id: { scheme: "world", id: "anyone" } },
];

/** A client that does nothing by itself: frames out, frames in, in order. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket;
  readonly #frames: Buffer[] = [];
  readonly #waiting: ((frame: Buffer | undefined) => void)[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #closed = false;
  #xid = 0;
  session: ConnectResponse | undefined;
  /** The body of the connect reply. */
  connectReply: Buffer | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("error", () => this.#onClosed());
    socket.on("close", () => this.#onClosed());
  }

  /** A socket without a session. */
  static async open(port: number, host = "127.0.0.1"): Promise<RawClient> {
    const socket = connect({ port, host });
    const client = new RawClient(socket);
    await once(socket, "connect");
    return client;
  }

  /** A socket that has asked for a session; `session` is undefined when it was closed without an answer. */
  static async connect(
    port: number,
    options: RawConnect = {},
  ): Promise<RawClient> {
    const client = await RawClient.open(port);
    client.sendFrame(connectBytes(options));
    const body = await client.nextBody();
    client.connectReply = body;
    if (body !== undefined) {
      const result = decode(ConnectResponse, body);
      if (result.kind === "value") client.session = result.value;
    }
    return client;
  }

  sendFrame(body: Buffer): void {
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length);
    this.socket.write(Buffer.concat([length, body]));
  }

  /** Sends a request and answers its xid. */
  send(type: OpCodeName | number, body: Buffer = NONE, xid?: number): number {
    if (xid === undefined) this.#xid += 1;
    const used = xid ?? this.#xid;
    const header = Buffer.alloc(8);
    header.writeInt32BE(used);
    header.writeInt32BE(typeof type === "number" ? type : OpCode[type], 4);
    this.sendFrame(Buffer.concat([header, body]));
    return used;
  }

  /** The next frame, whatever it is; undefined when the connection was closed. */
  async next(): Promise<RawFrame | undefined> {
    const bytes = await this.nextBody();
    if (bytes === undefined) return undefined;
    const header = decode(ReplyHeader, bytes);
    if (header.kind === "reject") throw new Error("Cannot read a reply header");
    return { ...header.value, body: bytes.subarray(header.size) };
  }

  /** Sends a request and answers the next frame. */
  async ask(
    type: OpCodeName | number,
    body: Buffer = NONE,
    xid?: number,
  ): Promise<RawFrame> {
    this.send(type, body, xid);
    const frame = await this.next();
    if (frame === undefined) throw new Error("The connection was closed");
    return frame;
  }

  async create(
    path: string,
    data: string | null = "",
    options: { readonly mode?: CreateMode; readonly ttlMs?: number } = {},
  ): Promise<RawFrame> {
    const { mode = "persistent", ttlMs } = options;
    const fields = {
      path,
      data: data === null ? null : Buffer.from(data),
      acl: OPEN,
      flags: CreateFlag[mode],
    };
    if (ttlMs !== undefined)
      return this.ask(
        "createTTL",
        encode(CreateTTLRequest, { ...fields, ttl: BigInt(ttlMs) }),
      );
    return this.ask(
      mode === "container" ? "createContainer" : "create",
      encode(CreateRequest, fields),
    );
  }

  /** The notifications that come before the reply to a ping. */
  async notifications(): Promise<WatcherEvent[]> {
    this.send("ping", NONE, Xid.ping);
    const events: WatcherEvent[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame === undefined) throw new Error("The connection was closed");
      if (frame.xid === Xid.ping) return events;
      const event = decode(WatcherEvent, frame.body);
      if (event.kind === "value") events.push(event.value);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    if (!this.#closed) await once(this.socket, "close");
  }

  nextBody(): Promise<Buffer | undefined> {
    const frame = this.#frames.shift();
    if (frame !== undefined || this.#closed) return Promise.resolve(frame);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #onData(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 4) {
      const end = 4 + this.#rest.readInt32BE();
      if (this.#rest.length < end) return;
      const body = this.#rest.subarray(4, end);
      this.#rest = this.#rest.subarray(end);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#frames.push(body);
      else waiting(body);
    }
  }

  #onClosed(): void {
    this.#closed = true;
    for (const waiting of this.#waiting.splice(0)) waiting(undefined);
  }
}

const NONE = Buffer.alloc(0);

/** A connect request, 45 bytes or 44. */
export function connectBytes(options: RawConnect): Buffer {
  const bytes = Buffer.alloc(options.withoutReadOnly === true ? 44 : 45);
  bytes.writeInt32BE(options.protocolVersion ?? 0, 0);
  bytes.writeBigInt64BE(options.lastZxidSeen ?? 0n, 4);
  bytes.writeInt32BE(options.timeoutMs ?? 10_000, 12);
  bytes.writeBigInt64BE(options.sessionId ?? 0n, 16);
  bytes.writeInt32BE(16, 24);
  options.password?.copy(bytes, 28);
  return bytes;
}
