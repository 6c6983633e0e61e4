import { isIP } from "node:net";
import { ConfigError } from "./config-error.ts";

/** A TCP address to listen on or to reach. */
export interface Address {
  /** Host name or IP literal, an IPv6 one without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 asks for a free port. */
  readonly port: number;
}

const HOST_PORT = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:[\]]*)):(?<port>\d{1,5})$/u;

/**
 * Reads `HOST:PORT`, `[IPV6]:PORT` or `:PORT` (every address of the machine).
 * @throws ConfigError `bad-address`
 */
export function parseAddress(text: string, option: string): Address {
  const address = readAddress(text);
  if (address !== undefined) return address;
  throw new ConfigError(
    "bad-address",
    `Cannot use ${option} ${JSON.stringify(text)}: it should be HOST:PORT, as in 127.0.0.1:8080`,
  );
}

/** Whether {@link parseAddress} takes it. */
export function isAddress(text: string): boolean {
  return readAddress(text) !== undefined;
}

function readAddress(text: string): Address | undefined {
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

/** `HOST:PORT`, with brackets around an IPv6 literal. */
export function formatAddress(address: Address): string {
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Whether a host can be reached from this machine only. */
export function isLoopback(host: string): boolean {
  return (
    host === "localhost" ||
    host === "::1" ||
    (isIP(host) === 4 && host.startsWith("127."))
  );
}

/** Whether a host stands for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}
