import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/*
 * How passwords are kept: scrypt (RFC 7914), written as
 * `$scrypt$ln=15,r=8,p=3$SALT$HASH`, salt and hash in base64 without padding.
 * It is what Node computes outside of the thread that answers requests. What
 * `htpasswd` writes is refused: MD5 and SHA-1 are found by trying, and bcrypt
 * and the crypt family would be computed in JavaScript, where one password
 * holds up everybody else's requests.
 */

/** What one check costs, and a hash to compare with. */
export interface PasswordHash {
  /** Logarithm of N. */
  readonly ln: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

export type HashReading =
  | { readonly kind: "hash"; readonly hash: PasswordHash }
  /** `message` says what it is instead. */
  | { readonly kind: "reject"; readonly message: string };

const FORMAT =
  /^\$scrypt\$ln=(?<ln>[0-9]{1,2}),r=(?<r>[0-9]{1,2}),p=(?<p>[0-9]{1,2})\$(?<salt>[A-Za-z0-9+/]{11,86})\$(?<hash>[A-Za-z0-9+/]{22,86})$/;
/** Of one check; a line in a file must not take the machine's. */
const MAX_MEMORY_BYTES = 256 * 1024 * 1024;
const MIN_LN = 10;

/** OWASP's second choice: 32 MB and about a tenth of a second. */
const NEW = { ln: 15, r: 8, p: 3 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^\$2[abxy]?\$/, "it is bcrypt"],
  [/^\$apr1\$/, "it is MD5 (apr1)"],
  [/^\{S?SHA\}/, "it is SHA-1"],
  [/^\$1\$/, "it is MD5 (crypt)"],
  [/^\$[56]\$/, "it is SHA-2 (crypt)"],
  [/^\$(?:y|gy|7)\$/, "it is of crypt"],
  [/^\$argon2/, "it is Argon2"],
  [/^\$scrypt\$/, "it is scrypt out of bounds, or cut off"],
];

/** Reads what stands behind the name in a file of users. */
export function parsePasswordHash(text: string): HashReading {
  const groups = FORMAT.exec(text)?.groups;
  const hash: PasswordHash = {
    ln: Number(groups?.["ln"]),
    r: Number(groups?.["r"]),
    p: Number(groups?.["p"]),
    salt: Buffer.from(groups?.["salt"] ?? "", "base64"),
    hash: Buffer.from(groups?.["hash"] ?? "", "base64"),
  };
  if (groups !== undefined && isBounded(hash)) return { kind: "hash", hash };
  const other = OTHERS.find(([pattern]) => pattern.test(text))?.[1];
  return {
    kind: "reject",
    message: `${other ?? "it is no hash that is known"}, it should be what "zoogate password" writes`,
  };
}

function isBounded({ ln, r, p }: PasswordHash): boolean {
  return (
    ln >= MIN_LN &&
    ln <= 20 &&
    r >= 1 &&
    p >= 1 &&
    p <= 16 &&
    128 * r * 2 ** ln <= MAX_MEMORY_BYTES
  );
}

/** Whether it is the password of the hash; takes its time on another thread. */
export async function isPassword(
  password: Buffer,
  hash: PasswordHash,
): Promise<boolean> {
  const computed = await compute(password, hash, hash.hash.length);
  return timingSafeEqual(computed, hash.hash);
}

/** A new hash, salted anew each time. */
export async function hashPassword(password: Buffer): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await compute(password, { ...NEW, salt }, HASH_BYTES);
  const text = (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "");
  return `$scrypt$ln=${NEW.ln},r=${NEW.r},p=${NEW.p}$${text(salt)}$${text(hash)}`;
}

/** Costs what a new hash costs and fits no password: for names that nobody has. */
export function nobodysHash(): PasswordHash {
  return {
    ...NEW,
    salt: randomBytes(SALT_BYTES),
    hash: randomBytes(HASH_BYTES),
  };
}

function compute(
  password: Buffer,
  cost: Omit<PasswordHash, "hash">,
  bytes: number,
): Promise<Buffer> {
  const { ln, r, p, salt } = cost;
  const options = { N: 2 ** ln, r, p, maxmem: 2 * MAX_MEMORY_BYTES };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, bytes, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}
