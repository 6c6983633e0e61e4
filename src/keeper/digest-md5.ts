/**
 * The server's side of SASL DIGEST-MD5 (RFC 2831), as Java and kazoo speak it
 * with ZooKeeper: `qop=auth`, no integrity or privacy layer.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** The realm that Apache ZooKeeper names. */
const REALM = "zk-sasl-md5";
/** A response longer than this is no response. */
const MAX_RESPONSE_BYTES = 4_096;

/** What a client's response proved. */
export type DigestMd5Result =
  | {
      readonly kind: "proved";
      readonly user: string;
      /** Proves to the client that the server knows the password too. */
      readonly final: Buffer;
    }
  | { readonly kind: "refused" };

/** One exchange: a challenge, then one response to it. */
export class DigestMd5 {
  readonly #nonce: string;
  readonly #passwordOf: (user: string) => string | undefined;

  /** The nonce is random unless a test gives one. */
  constructor(
    passwordOf: (user: string) => string | undefined,
    nonce = randomBytes(24).toString("base64"),
  ) {
    this.#passwordOf = passwordOf;
    this.#nonce = nonce;
  }

  /** RFC 2831 section 2.1.1. */
  get challenge(): Buffer {
    return Buffer.from(
      `realm="${REALM}",nonce="${this.#nonce}",qop="auth",charset=utf-8,algorithm=md5-sess`,
    );
  }

  /** RFC 2831 sections 2.1.2 and 2.1.3. */
  respond(response: Buffer): DigestMd5Result {
    if (response.length > MAX_RESPONSE_BYTES) return { kind: "refused" };
    const fields = parseDirectives(response.toString("utf8"));
    const user = fields.get("username") ?? "";
    const password = this.#passwordOf(user);
    const given = Buffer.from(fields.get("response") ?? "");
    if (
      password === undefined ||
      fields.get("nonce") !== this.#nonce ||
      fields.get("nc") !== "00000001" ||
      (fields.get("qop") ?? "auth") !== "auth" ||
      // Nobody may act as somebody else.
      (fields.get("authzid") ?? user) !== user
    )
      return { kind: "refused" };
    const expected = Buffer.from(digest(fields, password, "AUTHENTICATE"));
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      return { kind: "refused" };
    const final = `rspauth=${digest(fields, password, "")}`;
    return { kind: "proved", user, final: Buffer.from(final) };
  }
}

/** RFC 2831 section 2.1.2.1; the second half of the exchange leaves the method out. */
function digest(
  fields: ReadonlyMap<string, string>,
  password: string,
  method: string,
): string {
  const field = (name: string) => fields.get(name) ?? "";
  const secret = md5(
    Buffer.from(`${field("username")}:${field("realm")}:${password}`),
  );
  const authzid = fields.has("authzid") ? `:${field("authzid")}` : "";
  const first = md5(
    Buffer.concat([
      secret,
      Buffer.from(`:${field("nonce")}:${field("cnonce")}${authzid}`),
    ]),
  ).toString("hex");
  const second = md5(Buffer.from(`${method}:${field("digest-uri")}`)).toString(
    "hex",
  );
  return md5(
    Buffer.from(
      `${first}:${field("nonce")}:${field("nc")}:${field("cnonce")}:auth:${second}`,
    ),
  ).toString("hex");
}

function md5(bytes: Buffer): Buffer {
  return createHash("md5").update(bytes).digest();
}

/** `name=value` and `name="value"`, separated by commas; RFC 2831 section 7.1. */
function parseDirectives(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  const pattern =
    /[\s,]*([A-Za-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/gu;
  for (const [, name = "", quoted, plain = ""] of text.matchAll(pattern)) {
    const value =
      quoted === undefined ? plain : quoted.replace(/\\(.)/gu, "$1");
    if (!fields.has(name)) fields.set(name, value);
  }
  return fields;
}
