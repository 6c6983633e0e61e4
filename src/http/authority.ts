import { HEX, HOST_NAME } from "./characters.ts";

/** A host with an optional port, normalised. */
export interface Authority {
  /** Lower case; an IPv6 address keeps its brackets. */
  readonly hostname: string;
  /** 0 when none is given. */
  readonly port: number;
}

/** The port that goes without saying. */
export function defaultPort(scheme: string): number {
  return scheme === "https" || scheme === "wss" ? 443 : 80;
}

/** `hostname:port`, without the port where the scheme implies it. */
export function authorityText(authority: Authority, scheme: string): string {
  return authority.port === 0 || authority.port === defaultPort(scheme)
    ? authority.hostname
    : `${authority.hostname}:${authority.port}`;
}

/**
 * Reads a `Host` value or the authority of a target (RFC 9110 section 7.2).
 *
 * Stricter than RFC 3986: names are letters, digits and `-._~` (percent-encoding
 * and sub-delimiters are legal there, but no two parsers treat them alike), user
 * information is refused (RFC 9110 section 4.2.4), a port is 1 to 65535 without leading
 * zeros or absent, and an empty host is none.
 */
export function parseAuthority(text: string): Authority | undefined {
  const nameEnd =
    text.charCodeAt(0) === 0x5b ? bracketEnd(text) : hostNameEnd(text);
  if (nameEnd <= 0) return undefined;
  const hostname = text.slice(0, nameEnd).toLowerCase();
  if (nameEnd === text.length) return { hostname, port: 0 };
  const port = readPort(text, nameEnd);
  return port < 0 ? undefined : { hostname, port };
}

function hostNameEnd(text: string): number {
  let i = 0;
  while (i < text.length) {
    const code = text.charCodeAt(i);
    if (code > 0x7f || HOST_NAME[code] === 0) break;
    i++;
  }
  return i;
}

/** Index after the closing bracket of an IPv6 literal, or -1. */
function bracketEnd(text: string): number {
  const close = text.indexOf("]");
  return close > 0 && isIpv6(text.slice(1, close)) ? close + 1 : -1;
}

/** Port after `:` at `at`; 0 for "host:" (RFC 3986 section 3.2.3 allows it), -1 when bad. */
function readPort(text: string, at: number): number {
  if (text.charCodeAt(at) !== 0x3a) return -1;
  const digits = text.length - at - 1;
  if (digits === 0) return 0;
  if (digits > 5 || text.charCodeAt(at + 1) === 0x30) return -1;
  let port = 0;
  for (let i = at + 1; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    port = port * 10 + digit;
  }
  return port <= 65_535 ? port : -1;
}

/** RFC 3986 section 3.2.2: IPv6address, without a zone. */
export function isIpv6(text: string): boolean {
  const double = text.indexOf("::");
  if (double < 0) return groupCount(text, true) === 8;
  if (text.includes("::", double + 1)) return false;
  const before = text.slice(0, double);
  const after = text.slice(double + 2);
  const left = before === "" ? 0 : groupCount(before, false);
  const right = after === "" ? 0 : groupCount(after, true);
  return left >= 0 && right >= 0 && left + right <= 7;
}

/** Number of 16-bit groups in `a:b:c`, an IPv4 tail counting two; -1 when bad. */
function groupCount(text: string, mayEndInIpv4: boolean): number {
  const groups = text.split(":");
  let count = 0;
  for (const [index, group] of groups.entries()) {
    if (mayEndInIpv4 && index === groups.length - 1 && isIpv4(group))
      count += 2;
    else if (isHexGroup(group)) count += 1;
    else return -1;
  }
  return count;
}

function isHexGroup(text: string): boolean {
  if (text.length === 0 || text.length > 4) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f || HEX[code] === 0xff) return false;
  }
  return true;
}

/** RFC 3986 section 3.2.2: four decimal octets without leading zeros. */
export function isIpv4(text: string): boolean {
  const octets = text.split(".");
  return (
    octets.length === 4 &&
    octets.every((octet) => String(Number(octet)) === octet && +octet <= 255) &&
    !text.includes("-")
  );
}
