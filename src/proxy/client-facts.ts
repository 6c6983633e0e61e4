import { isIP, type Socket } from "node:net";
import { plainAddress, UNIX } from "../base/index.ts";
import {
  isIpv4,
  isIpv6,
  nodeAddress,
  proxyHeader,
  type ProxyProtocolVersion,
  parseForwarded,
  parseForwardedFor,
  type RequestHead,
} from "../http/index.ts";

/** One end of a connection; an address of `unix:` has no port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Both ends, the client's first, where the socket itself does not tell them. */
export interface ConnectionEnds {
  readonly source: Endpoint;
  /** Undefined where there is none that means anything elsewhere. */
  readonly destination: Endpoint | undefined;
}

/** Whoever comes by a Unix socket is who may, and nobody that can be told from another. */
export const BEHIND_SOCKET: ConnectionEnds = {
  source: { address: UNIX, port: 0 },
  destination: undefined,
};

/** A client's connection as far as it tells who the client is. */
export interface FactualConnection {
  readonly socket: Socket;
  /** In place of what the socket says. */
  readonly ends: ConnectionEnds | undefined;
}

/** Whose word is taken for another's address. */
export interface Trust {
  trusts(address: string): boolean;
}

/**
 * Who the client of a connection is, and whether its word counts. This is the
 * one place that knows: whatever limits, logs, chooses by or passes on an
 * address asks here. Asking the socket costs a system call, so make one for
 * each connection.
 */
export class ClientFacts {
  /** Of the peer, or as the PROXY protocol told it; `unix:` behind a Unix socket. */
  readonly address: string;
  readonly port: number;
  readonly scheme: "http" | "https";
  /** Its `Forwarded` and `X-Forwarded-*` are believed. */
  readonly trusted: boolean;
  readonly #trust: Trust;
  readonly #connection: FactualConnection;
  #introduction: Introduction | undefined;

  constructor(connection: FactualConnection, trust: Trust) {
    const { socket, ends } = connection;
    this.#connection = connection;
    this.address = plainAddress(
      ends?.source.address ?? socket.remoteAddress ?? "",
    );
    this.port = ends?.source.port ?? socket.remotePort ?? 0;
    this.scheme = "encrypted" in socket ? "https" : "http";
    this.trusted = trust.trusts(this.address);
    this.#trust = trust;
  }

  /**
   * Who made a request: the connection's client, or whoever it speaks for. Of
   * what `X-Forwarded-For`, else `Forwarded`, names, the right-most address
   * that is not itself trusted, since what stands left of it is hearsay.
   */
  addressOf(request: RequestHead): string {
    if (!this.trusted) return this.address;
    let { address } = this;
    for (const node of namedNodes(request).toReversed()) {
      const before = nodeAddress(node);
      // No address, such as `unknown`: who named it is all that is known.
      if (before === undefined || !(isIpv4(before) || isIpv6(before))) break;
      address = plainAddress(before);
      if (!this.#trust.trusts(address)) break;
    }
    return address;
  }

  /**
   * What a connection to a target begins with that serves this client alone:
   * its header of the PROXY protocol, the same object each time.
   */
  introduction(version: ProxyProtocolVersion): Buffer {
    if (this.#introduction?.version !== version)
      this.#introduction = {
        version,
        header: proxyHeader(version, this.#ends()),
      };
    return this.#introduction.header;
  }

  /** Undefined where they are no TCP addresses. */
  #ends() {
    const { socket, ends } = this.#connection;
    const { address, port } =
      ends === undefined
        ? { address: socket.localAddress, port: socket.localPort }
        : (ends.destination ?? { address: undefined, port: undefined });
    const to = plainAddress(address ?? "");
    return isIP(this.address) === 0 || isIP(to) === 0
      ? undefined
      : {
          source: { address: this.address, port: this.port },
          destination: { address: to, port: port ?? 0 },
        };
  }
}

interface Introduction {
  readonly version: ProxyProtocolVersion;
  readonly header: Buffer;
}

/** As the proxies before us named them, the client first. */
function namedNodes(request: RequestHead): readonly string[] {
  const { xForwardedFor, forwarded } = request;
  if (xForwardedFor !== undefined) return parseForwardedFor(xForwardedFor);
  if (forwarded === undefined) return [];
  return (parseForwarded(forwarded) ?? []).map((hop) => hop.for ?? "");
}
