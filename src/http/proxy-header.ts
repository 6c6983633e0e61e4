/*
 * The PROXY protocol, versions 1 and 2: what a load balancer that passes bytes
 * on says before them of the connection they came by. The standard is the text
 * proxy-protocol.txt of HAProxy; its sections are cited. Whoever believes a
 * header must know who sent it: nothing in it proves anything.
 */

/** One end of a TCP connection. */
export interface ProxyEnd {
  /** An IPv4 or IPv6 literal. */
  readonly address: string;
  readonly port: number;
}

/** Of the connection that is passed on. */
export interface ProxyEnds {
  /** The client's. */
  readonly source: ProxyEnd;
  /** Where the client connected to. */
  readonly destination: ProxyEnd;
}

/** Why bytes are no header. */
export type ProxyHeaderFault =
  /** They begin otherwise. */
  | "bad-signature"
  /** Version 1: other words, addresses or ports than section 2.1 allows. */
  | "bad-line"
  /** Version 2: another version, command, family or transport. */
  | "bad-version"
  | "bad-command"
  | "bad-family"
  /** Version 2: the lengths do not add up. */
  | "bad-length"
  | "bad-checksum"
  | "too-long";

export type ProxyHeaderResult =
  | { readonly kind: "incomplete" }
  | {
      readonly kind: "header";
      /**
       * Undefined where the sender speaks for itself, or cannot tell by TCP
       * addresses for whom: then the ends are the connection's own.
       */
      readonly ends: ProxyEnds | undefined;
      /** In bytes; what follows is the client's. */
      readonly size: number;
    }
  | { readonly kind: "reject"; readonly code: ProxyHeaderFault };

/** A header is refused when it is longer; of the bytes before its end no more need be kept. */
export const MAX_PROXY_HEADER_BYTES = 4096;

/** Which way a header is written: as a line, or as a block of bytes. */
export type ProxyProtocolVersion = "v1" | "v2";
