import { createHash, randomBytes } from "node:crypto";

/** A user of SASL DIGEST-MD5, as the server's JAAS configuration lists it. */
export interface SaslCredentials {
  readonly username: string;
  /** Never printed. */
  readonly password: string;
}

/** What the server's challenge and answer ask for next. */
export type SaslStep =
  | { readonly kind: "send"; readonly token: Buffer }
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly detail: string };

/** The service and host names that Apache ZooKeeper's servers use for DIGEST-MD5. */
const DIGEST_URI = "zookeeper/zk-sasl-md5";

/**
 * The client's side of SASL DIGEST-MD5 (RFC 2831) with `qop=auth`: an empty
 * token, the server's challenge, our response, the server's proof.
 */
export class DigestMd5 {
  readonly #credentials: SaslCredentials;
  readonly #clientNonce: string;
  #expectedProof: string | undefined;

  constructor(
    credentials: SaslCredentials,
    clientNonce = randomBytes(16).toString("base64"),
  ) {
    this.#credentials = credentials;
    this.#clientNonce = clientNonce;
  }

  /** Takes what the server sent and answers what to do. */
  next(token: Buffer | null): SaslStep {
    if (this.#expectedProof !== undefined) return this.#checkProof(token);
    const challenge = parseDirectives((token ?? "").toString());
    const nonce = challenge.get("nonce");
    if (nonce === undefined)
      return { kind: "refused", detail: "the challenge has no nonce" };
    const qops = (challenge.get("qop") ?? "auth").split(/[\s,]+/u);
    if (!qops.includes("auth"))
      return { kind: "refused", detail: "the server does not offer qop auth" };
    return { kind: "send", token: this.#respond(nonce, challenge) };
  }

  #respond(nonce: string, challenge: ReadonlyMap<string, string>): Buffer {
    const realm = challenge.get("realm");
    const { username, password } = this.#credentials;
    const secret = md5(`${username}:${realm ?? ""}:${password}`);
    const a1 = Buffer.concat([
      secret,
      Buffer.from(`:${nonce}:${this.#clientNonce}`),
    ]);
    const count = "00000001";
    const proof = (a2: string) =>
      md5Hex(
        `${md5Hex(a1)}:${nonce}:${count}:${this.#clientNonce}:auth:${md5Hex(a2)}`,
      );
    this.#expectedProof = proof(`:${DIGEST_URI}`);
    const directives = [
      "charset=utf-8",
      `username=${quoted(username)}`,
      ...(realm === undefined ? [] : [`realm=${quoted(realm)}`]),
      `nonce=${quoted(nonce)}`,
      `nc=${count}`,
      `cnonce=${quoted(this.#clientNonce)}`,
      `digest-uri=${quoted(DIGEST_URI)}`,
      "maxbuf=65536",
      `response=${proof(`AUTHENTICATE:${DIGEST_URI}`)}`,
      "qop=auth",
    ];
    return Buffer.from(directives.join(","));
  }

  /** RFC 2831 section 2.1.3: the server proves that it knows the password too. */
  #checkProof(token: Buffer | null): SaslStep {
    const answer = parseDirectives((token ?? "").toString());
    if (answer.get("rspauth") === this.#expectedProof) return { kind: "done" };
    return {
      kind: "refused",
      detail: "the server does not prove that it knows the password",
    };
  }
}

function parseDirectives(text: string): ReadonlyMap<string, string> {
  const directives = new Map<string, string>();
  for (const match of text.matchAll(
    /(?<name>[\w-]+)=(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<token>[^,]*))/gu,
  )) {
    const { name, quoted: inQuotes, token } = match.groups ?? {};
    if (name !== undefined)
      directives.set(
        name.toLowerCase(),
        inQuotes?.replaceAll(/\\(.)/gu, "$1") ?? token?.trim() ?? "",
      );
  }
  return directives;
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/gu, "\\$&")}"`;
}

function md5(content: string | Buffer): Buffer {
  return createHash("md5").update(content).digest();
}

function md5Hex(content: string | Buffer): string {
  return md5(content).toString("hex");
}
