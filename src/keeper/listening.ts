import { isIPv6, type Server, type Socket } from "node:net";
import { createServer as createSecureServer } from "node:tls";
import { KeeperError } from "./keeper-error.ts";

/** The backlog of connections that wait to be accepted. */
const BACKLOG = 1_024;

/** How clients speak TLS. */
export interface KeeperTls {
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

/** A server that gives out sockets when they are secure. */
export function createTlsServer(
  tls: KeeperTls,
  onSocket: (socket: Socket) => void,
): Server {
  const server = createSecureServer(
    {
      key: tls.key,
      cert: tls.cert,
      minVersion: "TLSv1.2",
      handshakeTimeout: HANDSHAKE_MS,
      allowHalfOpen: true,
      ...(tls.ca === undefined
        ? {}
        : { ca: tls.ca, requestCert: true, rejectUnauthorized: true }),
    },
    onSocket,
  );
  // A handshake that fails is the client's matter; its socket is destroyed.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  return server;
}

/**
 * Binds a server; answers where it listens.
 * @throws KeeperError
 */
export function listen(
  server: Server,
  at: { readonly host: string; readonly port: number },
): Promise<{ readonly host: string; readonly port: number }> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => {
      const inUse = "code" in error && error.code === "EADDRINUSE";
      reject(
        new KeeperError(
          inUse ? "address-in-use" : "cannot-listen",
          `Cannot listen on ${isIPv6(at.host) ? `[${at.host}]` : at.host}:${at.port}: ${inUse ? "the port is in use" : error.message}`,
          { cause: error },
        ),
      );
    };
    server.once("error", onError);
    server.listen({ ...at, backlog: BACKLOG }, () => {
      server.off("error", onError);
      // Accepting can fail later, when the process is out of descriptors: the
      // listener lives on.
      server.on("error", () => {});
      const address = server.address();
      const port =
        address !== null && typeof address === "object"
          ? address.port
          : at.port;
      resolve({ host: at.host, port });
    });
  });
}

/** Resolves when nothing listens any more; also when it never did. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
