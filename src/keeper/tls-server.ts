import { createServer, type Server } from "node:tls";

/** How clients speak TLS. */
export interface KeeperTls {
  /** Where it listens; as the plain port unless given. */
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** PEM. */
  readonly key: string | Buffer;
  readonly cert: string | Buffer;
  /** PEM: whose certificates of clients are trusted. With it, clients must show one. */
  readonly ca?: string | Buffer;
}

/** How long a client may take over its handshake. */
const HANDSHAKE_MS = 10_000;

/** A server that emits `secureConnection` for sockets that are secure. */
export function createTlsServer(tls: KeeperTls): Server {
  const server = createServer({
    key: tls.key,
    cert: tls.cert,
    minVersion: "TLSv1.2",
    handshakeTimeout: HANDSHAKE_MS,
    allowHalfOpen: true,
    ...(tls.ca === undefined
      ? {}
      : { ca: tls.ca, requestCert: true, rejectUnauthorized: true }),
  });
  // A handshake that fails is the client's matter; its socket is destroyed.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}
