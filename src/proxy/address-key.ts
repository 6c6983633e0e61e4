import { isIP } from "node:net";

/**
 * An address as 128 bits in four words, an IPv4 one as `::ffff:192.0.2.1`. Of an
 * IPv6 address only a prefix counts: whoever has one usually has the whole /64.
 */
export type AddressKey = Int32Array;

/** Where an IPv4 address stands in an IPv6 one (RFC 4291 section 2.5.5.2). */
const MAPPED = 0xffff;
const WORDS = 4;
const GROUPS = 8;

/** Undefined for what is no IP address, such as the peer behind a Unix socket. */
export function addressKey(
  address: string,
  ipv6PrefixBits: number,
): AddressKey | undefined {
  const [plain = ""] = address.split("%"); // a zone is of this machine alone
  const family = isIP(plain);
  if (family === 0) return undefined;
  const key = new Int32Array(WORDS);
  if (family === 4) {
    key[2] = MAPPED;
    key[3] = ipv4Word(plain);
    return key;
  }
  const groups = ipv6Groups(plain);
  for (let word = 0; word < WORDS; word += 1)
    key[word] = ((groups[2 * word] ?? 0) << 16) | (groups[2 * word + 1] ?? 0);
  if (key[0] === 0 && key[1] === 0 && key[2] === MAPPED) return key;
  for (let word = 0; word < WORDS; word += 1) {
    const kept = Math.min(32, Math.max(0, ipv6PrefixBits - 32 * word));
    key[word] = kept === 0 ? 0 : (key[word] ?? 0) & (-1 << (32 - kept));
  }
  return key;
}

function ipv4Word(text: string): number {
  let word = 0;
  for (const part of text.split(".")) word = (word << 8) | Number(part);
  return word;
}

function ipv6Groups(text: string): readonly number[] {
  const [head = "", tail] = text.split("::");
  const first = groupsOf(head);
  if (tail === undefined) return first;
  const last = groupsOf(tail);
  const zeros = GROUPS - first.length - last.length;
  return [...first, ...Array.from({ length: zeros }, () => 0), ...last];
}

function groupsOf(text: string): readonly number[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => {
    if (!group.includes(".")) return [Number.parseInt(group, 16)];
    const word = ipv4Word(group);
    return [word >>> 16, word & 0xffff];
  });
}
