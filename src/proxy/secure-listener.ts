import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { ConnectionEnds } from "./client-facts.ts";
import type { ProxyLimits } from "./options.ts";
import { SecureContexts } from "./secure-contexts.ts";
import { socketBelow } from "./secure-wire.ts";
import type { TlsMaterial } from "./worker-messages.ts";

/** A connection after its handshake, and its ends where the socket does not tell them. */
export type OnSecured = (
  socket: TLSSocket,
  ends: ConnectionEnds | undefined,
) => void;

/** RFC 7301; the first that the client knows too. */
const PROTOCOLS = ["h2", "http/1.1"];

/**
 * Takes accepted connections through their handshake. One that is not done in
 * time is closed; while it lasts it counts as a connection.
 */
export class SecureListener {
  readonly #server: Server;
  readonly #handshakes = new Map<Socket, ConnectionEnds | undefined>();
  readonly #onClosed: (raw: Socket) => void;
  #contexts: SecureContexts;
  #tellsEnds = false;

  constructor(
    material: TlsMaterial,
    options: {
      readonly limits: ProxyLimits;
      readonly onHttp1: OnSecured;
      readonly onHttp2: OnSecured;
      readonly onFailed: () => void;
      /** A connection that was given to {@link accept} is gone. */
      readonly onClosed: (raw: Socket) => void;
    },
  ) {
    this.#contexts = new SecureContexts(material);
    this.#onClosed = options.onClosed;
    this.#server = createServer({
      ...this.#contexts.otherwise,
      ALPNProtocols: PROTOCOLS,
      handshakeTimeout: options.limits.handshakeTimeoutMs,
      SNICallback: (serverName, callback) => {
        callback(null, this.#contexts.find(serverName));
      },
    });
    this.#server.on("secureConnection", (socket) => {
      socket.on("error", () => {}); // who takes it looks at its end
      socket.allowHalfOpen = true;
      const below = socketBelow(socket);
      if (below === undefined && this.#tellsEnds) {
        socket.destroy(); // whose it is cannot be found: better none than a wrong one
        return;
      }
      const ends = below && this.#handshakes.get(below);
      if (below !== undefined) this.#handshakes.delete(below);
      // RFC 9113 section 9.2.1: "MUST disable renegotiation".
      socket.disableRenegotiation();
      if (socket.alpnProtocol === "h2") options.onHttp2(socket, ends);
      else options.onHttp1(socket, ends);
    });
    this.#server.on("tlsClientError", (_error, socket) => {
      options.onFailed();
      socket.destroy();
    });
    this.#server.on("error", () => {});
  }

  /** Connections whose handshake is not done. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** `ends` are handed on with the connection. */
  accept(raw: Socket, ends: ConnectionEnds | undefined): void {
    if (ends !== undefined) this.#tellsEnds = true;
    this.#handshakes.set(raw, ends);
    // Who says no more before it is secure has left; afterwards he may listen.
    raw.allowHalfOpen = false;
    raw.on("error", () => {});
    raw.once("close", () => {
      this.#handshakes.delete(raw);
      this.#onClosed(raw);
    });
    this.#server.emit("connection", raw);
  }

  /** For handshakes that begin from now on. */
  replace(material: TlsMaterial): void {
    const contexts = new SecureContexts(material);
    this.#server.setSecureContext(contexts.otherwise);
    this.#contexts = contexts;
  }

  /** Ends the handshakes. */
  close(): void {
    for (const raw of this.#handshakes.keys()) raw.destroy();
  }
}
