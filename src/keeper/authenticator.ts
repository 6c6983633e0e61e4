import {
  ErrorCode,
  GetSASLRequest,
  type Id,
  type Reader,
} from "../jute/index.ts";
import { digestIdentity } from "./acl.ts";
import type { Client } from "./client.ts";
import type { Database } from "./database.ts";

/** Someone who may use the keeper. */
export interface KeeperUser {
  readonly user: string;
  readonly password: string;
}

/** A SASL request in its surroundings. */
export interface SaslExchange {
  readonly database: Database;
  readonly client: Client;
  readonly xid: number;
}

/** Decides who a client is. */
export class Authenticator {
  readonly #users: ReadonlyMap<string, string>;
  readonly #digests: ReadonlySet<string>;

  /** With users, nobody else may use the keeper; without, everybody may. */
  constructor(users: readonly KeeperUser[]) {
    this.#users = new Map(users.map(({ user, password }) => [user, password]));
    this.#digests = new Set(
      users.map(
        ({ user, password }) => digestIdentity(`${user}:${password}`).id,
      ),
    );
  }

  /** Whether a client with these identities may use the keeper. */
  admits(identities: readonly Id[]): boolean {
    if (this.#users.size === 0) return true;
    return identities.some(
      (identity) => identity.scheme === "digest" || identity.scheme === "sasl",
    );
  }

  /** The identity that an auth request proves; undefined when it proves none. */
  identify(
    scheme: string,
    auth: Buffer | null,
    client: Client,
  ): Id | undefined {
    switch (scheme) {
      case "digest": {
        const identity = digestIdentity(auth ?? "");
        const known = this.#users.size === 0 || this.#digests.has(identity.id);
        return known ? identity : undefined;
      }
      case "ip":
        return client.identities.find((identity) => identity.scheme === "ip");
      default:
        return undefined;
    }
  }

  answerSasl(exchange: SaslExchange, reader: Reader): void {
    GetSASLRequest.read(reader);
    exchange.client.begin(
      exchange.xid,
      exchange.database.zxid,
      ErrorCode["auth-failed"],
    );
    exchange.client.end();
  }
}
