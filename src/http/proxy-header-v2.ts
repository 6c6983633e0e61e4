import { SocketAddress } from "node:net";
import { isIpv4 } from "./authority.ts";
import { crc32c } from "./crc32c.ts";
import {
  MAX_PROXY_HEADER_BYTES,
  type ProxyEnd,
  type ProxyEnds,
  type ProxyHeaderFault,
  type ProxyHeaderResult,
} from "./proxy-header.ts";
import { asIpv6 } from "./proxy-header-v1.ts";

/*
 *   12 bytes   1                  1                     2        …
 *  signature │ version │ command │ family │ transport │ length │ addresses, TLVs
 */
export const PROXY_BLOCK_START: Buffer = Buffer.from(
  "\r\n\r\n\0\r\nQUIT\n",
  "latin1",
);
const HEAD_BYTES = 16;
const VERSION = 0x20;
const LOCAL = 0x0;
const PROXY = 0x1;

const UNSPECIFIED = 0x00;
/** Families and transports of section 2.2: a byte, and the length of both addresses. */
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [UNSPECIFIED, 0],
  [0x11, 12], // TCP over IPv4
  [0x12, 12], // UDP over IPv4: what a client of HTTP/3 speaks to the sender
  [0x21, 36], // TCP over IPv6
  [0x22, 36], // UDP over IPv6
  [0x31, 216], // UNIX stream
  [0x32, 216], // UNIX datagram
]);
const INET = 0x1;
const INET6 = 0x2;

/** Section 2.2.3 of the TLVs: PP2_TYPE_CRC32C. */
const CRC32C = 0x03;

/** Reads `header`, which begins with the signature. */
export function parseProxyBlock(header: Buffer): ProxyHeaderResult {
  const [versionAndCommand, family] = [header[12], header[13]];
  if (versionAndCommand === undefined) return { kind: "incomplete" };
  if ((versionAndCommand & 0xf0) !== VERSION) return reject("bad-version");
  const command = versionAndCommand & 0x0f;
  if (command !== LOCAL && command !== PROXY) return reject("bad-command");
  if (family === undefined) return { kind: "incomplete" };
  const addressBytes = ADDRESS_BYTES.get(family);
  // With LOCAL "the receiver must […] discard the protocol block including the
  // family which is ignored".
  if (command === PROXY && addressBytes === undefined)
    return reject("bad-family");
  if (header.length < HEAD_BYTES) return { kind: "incomplete" };
  const size = HEAD_BYTES + header.readUInt16BE(14);
  if (size > MAX_PROXY_HEADER_BYTES) return reject("too-long");
  const tlvStart = HEAD_BYTES + (addressBytes ?? 0);
  if (command === PROXY && tlvStart > size) return reject("bad-length");
  if (header.length < size) return { kind: "incomplete" };
  // UNSPEC: "The receiver should ignore address information."
  if (command === LOCAL || family === UNSPECIFIED)
    return { kind: "header", ends: undefined, size };
  const fault = checkTlvs(header.subarray(0, size), tlvStart);
  if (fault !== undefined) return reject(fault);
  return { kind: "header", ends: readEnds(header, family), size };
}

function readEnds(header: Buffer, family: number): ProxyEnds | undefined {
  switch (family >> 4) {
    case INET:
      return {
        source: {
          address: readIpv4(header, 16),
          port: header.readUInt16BE(24),
        },
        destination: {
          address: readIpv4(header, 20),
          port: header.readUInt16BE(26),
        },
      };
    case INET6:
      return {
        source: {
          address: readIpv6(header, 16),
          port: header.readUInt16BE(48),
        },
        destination: {
          address: readIpv6(header, 32),
          port: header.readUInt16BE(50),
        },
      };
    default:
      return undefined;
  }
}

function readIpv4(bytes: Buffer, at: number): string {
  return bytes.subarray(at, at + 4).join(".");
}

function readIpv6(bytes: Buffer, at: number): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    bytes.readUInt16BE(at + index * 2).toString(16),
  );
  const address = groups.join(":");
  return new SocketAddress({ address, family: "ipv6" }).address;
}

/** What the TLVs say is not used; that they are whole is looked at all the same. */
function checkTlvs(header: Buffer, from: number): ProxyHeaderFault | undefined {
  let sumAt: number | undefined;
  for (let at = from; at < header.length;) {
    if (at + 3 > header.length) return "bad-length";
    const valueAt = at + 3;
    const next = valueAt + header.readUInt16BE(at + 1);
    if (next > header.length) return "bad-length";
    if (header[at] === CRC32C) {
      if (next - valueAt !== 4 || sumAt !== undefined) return "bad-checksum";
      sumAt = valueAt;
    }
    at = next;
  }
  return sumAt === undefined || isSum(header, sumAt)
    ? undefined
    : "bad-checksum";
}

/** "replace the 32 bits of the checksum field in the received PROXY header with all '0's" */
function isSum(header: Buffer, sumAt: number): boolean {
  const copy = Buffer.from(header);
  copy.writeUInt32BE(0, sumAt);
  return crc32c(copy) === header.readUInt32BE(sumAt);
}

function reject(code: ProxyHeaderFault): ProxyHeaderResult {
  return { kind: "reject", code };
}

/** The block that {@link parseProxyBlock} reads; undefined: for ends that cannot be told. */
export function proxyBlock(ends: ProxyEnds | undefined | "local"): Buffer {
  if (ends === "local") return block(LOCAL, UNSPECIFIED, Buffer.alloc(0));
  if (ends === undefined) return block(PROXY, UNSPECIFIED, Buffer.alloc(0));
  const { source, destination } = ends;
  const isV4 = isIpv4(source.address) && isIpv4(destination.address);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(source.port, 0);
  ports.writeUInt16BE(destination.port, 2);
  const addresses = [source, destination].map(isV4 ? ipv4Bytes : ipv6Bytes);
  return block(PROXY, isV4 ? 0x11 : 0x21, Buffer.concat([...addresses, ports]));
}

function block(command: number, family: number, content: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head[0] = VERSION | command;
  head[1] = family;
  head.writeUInt16BE(content.length, 2);
  return Buffer.concat([PROXY_BLOCK_START, head, content]);
}

function ipv4Bytes({ address }: ProxyEnd): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

function ipv6Bytes(end: ProxyEnd): Buffer {
  const [left = "", right] = withoutIpv4(asIpv6(end)).split("::");
  const groups = (text: string) => (text === "" ? [] : text.split(":"));
  const [before, after] = [groups(left), groups(right ?? "")];
  const zeros = Array.from(
    { length: 8 - before.length - after.length },
    () => "0",
  );
  const bytes = Buffer.alloc(16);
  for (const [index, group] of [...before, ...zeros, ...after].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2);
  return bytes;
}

/** An IPv4 tail as two groups of hexadecimal digits. */
function withoutIpv4(address: string): string {
  const at = address.lastIndexOf(":") + 1;
  const tail = address.slice(at);
  if (!isIpv4(tail)) return address;
  const bytes = Buffer.from(tail.split(".").map(Number));
  const groups = [bytes.readUInt16BE(0), bytes.readUInt16BE(2)];
  return (
    address.slice(0, at) + groups.map((group) => group.toString(16)).join(":")
  );
}
