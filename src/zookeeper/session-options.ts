import type { Clock, Journal } from "../base/index.ts";
import type { SessionId } from "../jute/index.ts";
import type { TlsOptions } from "./connection.ts";
import type { AuthEntry } from "./credentials.ts";
import type { ClientOptions } from "./options.ts";
import type { SaslCredentials } from "./sasl.ts";
import type { ZooKeeperError } from "./zookeeper-error.ts";

/** How a client is made; see CLIENT_OPTIONS for the meaning and the bounds of the numbers. */
export interface ZooKeeperOptions extends Partial<ClientOptions> {
  /** Sent on every connection before anything else. */
  readonly auth?: readonly AuthEntry[] | undefined;
  /** Authenticates every connection by SASL DIGEST-MD5. */
  readonly sasl?: SaslCredentials | undefined;
  /** Speaks TLS, with these certificates. */
  readonly tls?: TlsOptions | undefined;
  /** Resumes a session of an earlier client instead of asking for a new one. */
  readonly session?:
    { readonly id: SessionId; readonly password: Uint8Array } | undefined;
  readonly journal?: Journal | undefined;
  readonly clock?: Clock | undefined;
  /** Numbers in [0, 1), for the order of servers and the jitter of delays. */
  readonly random?: (() => number) | undefined;
}

/** Told when a connection is live, before requests that waited are sent, and when all is over. */
export interface SessionFollower {
  onLive(how: {
    readonly newSession: boolean;
    readonly newTree: boolean;
  }): void;
  /** The client was closed (no error), or its session has expired and is not renewed. */
  onEnd(error: ZooKeeperError | undefined): void;
}
