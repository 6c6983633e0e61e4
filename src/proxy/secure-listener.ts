import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { ProxyLimits } from "./options.ts";
import { SecureContexts } from "./secure-contexts.ts";
import { socketBelow } from "./secure-wire.ts";
import type { TlsMaterial } from "./worker-messages.ts";

/** RFC 7301; the first that the client knows too. */
const PROTOCOLS = ["h2", "http/1.1"];

/**
 * Takes accepted connections through their handshake. One that is not done in
 * time is closed; while it lasts it counts as a connection.
 */
export class SecureListener {
  readonly #server: Server;
  readonly #handshakes = new Set<Socket>();
  readonly #onClosed: (raw: Socket) => void;
  #contexts: SecureContexts;

  constructor(
    material: TlsMaterial,
    options: {
      readonly limits: ProxyLimits;
      readonly onHttp1: (socket: TLSSocket) => void;
      readonly onHttp2: (socket: TLSSocket) => void;
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
      const below = socketBelow(socket);
      if (below !== undefined) this.#handshakes.delete(below);
      socket.on("error", () => {}); // who takes it looks at its end
      // RFC 9113 section 9.2.1: "MUST disable renegotiation".
      socket.disableRenegotiation();
      if (socket.alpnProtocol === "h2") options.onHttp2(socket);
      else options.onHttp1(socket);
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

  accept(raw: Socket): void {
    this.#handshakes.add(raw);
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
    for (const raw of this.#handshakes) raw.destroy();
  }
}
