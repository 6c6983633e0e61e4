import { once } from "node:events";
import {
  type AddressInfo,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import * as jute from "../../src/jute/index.ts";

/** A request of a client, as a scripted server sees it. */
export interface ScriptedRequest {
  readonly xid: number;
  readonly type: number;
  /** What follows the header. */
  readonly body: Buffer;
}

/** One connection of a client to a scripted server. */
export interface ScriptedConnection {
  readonly connect: jute.ConnectRequest;
  readonly requests: readonly ScriptedRequest[];
  reply(
    xid: number,
    answer?: {
      readonly err?: number;
      readonly zxid?: bigint;
      readonly body?: Uint8Array;
    },
  ): void;
  /** Bytes as they are, without a length. */
  write(bytes: Uint8Array): void;
  /** Closes as a server does that has nothing to say. */
  end(): void;
}

/** What a scripted server does; each part has a usual default. */
export interface Script {
  /** Answers the connect request; "close" ends the connection without a word. */
  onConnect?(
    request: jute.ConnectRequest,
    connection: ScriptedConnection,
  ): Partial<jute.ConnectResponse> | "close" | "silence";
  /** Answers a request other than a ping; "default" answers with error 0 and no body. */
  onRequest?(
    request: ScriptedRequest,
    connection: ScriptedConnection,
  ): "default" | undefined | void;
  /** Answers to four-letter words. */
  readonly words?: Readonly<Record<string, string>>;
  /** Whether pings are answered. */
  readonly answerPings?: boolean;
}

/** A server of which a test decides every answer. */
export interface ScriptedZooKeeper extends AsyncDisposable {
  readonly port: number;
  readonly connectString: string;
  readonly connections: readonly ScriptedConnection[];
  script: Script;
}

/** A stat with every number 0. */
export const zeroStat: jute.Stat = {
  czxid: 0n,
  mzxid: 0n,
  ctime: 0n,
  mtime: 0n,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 0n,
};

/** Starts one on a free port of 127.0.0.1, or on `port`. */
export async function startScriptedZooKeeper(
  script: Script = {},
  port = 0,
): Promise<ScriptedZooKeeper> {
  const scripted = new Scripted(script);
  await scripted.listen(port);
  return scripted;
}

class Scripted implements ScriptedZooKeeper {
  script: Script;
  readonly connections: Connection[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(script: Script) {
    this.script = script;
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.on("error", () => {});
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens on TCP
  }

  get connectString(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    const splitter = new jute.FrameSplitter();
    let connection: Connection | undefined;
    socket.on("data", (chunk: Buffer) => {
      const word = this.script.words?.[chunk.toString("latin1")];
      if (word !== undefined) {
        socket.end(word);
        return;
      }
      splitter.push(chunk);
      for (
        let frame = splitter.next();
        frame !== undefined;
        frame = splitter.next()
      ) {
        if (connection === undefined) connection = this.#greet(socket, frame);
        else this.#take(connection, frame);
      }
    });
  }

  #greet(socket: Socket, frame: jute.Reader): Connection {
    const request = jute.ConnectRequest.read(frame);
    const connection = new Connection(socket, request);
    this.connections.push(connection);
    const answer = this.script.onConnect?.(request, connection) ?? {};
    if (answer === "silence") return connection;
    if (answer === "close") {
      connection.end();
      return connection;
    }
    connection.send((writer) =>
      jute.ConnectResponse.write(writer, {
        protocolVersion: 0,
        timeOut: request.timeOut,
        sessionId: request.sessionId === 0n ? 0x1234n : request.sessionId,
        passwd: Buffer.alloc(16, 7),
        readOnly: false,
        ...answer,
      }),
    );
    return connection;
  }

  #take(connection: Connection, frame: jute.Reader): void {
    const { xid, type } = jute.RequestHeader.read(frame);
    const request = { xid, type, body: frame.rest() };
    if (type === jute.OpCode.ping) {
      if (this.script.answerPings !== false) connection.reply(xid, {});
      return;
    }
    connection.requests.push(request);
    const answer =
      this.script.onRequest === undefined
        ? "default"
        : this.script.onRequest(request, connection);
    if (answer === "default") connection.reply(xid, {});
  }
}

class Connection implements ScriptedConnection {
  readonly #socket: Socket;
  readonly connect: jute.ConnectRequest;
  readonly requests: ScriptedRequest[] = [];

  constructor(socket: Socket, connect: jute.ConnectRequest) {
    this.#socket = socket;
    this.connect = connect;
  }

  reply(
    xid: number,
    answer: {
      readonly err?: number;
      readonly zxid?: bigint;
      readonly body?: Uint8Array;
    } = {},
  ): void {
    this.send((writer) => {
      const { err = 0, zxid = 1n, body } = answer;
      jute.ReplyHeader.write(writer, { xid, zxid, err });
      if (body !== undefined) writer.raw(body);
    });
  }

  send(write: (writer: jute.Writer) => void): void {
    const frames = new jute.FrameWriter();
    write(frames.begin());
    frames.end();
    this.write(frames.take());
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.end();
  }
}
