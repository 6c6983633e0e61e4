import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { ClientOptions } from "ws";
import { WebSocket, WebSocketServer } from "ws";

/** How one end of a WebSocket saw it end. */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** Opens a WebSocket; rejects when the answer is no 101. */
export async function openWebSocket(
  url: string,
  options: ClientOptions = {},
): Promise<WebSocket> {
  const socket = new WebSocket(url, options);
  await once(socket, "open");
  socket.on("error", () => {}); // `close` follows
  return socket;
}

/** Resolves when the socket is closed. Ask before it can be. */
export function closed(socket: WebSocket): Promise<Close> {
  return new Promise((resolve) => {
    socket.once("close", (code, reason) =>
      resolve({ code, reason: reason.toString() }),
    );
  });
}

/** The next message; rejects when the socket closes instead. */
export function nextMessage(socket: WebSocket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const onClose = (code: number) => {
      socket.off("message", onMessage);
      reject(new Error(`Cannot read a message: closed with ${code}`));
    };
    const onMessage = (data: unknown) => {
      socket.off("close", onClose);
      resolve(data as Buffer); // `binaryType` is "nodebuffer", as it comes
    };
    socket.once("message", onMessage);
    socket.once("close", onClose);
  });
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/**
 * A server whose path says what it does with a WebSocket: a last `/echo` sends
 * back each message in kind, `/hold` does nothing by itself, `/refuse/403` answers
 * that instead of 101. Every other request is answered with 200.
 */
export class WebSocketTarget implements AsyncDisposable {
  readonly server: Server;
  readonly sockets: WebSocketServer;
  /** How each one ended, as seen here. */
  readonly closes: Close[] = [];

  private constructor(server: Server, options: { readonly deflate: boolean }) {
    this.server = server;
    this.sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: options.deflate,
      maxPayload: 64 * 1024 * 1024,
    });
    server.on("upgrade", (request: IncomingMessage, socket, head: Buffer) => {
      socket.on("error", () => {});
      const refusal = /^\/refuse\/(\d+)$/u.exec(request.url ?? "")?.[1];
      if (refusal !== undefined) {
        const body = `no: ${refusal}`;
        socket.write(
          `HTTP/1.1 ${refusal} Refused\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        return;
      }
      this.sockets.handleUpgrade(request, socket, head, (opened) => {
        this.sockets.emit("connection", opened, request);
      });
    });
    this.sockets.on("connection", (socket: WebSocket, request) => {
      socket.on("error", () => {});
      socket.on("close", (code, reason) => {
        this.closes.push({ code, reason: reason.toString() });
      });
      if (request.url?.endsWith("/echo") !== true) return;
      socket.on("message", (data, isBinary) => {
        socket.send(data, { binary: isBinary });
      });
    });
  }

  static async start(
    options: { readonly port?: number; readonly deflate?: boolean } = {},
  ): Promise<WebSocketTarget> {
    const server = createServer((_request, response) => response.end("plain"));
    const { port = 0, deflate = false } = options;
    const target = new WebSocketTarget(server, { deflate });
    server.listen({ port, host: "127.0.0.1", backlog: 4096 });
    await once(server, "listening");
    return target;
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** The WebSocket that is opened next. */
  async opened(): Promise<WebSocket> {
    const [socket] = await once(this.sockets, "connection");
    return socket as WebSocket; // the event's first argument
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets.clients) socket.terminate();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
