import { isIP, isIPv6, SocketAddress } from "node:net";

/** Where something listens or is reached: by TCP, or by a Unix socket. */
export interface Address {
  /** Host name or IP literal, an IPv6 one without brackets; empty for a Unix socket. */
  readonly host: string;
  /** 0 to 65535; 0 asks for a free port, or stands with a Unix socket. */
  readonly port: number;
  /** Of a Unix socket: its absolute path. */
  readonly socketPath?: string | undefined;
}

/** What comes before the path of a Unix socket; by itself, whoever is behind one. */
export const UNIX = "unix:";
/** `sun_path` has 108 bytes on Linux with the one that ends it, and 104 elsewhere. */
const MAX_SOCKET_PATH_BYTES = 103;

const HOST_PORT = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]]*)):(?<port>\d{1,5})$/u;

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT`, `:PORT` (every IPv4 address of the machine)
 * or `unix:/PATH`. Undefined for anything else.
 */
export function readAddress(text: string): Address | undefined {
  if (text.startsWith(UNIX)) return readSocketPath(text.slice(UNIX.length));
  const groups = HOST_PORT.exec(text)?.groups;
  const port = Number(groups?.["port"]);
  const v6 = groups?.["v6"];
  if (
    groups === undefined ||
    port > 65_535 ||
    (v6 !== undefined && isIP(v6) !== 6)
  )
    return undefined;
  const name = groups["name"] === "" ? "0.0.0.0" : groups["name"];
  return { host: v6 ?? name ?? "0.0.0.0", port };
}

function readSocketPath(socketPath: string): Address | undefined {
  const isPath = /^\/[^\p{Cc}]*[^\p{Cc}/]$/u.test(socketPath);
  return isPath && Buffer.byteLength(socketPath) <= MAX_SOCKET_PATH_BYTES
    ? { host: "", port: 0, socketPath }
    : undefined;
}

/** `HOST:PORT`, with brackets around an IPv6 literal, or `unix:/PATH`. */
export function formatAddress({ host, port, socketPath }: Address): string {
  if (socketPath !== undefined) return UNIX + socketPath;
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Whether a host can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/u, "");
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "::1" ||
    /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/u.test(name)
  );
}

/** Whether a host stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === "" || host === "0.0.0.0" || host === "::" || host === "*";
}

/**
 * An IP address as it is compared and written: one text for each IPv6 address,
 * and `::ffff:192.0.2.1`, as a dual-stack socket tells it, is 192.0.2.1. Any
 * other text stays.
 */
export function plainAddress(address: string): string {
  if (!address.includes(":")) return address;
  const plain = isIPv6(address)
    ? new SocketAddress({ address, family: "ipv6" }).address
    : address;
  return plain.startsWith("::ffff:") && plain.includes(".")
    ? plain.slice(7)
    : plain;
}
