import { readFileSync, readlinkSync } from "node:fs";
import { Socket } from "node:net";
import {
  type Address,
  formatAddress,
  isWildcard,
  readAddress,
} from "../base/index.ts";
import { ConfigError } from "../config/index.ts";
import type { PassedListener } from "./inheritance.ts";
import type { ListenerUse, SocketSource } from "./proxy-listeners.ts";

/*
 * Socket activation as systemd does it (sd_listen_fds(3)): the service manager
 * listens, and the process finds the sockets from descriptor 3 on. Such a socket
 * is for the address it is bound to; one whose FileDescriptorName is `http`,
 * `https` or `admin` is for the first listener of that kind that has no socket of
 * its address.
 */

const FIRST_DESCRIPTOR = 3;
/** More than any unit file has. */
const MAX_DESCRIPTORS = 1024;

interface ActivatedSocket extends Address {
  readonly descriptor: number;
  readonly name: string;
}

/** The sockets that the service manager has opened for this process. */
export class ActivatedSockets implements SocketSource {
  readonly #left: ActivatedSocket[];

  private constructor(sockets: readonly ActivatedSocket[]) {
    this.#left = [...sockets];
  }

  /** Undefined where there are none; what is meant for another process is left alone. */
  static read(
    env: NodeJS.ProcessEnv,
    pid: number,
  ): ActivatedSockets | undefined {
    const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = "" } = env;
    const count = Number(LISTEN_FDS);
    if (Number(LISTEN_PID) !== pid || !Number.isInteger(count))
      return undefined;
    if (count < 1 || count > MAX_DESCRIPTORS) return undefined;
    // "unset them", so that no child takes them for its own.
    for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"])
      delete env[name];
    const names = LISTEN_FDNAMES.split(":");
    return new ActivatedSockets(
      Array.from({ length: count }, (_, index) =>
        describe(FIRST_DESCRIPTOR + index, names[index] ?? ""),
      ),
    );
  }

  take(use: ListenerUse, asked: string): PassedListener | undefined {
    const address = readAddress(asked);
    const index = this.#find(
      (socket) => address !== undefined && isFor(address, socket),
    );
    return index < 0 ? undefined : this.#passed(index, use, asked);
  }

  takeNamed(use: ListenerUse, asked: string): PassedListener | undefined {
    const index = this.#find(({ name }) => name === use);
    return index < 0 ? undefined : this.#passed(index, use, asked);
  }

  /**
   * All have been taken; who connects to another would wait for ever.
   * @throws ConfigError
   */
  refuseRest(): void {
    const [first] = this.#left;
    if (first === undefined) return;
    const { descriptor, name } = first;
    throw new ConfigError(
      "conflicting-options",
      `Cannot use socket ${descriptor} (${JSON.stringify(name)}, bound to ${formatAddress(first)}) of the service manager: it should be bound to an address of listen, tls.listen or admin, or be named http, https or admin`,
    );
  }

  #find(test: (socket: ActivatedSocket) => boolean): number {
    return this.#left.findIndex(test);
  }

  #passed(index: number, use: ListenerUse, asked: string): PassedListener {
    const [socket] = this.#left.splice(index, 1) as [ActivatedSocket]; // it was found there
    return {
      role: use === "admin" ? "admin" : "data",
      asked,
      host: socket.host,
      port: socket.port,
      sockets: [[socket.descriptor]],
      isSingle: true,
    };
  }
}

/** Where a socket is bound; asking needs a handle, which is never closed. */
function describe(descriptor: number, name: string): ActivatedSocket {
  // `manualStart` is not in the types: nothing shall be read from a listener.
  const options: object = { fd: descriptor, manualStart: true };
  let address: { readonly address?: string; readonly port?: number };
  try {
    address = new Socket(options).address();
  } catch (error) {
    throw new ConfigError(
      "conflicting-options",
      `Cannot use descriptor ${descriptor} (${JSON.stringify(name)}) of the service manager: it should be a stream socket that listens`,
      error,
    );
  }
  const { address: host = "", port = 0 } = address;
  const socketPath = host === "" ? pathOf(descriptor) : undefined;
  return { descriptor, name, host, port, socketPath };
}

/** Of a Unix socket: Linux lists them by the number that a descriptor shows. */
function pathOf(descriptor: number): string | undefined {
  try {
    const link = readlinkSync(`/proc/self/fd/${descriptor}`);
    const inode = /^socket:\[(\d+)\]$/u.exec(link)?.[1];
    for (const line of readFileSync("/proc/net/unix", "utf8").split("\n")) {
      const [number, path] = line.trim().split(/\s+/u).slice(6);
      if (number === inode) return path;
    }
  } catch {
    // Elsewhere than on Linux it goes by its name.
  }
  return undefined;
}

/** `ListenStream=80` binds `[::]:80`, which is every address for us, too. */
function isFor(address: Address, socket: ActivatedSocket): boolean {
  if (address.socketPath !== undefined)
    return address.socketPath === socket.socketPath;
  if (socket.port === 0 || address.port !== socket.port) return false;
  return (
    address.host === socket.host ||
    (isWildcard(address.host) && isWildcard(socket.host))
  );
}
