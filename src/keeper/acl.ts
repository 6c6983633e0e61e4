import { createHash } from "node:crypto";
import { BlockList, isIP } from "node:net";
import {
  ACL,
  encode,
  type Id,
  Permission,
  Reader,
  vector,
} from "../jute/index.ts";

/** Who may do what with one node. */
export interface Acl {
  readonly entries: readonly ACL[];
  /** As on the wire: the key under which equal lists are one object. */
  readonly bytes: string;
  /** It lets everybody do everything. */
  readonly open: boolean;
}

const AclList = vector(ACL);
const MAX_KEPT_LISTS = 1_000;
const kept = new Map<string, Acl>();

/** The list as an object that equal lists share, as long as few are in use. */
export function toAcl(entries: readonly ACL[]): Acl {
  const bytes = encode(AclList, entries).toString("latin1");
  const known = kept.get(bytes);
  if (known !== undefined) return known;
  const acl: Acl = {
    entries,
    bytes,
    open: entries.some(
      (entry) => entry.perms === Permission.all && isAnyone(entry.id),
    ),
  };
  if (kept.size >= MAX_KEPT_LISTS) kept.clear();
  kept.set(bytes, acl);
  return acl;
}

/** A list from the bytes that `bytes` of an {@link Acl} holds. */
export function decodeAcl(bytes: Buffer): Acl {
  return (
    kept.get(bytes.toString("latin1")) ?? toAcl(AclList.read(new Reader(bytes)))
  );
}

const ANYONE: Id = { scheme: "world", id: "anyone" };
/** Everybody may do everything. */
export const OPEN_ACL = toAcl([{ perms: Permission.all, id: ANYONE }]);
/** Everybody may read. */
export const READ_ACL = toAcl([{ perms: Permission.read, id: ANYONE }]);

/** Whether one of the identities has one of the permissions. */
export function permits(
  acl: Acl,
  permissions: number,
  identities: readonly Id[],
): boolean {
  if (acl.open || acl.entries.length === 0) return true;
  if (identities.some((identity) => identity.scheme === "super")) return true;
  for (const { perms, id } of acl.entries) {
    if ((perms & permissions) === 0) continue;
    if (isAnyone(id)) return true;
    for (const identity of identities) {
      if (identity.scheme === id.scheme && matches(identity, id)) return true;
    }
  }
  return false;
}

/**
 * The list as it is stored: without doubles, `auth` replaced by who the client
 * is. Undefined when it is empty or has an entry that could never match.
 */
export function resolveAcl(
  entries: readonly ACL[],
  identities: readonly Id[],
): Acl | undefined {
  if (entries.length === 1 && entries[0] !== undefined) {
    const { perms, id } = entries[0];
    if (perms === Permission.all && isAnyone(id)) return OPEN_ACL;
  }
  const resolved: ACL[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    const key = `${entry.perms} ${entry.id.scheme} ${entry.id.id}`;
    if (seen.has(key)) continue;
    seen.add(key);
    if (entry.id.scheme === "auth") {
      const own = identities.filter((identity) =>
        AUTHENTICATED.has(identity.scheme),
      );
      if (own.length === 0) return undefined;
      for (const id of own) resolved.push({ perms: entry.perms, id });
    } else if (isAnyone(entry.id) || isValidId(entry.id)) resolved.push(entry);
    else return undefined;
  }
  return resolved.length === 0 ? undefined : toAcl(resolved);
}

/** `user:base64(sha1(user:password))`, as the digest scheme names a user. */
export function digestIdentity(credentials: string | Uint8Array): Id {
  const bytes =
    typeof credentials === "string"
      ? Buffer.from(credentials)
      : Buffer.from(credentials);
  const [user = ""] = bytes.toString("utf8").split(":", 1);
  const hash = createHash("sha1").update(bytes).digest("base64");
  return { scheme: "digest", id: `${user}:${hash}` };
}

/** The name that whoAmI shows, without what proves it. */
export function userName(identity: Id): string {
  if (identity.scheme !== "digest") return identity.id;
  return identity.id.split(":", 1)[0] ?? "";
}

/** What a client that may not administer a node sees of its list. */
export function hideDigests(entries: readonly ACL[]): readonly ACL[] {
  return entries.map((entry) =>
    entry.id.scheme === "digest"
      ? {
          perms: entry.perms,
          id: { scheme: "digest", id: entry.id.id.replace(/:.*/s, ":x") },
        }
      : entry,
  );
}

/** The schemes whose identities were proved: those that `auth` stands for. */
const AUTHENTICATED: ReadonlySet<string> = new Set(["digest", "sasl"]);

function isAnyone(id: Id): boolean {
  return id.scheme === "world" && id.id === "anyone";
}

function isValidId({ scheme, id }: Id): boolean {
  switch (scheme) {
    case "digest":
      // As Java's split(":") does: empty parts at the end do not count.
      return /^[^:]*:[^:]+:*$/.test(id);
    case "sasl":
      return id !== "";
    case "ip":
      return addressRange(id) !== undefined;
    default:
      return false;
  }
}

function matches(identity: Id, id: Id): boolean {
  if (identity.scheme !== "ip") return identity.id === id.id;
  const range = addressRange(id.id);
  const family = isIP(identity.id) === 6 ? "ipv6" : "ipv4";
  if (range === undefined || range.family !== family) return false;
  const list = new BlockList();
  list.addSubnet(range.address, range.bits, range.family);
  return list.check(identity.id, family);
}

interface AddressRange {
  readonly address: string;
  readonly bits: number;
  readonly family: "ipv4" | "ipv6";
}

function addressRange(text: string): AddressRange | undefined {
  const [address = "", bitsText, ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const maxBits = version === 6 ? 128 : 32;
  if (bitsText !== undefined && !/^\d{1,3}$/.test(bitsText)) return undefined;
  const bits = bitsText === undefined ? maxBits : Number(bitsText);
  if (bits > maxBits) return undefined;
  return { address, bits, family: version === 6 ? "ipv6" : "ipv4" };
}
