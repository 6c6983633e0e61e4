import {
  ErrorCode,
  GetSASLRequest,
  type Id,
  type Reader,
  SetSASLResponse,
} from "../jute/index.ts";
import { digestIdentity } from "./acl.ts";
import type { Client } from "./client.ts";
import { DigestMd5 } from "./digest-md5.ts";

/** Someone who may use the keeper. */
export interface KeeperUser {
  readonly user: string;
  readonly password: string;
}

/** A SASL request in its surroundings. */
export interface SaslExchange {
  readonly client: Client;
  readonly xid: number;
}

/** Decides who a client is. */
export class Authenticator {
  readonly #users: ReadonlyMap<string, string>;
  readonly #digests: ReadonlySet<string>;
  /** Exchanges of which the client has the challenge. */
  readonly #exchanges = new WeakMap<Client, DigestMd5>();

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

  /**
   * One step of SASL DIGEST-MD5: an empty token asks for a challenge, the next
   * one answers it. A failure closes the connection.
   */
  answerSasl(exchange: SaslExchange, reader: Reader): void {
    const { client } = exchange;
    const token = GetSASLRequest.read(reader).token ?? Buffer.alloc(0);
    const started = this.#exchanges.get(client);
    if (started === undefined && this.#users.size > 0) {
      const begun = new DigestMd5((user) => this.#users.get(user));
      this.#exchanges.set(client, begun);
      this.#sendToken(exchange, ErrorCode.ok, begun.challenge);
      return;
    }
    this.#exchanges.delete(client);
    const result = started?.respond(token);
    if (
      result?.kind === "proved" &&
      client.addIdentity({ scheme: "sasl", id: result.user })
    ) {
      this.#sendToken(exchange, ErrorCode.ok, result.final);
      return;
    }
    this.#sendToken(exchange, ErrorCode["auth-failed"], null);
    client.finish("authentication-failed");
  }

  #sendToken(
    { client, xid }: SaslExchange,
    error: number,
    token: Buffer | null,
  ): void {
    SetSASLResponse.write(client.begin(xid, 0, error), { token });
    client.end();
  }
}
