import { isIPv6, type Server } from "node:net";
import { KeeperError } from "./keeper-error.ts";

/** The backlog of connections that wait to be accepted. */
const BACKLOG = 1_024;

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
