import { createHmac, randomBytes } from "node:crypto";
import {
  isPassword,
  nobodysHash,
  parsePasswordHash,
  type PasswordHash,
} from "./password-hash.ts";
import type { UserListMaterial } from "./user-file.ts";

/*
 * Who may see a service with `auth`. Passwords are hashed on Node's pool of
 * threads, so no request waits for another's password; one at a time for each
 * worker, and few may wait, so that a flood of wrong ones finds an end before
 * the pool does. What was found is remembered for a while under a keyed hash:
 * memory holds no password. Names that nobody has cost what wrong passwords
 * cost, so that time tells nothing of who exists.
 */

export type Verdict =
  | { readonly kind: "granted"; readonly user: string }
  | { readonly kind: "denied" }
  /** Nobody knows the list: nobody gets in. */
  | { readonly kind: "closed" }
  /** Too many passwords wait: of this client, or of all. */
  | { readonly kind: "busy"; readonly of: "client" | "all" };

/** What a request shows; of `pending` the verdict has to be waited for. */
export type Glance =
  Verdict | { readonly kind: "pending"; readonly claim: Claim };

/** Name and password as sent, not yet believed. */
export interface Claim {
  readonly list: string;
  readonly user: string;
  readonly password: Buffer;
  readonly digest: string;
}

export const CREDENTIAL_LIMITS = {
  /** Of `Authorization`; longer ones are denied. */
  authorizationCharacters: 1024,
  /** Passwords that wait, of all clients and of one. */
  waiting: 64,
  waitingOfClient: 4,
  /** Requests that wait for them. */
  requests: 1024,
  grantedMs: 300_000,
  deniedMs: 10_000,
  remembered: 4096,
} as const;

const DENIED: Verdict = Object.freeze({ kind: "denied" });
const CLOSED: Verdict = Object.freeze({ kind: "closed" });

interface Pending {
  readonly claim: Claim;
  readonly client: string;
  readonly waiters: Set<(verdict: Verdict) => void>;
}

interface Remembered {
  readonly verdict: Verdict;
  readonly untilMs: number;
}

/** The lists of users as one worker knows them, and what it has checked lately. */
export class Credentials {
  #lists: ReadonlyMap<string, ReadonlyMap<string, PasswordHash> | undefined> =
    new Map();
  #key = randomBytes(32);
  readonly #granted = new Map<string, Remembered>();
  readonly #denied = new Map<string, Remembered>();
  readonly #pending = new Map<string, Pending>();
  #requests = 0;
  #isChecking = false;
  /** The digest of the one that is being computed. */
  #checked: string | undefined;
  readonly #nobody = nobodysHash();

  /** Forgets all that was checked: who is no longer listed is out at once. */
  replace(lists: readonly UserListMaterial[]): void {
    this.#lists = new Map(
      lists.map(({ name, users }) => [name, users && hashesOf(users)]),
    );
    this.#key = randomBytes(32);
    this.#granted.clear();
    this.#denied.clear();
  }

  /** What is known at once. */
  glance(
    list: string,
    authorization: string | undefined,
    nowMs: number,
  ): Glance {
    if (this.#lists.get(list) === undefined) return CLOSED;
    if (authorization === undefined) return DENIED;
    const parts = readBasic(authorization);
    if (parts === undefined) return DENIED;
    const digest = createHmac("sha256", this.#key)
      .update(`${list}\n${authorization}`)
      .digest("base64");
    const known = this.#granted.get(digest) ?? this.#denied.get(digest);
    if (known !== undefined && nowMs < known.untilMs) return known.verdict;
    return { kind: "pending", claim: { list, ...parts, digest } };
  }

  /**
   * Calls `onVerdict` in a later turn, unless what this answers was called
   * before; or answers a verdict at once when too many wait.
   */
  check(
    claim: Claim,
    client: string,
    onVerdict: (verdict: Verdict) => void,
  ): (() => void) | Verdict {
    const limits = CREDENTIAL_LIMITS;
    if (this.#requests >= limits.requests) return { kind: "busy", of: "all" };
    let pending = this.#pending.get(claim.digest);
    if (pending === undefined) {
      if (this.#pending.size >= limits.waiting)
        return { kind: "busy", of: "all" };
      let ofClient = 0;
      for (const other of this.#pending.values())
        if (other.client === client) ofClient += 1;
      if (ofClient >= limits.waitingOfClient)
        return { kind: "busy", of: "client" };
      pending = { claim, client, waiters: new Set() };
      this.#pending.set(claim.digest, pending);
    }
    const { waiters } = pending;
    const waiter = (verdict: Verdict) => onVerdict(verdict);
    waiters.add(waiter);
    this.#requests += 1;
    if (!this.#isChecking) void this.#checkAll();
    return () => {
      if (!waiters.delete(waiter)) return;
      this.#requests -= 1;
      if (waiters.size === 0 && this.#checked !== claim.digest)
        this.#pending.delete(claim.digest);
    };
  }

  /** One after the other until none waits. Never rejects. */
  async #checkAll(): Promise<void> {
    this.#isChecking = true;
    for (;;) {
      const [next] = this.#pending.values();
      if (next === undefined) break;
      const { claim, waiters } = next;
      this.#checked = claim.digest;
      const verdict = await this.#verdictOn(claim);
      this.#checked = undefined;
      this.#pending.delete(claim.digest);
      this.#requests -= waiters.size;
      for (const waiter of waiters) waiter(verdict);
    }
    this.#isChecking = false;
  }

  async #verdictOn({ list, user, password, digest }: Claim): Promise<Verdict> {
    const lists = this.#lists;
    const hash = lists.get(list)?.get(user);
    let isRight = false;
    try {
      isRight = await isPassword(password, hash ?? this.#nobody);
    } catch {
      // No memory for it: nobody gets in by that.
    }
    const verdict: Verdict =
      isRight && hash !== undefined ? { kind: "granted", user } : DENIED;
    // The lists may have changed meanwhile, and the key with them.
    if (lists !== this.#lists) return DENIED;
    this.#remember(digest, verdict);
    return verdict;
  }

  #remember(digest: string, verdict: Verdict): void {
    const isGranted = verdict.kind === "granted";
    const memory = isGranted ? this.#granted : this.#denied;
    const { grantedMs, deniedMs, remembered } = CREDENTIAL_LIMITS;
    memory.delete(digest);
    if (memory.size >= remembered) {
      const [oldest] = memory.keys();
      if (oldest !== undefined) memory.delete(oldest);
    }
    const untilMs = performance.now() + (isGranted ? grantedMs : deniedMs);
    memory.set(digest, { verdict, untilMs });
  }
}

function hashesOf(
  users: ReadonlyMap<string, string>,
): ReadonlyMap<string, PasswordHash> {
  const hashes = new Map<string, PasswordHash>();
  for (const [name, text] of users) {
    const reading = parsePasswordHash(text);
    if (reading.kind === "hash") hashes.set(name, reading.hash);
  }
  return hashes;
}

/** RFC 7617 section 2. */
function readBasic(
  authorization: string,
): { readonly user: string; readonly password: Buffer } | undefined {
  if (authorization.length > CREDENTIAL_LIMITS.authorizationCharacters)
    return undefined;
  const text = /^basic +(?<text>[A-Za-z0-9+/]+={0,2})$/i.exec(authorization)
    ?.groups?.["text"];
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, "base64");
  const colon = bytes.indexOf(0x3a);
  return colon < 0
    ? undefined
    : {
        user: bytes.toString("latin1", 0, colon),
        password: bytes.subarray(colon + 1),
      };
}
