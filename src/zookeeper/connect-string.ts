import { isIPv6 } from "node:net";
import { checkPath } from "./znode-path.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

/** The port of ZooKeeper where the connect string names none. */
export const DEFAULT_PORT = 2_181;

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** A connect string, taken apart. */
export interface ConnectString {
  /** At least one. */
  readonly servers: readonly ServerAddress[];
  /** The path below which the client sees its tree; "" for all of it. */
  readonly chroot: string;
}

/**
 * Reads `host:port,host:port/chroot`. A host may be a name, an IPv4 address or
 * an IPv6 address in brackets (without a port also without them).
 * @throws ZooKeeperError `bad-connect-string`
 */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf("/");
  const hosts = slash === -1 ? text : text.slice(0, slash);
  const chroot = slash === -1 ? "" : text.slice(slash);
  const servers = hosts
    .split(",")
    .map((host) => host.trim())
    .filter((host) => host !== "")
    .map((host) => parseServer(host, text));
  if (servers.length === 0) throw bad(text, "it names no server");
  return { servers, chroot: parseChroot(chroot, text) };
}

function parseChroot(chroot: string, text: string): string {
  const trimmed = chroot.trim().replace(/\/+$/u, "");
  if (trimmed === "") return "";
  const fault = checkPath(trimmed);
  if (fault !== undefined) throw bad(text, `in the chroot, ${fault}`);
  return trimmed;
}

function parseServer(server: string, text: string): ServerAddress {
  if (isIPv6(server)) return { host: server, port: DEFAULT_PORT };
  const match =
    /^\[(?<literal>[^\]]+)\](?::(?<literalPort>\d{1,5}))?$|^(?<name>[^:[\]\s]+)(?::(?<port>\d{1,5}))?$/u.exec(
      server,
    )?.groups;
  if (match === undefined)
    throw bad(text, `${JSON.stringify(server)} is no host:port`);
  const { literal, literalPort, name, port } = match;
  if (literal !== undefined && !isIPv6(literal))
    throw bad(text, `${JSON.stringify(literal)} is no IPv6 address`);
  const number = Number(literalPort ?? port ?? DEFAULT_PORT);
  if (number < 1 || number > 65_535)
    throw bad(text, `${number} is no port from 1 to 65535`);
  return { host: literal ?? name ?? "", port: number };
}

function bad(text: string, detail: string): ZooKeeperError {
  return new ZooKeeperError("bad-connect-string", {
    op: `read the connect string ${JSON.stringify(text)}`,
    detail,
  });
}
