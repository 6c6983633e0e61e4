import { isIpv4, isIpv6 } from "./authority.ts";
import type {
  ProxyEnd,
  ProxyEnds,
  ProxyHeaderFault,
  ProxyHeaderResult,
} from "./proxy-header.ts";

/** Section 2.1: "a 108-byte buffer is always enough", the last byte being no part of it. */
const MAX_LINE_BYTES = 107;
const CR = 0x0d;
const LF = 0x0a;
const UNKNOWN = "PROXY UNKNOWN";

/** Reads `header`, which begins with `PROXY `. */
export function parseProxyLine(header: Buffer): ProxyHeaderResult {
  const line = header.subarray(0, MAX_LINE_BYTES);
  const end = line.indexOf(CR);
  const lineFeed = line.indexOf(LF);
  const isWhole = lineFeed !== -1 || (end !== -1 && end + 1 < line.length);
  if (!isWhole)
    return line.length < MAX_LINE_BYTES
      ? { kind: "incomplete" }
      : reject("too-long");
  if (end === -1 || lineFeed !== end + 1) return reject("bad-line");
  const text = line.toString("latin1", 0, end);
  const size = end + 2;
  if (text === UNKNOWN || text.startsWith(`${UNKNOWN} `))
    // "the receiver must ignore anything presented before the CRLF is found"
    return { kind: "header", ends: undefined, size };
  const ends = readEnds(text.split(" "));
  return ends === undefined
    ? reject("bad-line")
    : { kind: "header", ends, size };
}

function readEnds(words: readonly string[]): ProxyEnds | undefined {
  const [, family, from = "", to = "", fromPort = "", toPort = ""] = words;
  const isAddress =
    family === "TCP4" ? isIpv4 : family === "TCP6" ? isIpv6 : undefined;
  if (words.length !== 6 || isAddress === undefined) return undefined;
  if (!isAddress(from) || !isAddress(to)) return undefined;
  if (!isPort(fromPort) || !isPort(toPort)) return undefined;
  return {
    source: { address: from, port: Number(fromPort) },
    destination: { address: to, port: Number(toPort) },
  };
}

/** "heading zeroes are not permitted in front of numbers" */
function isPort(text: string): boolean {
  return /^(?:0|[1-9][0-9]{0,4})$/.test(text) && Number(text) <= 65_535;
}

function reject(code: ProxyHeaderFault): ProxyHeaderResult {
  return { kind: "reject", code };
}

/** The line that {@link parseProxyLine} reads. */
export function proxyLine(ends: ProxyEnds | undefined): Buffer {
  if (ends === undefined) return Buffer.from(`${UNKNOWN}\r\n`, "latin1");
  const { source, destination } = ends;
  const isV4 = isIpv4(source.address) && isIpv4(destination.address);
  const [from, to] = isV4
    ? [source.address, destination.address]
    : [asIpv6(source), asIpv6(destination)];
  const family = isV4 ? "TCP4" : "TCP6";
  return Buffer.from(
    `PROXY ${family} ${from} ${to} ${source.port} ${destination.port}\r\n`,
    "latin1",
  );
}

/** Both ends are of one family: an IPv4 address has its place in the other (RFC 4291 section 2.5.5.2). */
export function asIpv6({ address }: ProxyEnd): string {
  return isIpv4(address) ? `::ffff:${address}` : address;
}
