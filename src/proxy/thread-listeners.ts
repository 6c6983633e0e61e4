import {
  createServer,
  type ListenOptions,
  type Server,
  type Socket,
} from "node:net";
import { DEFAULT_SOCKET_MODE, listenOnSocket } from "../base/index.ts";
import { descriptorOf } from "./listening-sockets.ts";
import { SERVER_OPTIONS } from "./wire.ts";
import type { ListenAddress } from "./worker-messages.ts";

/** Connections that wait to be accepted; the kernel has a limit of its own. */
const BACKLOG = 4096;

/** What one thread listens on. */
export class ThreadListeners {
  readonly #servers: Server[] = [];

  /** Resolves when an address is bound, with the descriptors listened on. */
  listen(
    address: ListenAddress,
    options: {
      readonly reusePort: boolean;
      readonly accept: (shell: Socket) => void;
    },
  ): Promise<readonly number[]> {
    const { host, port, socketPath, sockets = [] } = address;
    const { reusePort, accept } = options;
    if (address.elsewhere === true) return Promise.resolve([]);
    const open = sockets.flatMap(([fd]) => (fd === undefined ? [] : [{ fd }]));
    if (open.length === 0 && socketPath !== undefined)
      return this.#listenAtPath(socketPath, address, accept);
    const where =
      open.length > 0 || address.isSingle === true
        ? open
        : [{ host, port, ...(reusePort ? { reusePort } : {}) }];
    return Promise.all(where.map((one) => this.#listenAt(one, accept)));
  }

  /** Accepts nothing more; what was accepted stays. */
  close(): void {
    for (const server of this.#servers) server.close();
  }

  #listenAt(
    where: ListenOptions & { readonly fd?: number },
    accept: (shell: Socket) => void,
  ): Promise<number> {
    const server = createServer(SERVER_OPTIONS, accept);
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.on("error", reject);
      server.listen({ ...where, backlog: BACKLOG }, () =>
        resolve(descriptorOf(server) ?? -1),
      );
    });
  }

  async #listenAtPath(
    path: string,
    { socketMode = DEFAULT_SOCKET_MODE }: ListenAddress,
    accept: (shell: Socket) => void,
  ): Promise<readonly number[]> {
    const server = createServer(SERVER_OPTIONS, accept);
    this.#servers.push(server);
    await listenOnSocket(server, { path, mode: socketMode, backlog: BACKLOG });
    server.on("error", () => {}); // one connection's accept: the next may do
    return [descriptorOf(server) ?? -1];
  }
}
