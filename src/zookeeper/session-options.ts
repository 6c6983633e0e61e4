import type { Clock, Journal } from "../base/index.ts";
import type { SessionId } from "../jute/index.ts";
import type { TlsOptions } from "./connection.ts";
import type { AuthEntry } from "./credentials.ts";
import type { ClientOptions } from "./options.ts";
import type { SaslCredentials } from "./sasl.ts";
import type { ZooKeeperError } from "./zookeeper-error.ts";

/** What a session is made with; see ZooKeeperOptions. */
export interface SessionOptions extends Partial<ClientOptions> {
  readonly auth?: readonly AuthEntry[] | undefined;
  readonly sasl?: SaslCredentials | undefined;
  readonly tls?: TlsOptions | undefined;
  readonly session?:
    { readonly id: SessionId; readonly password: Uint8Array } | undefined;
  readonly journal?: Journal | undefined;
  readonly clock?: Clock | undefined;
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
