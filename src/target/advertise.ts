/**
 * Which address is registered. A proxy on another machine must be able to reach
 * it, and only the operator knows for certain; what can be known here is whether
 * there may be another machine at all: ZooKeeper on loopback means that everything
 * is on this one.
 */
import { hostname, networkInterfaces } from "node:os";
import { isIPv6 } from "node:net";
import {
  type Address,
  formatAddress,
  isLoopback,
  isWildcard,
  readAddress,
} from "../base/index.ts";
import { TargetError } from "./target-error.ts";

/** Where ZooKeeper is, seen from here. */
type Nearness =
  | { readonly kind: "loopback" }
  /** Reached by an address of this machine that others can use as well. */
  | { readonly kind: "own"; readonly host: string }
  | { readonly kind: "elsewhere" };

/**
 * The address to register for a server that listens on `listen`.
 * @throws TargetError `advertise-needed`, or `bad-address` for an `advertise` that is not HOST[:PORT]
 */
export function advertisedAddress(given: {
  readonly listen: Address;
  /** HOST[:PORT], as the operator wrote it. */
  readonly advertise?: string | undefined;
  /** The hosts of the connect string. */
  readonly zookeeperHosts: readonly string[];
  /** Addresses of this machine; for tests. */
  readonly ownAddresses?: readonly string[];
}): Address {
  const { listen, advertise } = given;
  if (advertise !== undefined) return parseAdvertise(advertise, listen);
  if (listen.socketPath !== undefined) return advertisedSocket(listen, given);
  const wildcard = isWildcard(listen.host);
  if (!wildcard && !isLoopback(listen.host)) return listen;
  const nearness = nearnessOf(
    given.zookeeperHosts,
    given.ownAddresses ?? ownAddresses(),
  );
  if (nearness.kind === "loopback")
    return wildcard ? { host: "127.0.0.1", port: listen.port } : listen;
  if (nearness.kind === "own" && wildcard)
    return { host: nearness.host, port: listen.port };
  throw new TargetError(
    "advertise-needed",
    `Cannot register ${formatAddress(listen)}: it listens on a ${wildcard ? "wildcard" : "loopback"} address and ZooKeeper is on another machine; say with --advertise HOST[:PORT] where proxies reach it`,
  );
}

/** `http://host:port`, IPv6 in brackets, or `unix:/path`. */
export function addressUrl(address: Address): string {
  const text = formatAddress(address);
  return address.socketPath === undefined ? `http://${text}` : text;
}

/** Only proxies of this machine reach a Unix socket; others would, and would fail. */
function advertisedSocket(
  listen: Address,
  given: {
    readonly zookeeperHosts: readonly string[];
    readonly ownAddresses?: readonly string[];
  },
): Address {
  const own = given.ownAddresses ?? ownAddresses();
  if (nearnessOf(given.zookeeperHosts, own).kind !== "elsewhere") return listen;
  const where = formatAddress(listen);
  throw new TargetError(
    "advertise-needed",
    `Cannot register ${where}: ZooKeeper is on another machine, whose proxies do not reach it; if all proxies are on this one, say so with --advertise ${where}`,
  );
}

function parseAdvertise(text: string, listen: Address): Address {
  const whole = readAddress(text);
  if (whole?.socketPath !== undefined) return whole;
  const groups =
    /^(?:\[(?<literal>[0-9A-Fa-f:.]+)\]|(?<name>[A-Za-z0-9._-]+))(?::(?<port>\d{1,5}))?$/u.exec(
      text,
    )?.groups;
  const host = isIPv6(text) ? text : (groups?.["literal"] ?? groups?.["name"]);
  const port = Number(groups?.["port"] ?? listen.port);
  const sound =
    host !== undefined &&
    port > 0 &&
    port < 65_536 &&
    !isWildcard(host) &&
    (groups?.["literal"] === undefined || isIPv6(groups["literal"]));
  if (sound) return { host, port };
  throw new TargetError(
    "bad-address",
    `Cannot advertise ${JSON.stringify(text)}: it is not HOST or HOST:PORT of one machine, nor unix:/PATH`,
  );
}

function nearnessOf(
  zookeeperHosts: readonly string[],
  own: readonly string[],
): Nearness {
  if (zookeeperHosts.every(isLoopback)) return { kind: "loopback" };
  const named = zookeeperHosts.find((host) => own.includes(host.toLowerCase()));
  const allOwn = zookeeperHosts.every(
    (host) => isLoopback(host) || own.includes(host.toLowerCase()),
  );
  return allOwn && named !== undefined
    ? { kind: "own", host: named }
    : { kind: "elsewhere" };
}

function ownAddresses(): string[] {
  const addresses = [hostname().toLowerCase()];
  for (const ofOne of Object.values(networkInterfaces())) {
    for (const { address } of ofOne ?? []) addresses.push(address);
  }
  return addresses;
}
