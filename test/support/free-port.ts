import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";

/**
 * A port on 127.0.0.1 that was free a moment ago, for servers that cannot be
 * given port 0.
 */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number; // one was asked for
}

/** Several different ones. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    await Promise.all(
      servers.map((server) => {
        server.listen(0, "127.0.0.1");
        return once(server, "listening");
      }),
    );
    return servers.map(
      (server) => (server.address() as AddressInfo).port, // it listens on TCP
    );
  } finally {
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve) => server.close(() => resolve())),
      ),
    );
  }
}
