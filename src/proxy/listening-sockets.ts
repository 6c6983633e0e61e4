import { createServer, type Server } from "node:net";
import { refuseSocketInUse } from "../base/index.ts";
import { closeDescriptor } from "./close-descriptor.ts";
import { duplicateDescriptors } from "./duplicate-descriptors.ts";
import type { ListenAddress } from "./worker-messages.ts";

/*
 * Which descriptors the workers listen on. Each worker has one of its own for
 * each address: where two listen on one descriptor, the end of one closes it for
 * both. Unix sockets cannot be shared as ports are, so each belongs to one
 * worker. A descriptor goes with the worker that listens on it; what is spare
 * stays, and with it the socket and the connections that wait in its queue.
 */

/** One listening socket of the kernel. */
interface ListeningSocket {
  /** What a worker listens on; undefined while the one that did is gone. */
  descriptor: number | undefined;
  /** Descriptors of the same socket that nobody listens on. */
  readonly spare: number[];
  readonly column: number;
}

export class ListeningSockets {
  /** By address, in the order of the addresses. */
  readonly #sockets: ListeningSocket[][];
  readonly #addresses: readonly ListenAddress[];
  readonly #workers: number;

  /** Spreads the sockets that are open already over `workers`. */
  constructor(addresses: readonly ListenAddress[], workers: number) {
    this.#addresses = addresses;
    this.#workers = workers;
    this.#sockets = addresses.map(({ sockets = [], socketPath }, ofAddress) =>
      sockets.flatMap(([descriptor, ...spare], ofSocket) => {
        if (descriptor === undefined) return [];
        const index = socketPath === undefined ? ofSocket : ofAddress;
        return [{ descriptor, spare, column: this.#columnOf(index) }];
      }),
    );
  }

  #columnOf(index: number): number {
    return (index % this.#workers) + 1;
  }

  /** Where the worker of a column is to listen; it opens what it has no descriptor of. */
  listenOf(column: number): readonly ListenAddress[] {
    return this.#addresses.map((address, index) => {
      const sockets: [number][] = [];
      for (const socket of this.#sockets[index] ?? []) {
        if (socket.column !== column) continue;
        socket.descriptor ??= socket.spare.pop();
        if (socket.descriptor !== undefined) sockets.push([socket.descriptor]);
      }
      const elsewhere =
        address.socketPath !== undefined && column !== this.#columnOf(index);
      return { ...address, sockets, ...(elsewhere ? { elsewhere } : {}) };
    });
  }

  /** The worker of a column listens, on these, by address. */
  listening(column: number, descriptors: readonly (readonly number[])[]): void {
    for (const [index, ofAddress] of descriptors.entries()) {
      const sockets = this.#sockets[index];
      const known = new Set(sockets?.map(({ descriptor }) => descriptor));
      for (const descriptor of ofAddress)
        if (descriptor >= 0 && !known.has(descriptor))
          sockets?.push({ descriptor, spare: [], column });
    }
  }

  /** The worker of a column has ended, and what it listened on is closed. */
  ended(column: number): void {
    for (const [index, sockets] of this.#sockets.entries()) {
      for (const socket of sockets)
        if (socket.column === column) socket.descriptor = undefined;
      this.#sockets[index] = sockets.filter(
        ({ descriptor, spare }) => descriptor !== undefined || spare.length > 0,
      );
    }
  }

  /** One descriptor of each socket, by address. */
  descriptors(): readonly (readonly number[])[] {
    return this.#sockets.map((sockets) =>
      sockets.flatMap(({ descriptor, spare }) => spare[0] ?? descriptor ?? []),
    );
  }

  /** Sockets that would go with their worker, by a descriptor of each. */
  withoutSpare(): readonly number[] {
    return this.#sockets
      .flat()
      .flatMap(({ descriptor, spare }) =>
        descriptor === undefined || spare.length > 0 ? [] : [descriptor],
      );
  }

  /** `copy` is of the same socket as `descriptor`. */
  addSpare(descriptor: number, copy: number): void {
    const socket = this.#sockets
      .flat()
      .find((one) => one.descriptor === descriptor);
    if (socket === undefined) closeDescriptor(copy);
    else socket.spare.push(copy);
  }

  /** Lets go of what no worker listens on. */
  close(): void {
    for (const { spare } of this.#sockets.flat())
      for (const descriptor of spare.splice(0)) closeDescriptor(descriptor);
  }
}

/**
 * The number under which the kernel knows what a server listens on. Undocumented
 * in Node, hence checked; without it nobody can be handed the socket.
 */
export function descriptorOf(server: Server): number | undefined {
  const inside = server as unknown as {
    readonly _handle?: { readonly fd?: unknown } | null;
  };
  const fd = inside._handle?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : undefined;
}

/**
 * Where all descriptors of an address are of one socket: one for each worker to
 * listen on, and a spare beside it.
 */
export async function shareSingle(
  address: ListenAddress,
  workers: number,
): Promise<ListenAddress> {
  const all = address.sockets?.flat() ?? [];
  const [first] = all;
  if (address.isSingle !== true || first === undefined) return address;
  if (address.socketPath !== undefined) return address; // one worker's
  const missing = Math.max(0, 2 * workers - all.length);
  all.push(
    ...(await duplicateDescriptors(
      Array.from({ length: missing }, () => first),
    )),
  );
  for (const surplus of all.splice(2 * workers)) closeDescriptor(surplus);
  const sockets = Array.from({ length: workers }, (_, index) =>
    all.slice(2 * index, 2 * index + 2),
  );
  return { ...address, sockets };
}

/**
 * Finds out whether an address can be bound, a port as one number where port 0 was
 * asked for, and gives it free again for the workers.
 */
export async function resolveAddress(
  address: ListenAddress,
): Promise<ListenAddress> {
  if (address.sockets !== undefined) return address;
  if (address.socketPath !== undefined) {
    await refuseSocketInUse(address.socketPath);
    return address;
  }
  const port = await bindOnce(address, false);
  return { ...address, port };
}

/**
 * Whether two listeners may share a port here. Asked of a port of nobody's: a
 * listener that comes and goes takes with it what was queued on it.
 */
export async function canReusePort({ host }: ListenAddress): Promise<boolean> {
  try {
    await bindOnce({ host, port: 0 }, true);
    return true;
  } catch {
    return false;
  }
}

function bindOnce(address: ListenAddress, reusePort: boolean): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    const { host, port: wanted } = address;
    const where = { host, port: wanted, ...(reusePort ? { reusePort } : {}) };
    server.listen(where, () => {
      const bound = server.address();
      const port =
        typeof bound === "object" && bound !== null ? bound.port : address.port;
      server.close(() => resolve(port));
    });
  });
}
