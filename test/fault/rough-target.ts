import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

const PIECE = Buffer.alloc(16_384, "piece ");
const BIG = Buffer.alloc(300_000, "big ");

/** Answers one request whose head has come; `rest` is what came behind it. */
type Manner = (socket: Socket, request: RoughRequest) => void;

interface RoughRequest {
  readonly path: string;
  readonly contentLength: number;
  /** Reads the content away at the given pace. */
  readonly read: (pieceMs: number) => void;
  /** The answer is whole: another request may follow. */
  readonly next: () => void;
}

function answer(body: Buffer | string, lines = ""): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${lines}\r\n`;
}

/** Repeats until it says false, or the socket is gone. */
function every(ms: number, socket: Socket, step: () => boolean): void {
  const timer = setInterval(() => {
    if (socket.destroyed || !step()) clearInterval(timer);
  }, ms);
  socket.once("close", () => clearInterval(timer));
}

/** With a reset; a socket whose FIN is on its way cannot be reset. */
export function breakOff(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

/** What a target may do to a proxy, by the first word of the path. */
export const MANNERS: Readonly<Record<string, Manner>> = {
  good(socket, { read, next, path }) {
    read(0);
    const body = path.endsWith("0") ? BIG : `you asked for ${path}`;
    const age = path.includes("cached") ? 2 : 0;
    socket.write(answer(body, `Cache-Control: max-age=${age}\r\n`));
    socket.write(body);
    next();
  },
  slow(socket, { read, next }) {
    read(0);
    socket.write(answer(Buffer.alloc(PIECE.length * 8)));
    let left = 8;
    every(20, socket, () => {
      socket.write(PIECE);
      left -= 1;
      if (left === 0) next();
      return left > 0;
    });
  },
  shared(socket, { read, next }) {
    read(0);
    socket.write(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCache-Control: max-age=1\r\n\r\n",
    );
    let left = 10;
    every(15, socket, () => {
      if (left > 0) socket.write("2000\r\n");
      if (left > 0) socket.write(BIG.subarray(0, 0x2000));
      if (left > 0) socket.write("\r\n");
      else {
        socket.write("0\r\n\r\n");
        next();
      }
      left -= 1;
      return left >= 0;
    });
  },
  reader(socket, { read, next, contentLength }) {
    read(10);
    const body = String(contentLength);
    socket.once("rough-read", () => {
      socket.write(answer(body) + body);
      next();
    });
  },
  early(socket, { next }) {
    socket.write(answer("too much", "Connection: close\r\n") + "too much");
    next();
    socket.end();
  },
  deaf(socket, { next }) {
    socket.pause();
    socket.write(answer("no") + "no");
    // Who reads nothing does not even see that the other has gone.
    setTimeout(() => socket.resume(), 700).unref();
    next();
  },
  never(_socket, { read }) {
    read(0);
  },
  endless(socket, { read }) {
    read(0);
    socket.write("HTTP/1.1 200 OK\r\n\r\n");
    const more = () => {
      while (!socket.destroyed && socket.write(PIECE));
    };
    socket.on("drain", more);
    more();
  },
  stalls(socket, { read }) {
    read(0);
    socket.write(answer(BIG));
    socket.write(BIG.subarray(0, 100_000));
  },
  half(socket, { read }) {
    read(0);
    socket.write(answer(BIG));
    socket.end(BIG.subarray(0, 200_000));
  },
  cuts(socket, { read }) {
    read(0);
    socket.write(answer(BIG));
    socket.write(BIG.subarray(0, 150_000), () => breakOff(socket));
  },
  resets(socket) {
    breakOff(socket);
  },
  leaves(socket) {
    socket.end();
  },
  garbage(socket) {
    socket.end("HTTP/1.1 2OO Sure\r\nContent-Length: -5\r\n\r\nwhat?");
  },
  liar(socket, { read }) {
    read(0);
    socket.write(`${answer("12345")}1234567890HTTP/1.1 200 OK\r\n\r\nmore`);
  },
  tunnel(socket) {
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: rough\r\n\r\n",
    );
    socket.removeAllListeners("data");
    socket.on("data", (bytes: Buffer) => {
      if (!socket.write(bytes)) socket.pause();
    });
    socket.on("drain", () => socket.resume());
    socket.on("end", () => socket.end());
  },
  abandoned(socket) {
    MANNERS["tunnel"]?.(socket, NO_REQUEST);
    setTimeout(() => breakOff(socket), 200).unref();
  },
};

const NO_REQUEST: RoughRequest = {
  path: "",
  contentLength: 0,
  read() {},
  next() {},
};

/** A target on bytes that behaves as each path says; it counts who is there. */
export class RoughTarget {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections taken, and requests read. */
  accepted = 0;
  requests = 0;

  constructor() {
    const options = { allowHalfOpen: true, noDelay: true };
    this.#server = createServer(options, (socket) => this.#take(socket));
  }

  static async start(): Promise<RoughTarget> {
    const target = new RoughTarget();
    target.#server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 });
    await once(target.#server, "listening");
    return target;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Connections that are open on this side. */
  get open(): number {
    return this.#sockets.size;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #take(socket: Socket): void {
    this.accepted += 1;
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("end", () => socket.end());
    this.#awaitHead(socket, Buffer.alloc(0));
  }

  #awaitHead(socket: Socket, before: Buffer): void {
    let seen = before;
    const look = () => {
      const end = seen.indexOf("\r\n\r\n");
      if (end === -1) return;
      socket.off("data", onData);
      this.#answer(socket, seen, end + 4);
    };
    const onData = (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
      look();
    };
    socket.on("data", onData);
    look();
  }

  #answer(socket: Socket, seen: Buffer, contentAt: number): void {
    this.requests += 1;
    const head = seen.toString("latin1", 0, contentAt);
    const path = /^\S+ (\S+)/u.exec(head)?.[1] ?? "/";
    const contentLength = Number(
      /^content-length: (\d+)\r$/imu.exec(head)?.[1] ?? 0,
    );
    const content = new Content(
      socket,
      seen.subarray(contentAt),
      contentLength,
    );
    const manner = MANNERS[path.split("/")[1] ?? ""];
    if (manner === undefined) {
      socket.destroy();
      return;
    }
    manner(socket, {
      path,
      contentLength,
      read: (pieceMs) => content.read(pieceMs),
      next: () => {
        content.whenRead((rest) => this.#awaitHead(socket, rest));
      },
    });
  }
}

/** The content of one request, read away at some pace. */
class Content {
  readonly #socket: Socket;
  #rest: Buffer;
  #left: number;
  #then: ((rest: Buffer) => void) | undefined;

  constructor(socket: Socket, rest: Buffer, length: number) {
    this.#socket = socket;
    this.#rest = rest;
    this.#left = length;
    this.#take(rest);
  }

  read(pieceMs: number): void {
    const socket = this.#socket;
    if (this.#left === 0) {
      setImmediate(() => socket.emit("rough-read"));
      return;
    }
    const onData = (chunk: Buffer) => {
      this.#rest = chunk;
      this.#take(chunk);
      if (this.#left === 0) {
        socket.off("data", onData);
        socket.emit("rough-read");
        this.#done();
      } else if (pieceMs > 0) {
        socket.pause();
        setTimeout(() => socket.resume(), pieceMs);
      }
    };
    socket.on("data", onData);
  }

  /** Calls back, once, with what has come behind the content. */
  whenRead(then: (rest: Buffer) => void): void {
    this.#then = then;
    if (this.#left === 0) this.#done();
  }

  #take(chunk: Buffer): void {
    const taken = Math.min(chunk.length, this.#left);
    this.#left -= taken;
    this.#rest = chunk.subarray(taken);
  }

  #done(): void {
    const then = this.#then;
    this.#then = undefined;
    then?.(this.#rest);
  }
}
