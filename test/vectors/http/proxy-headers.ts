import type {
  ProxyEnds,
  ProxyHeaderFault,
} from "../../../src/http/proxy-header.ts";

/** Bytes at the beginning of a connection, and what a reader must make of them. */
export interface ProxyHeaderVector {
  readonly name: string;
  /** As latin1. */
  readonly bytes: string;
  /** The ends, `"own"` for those of the connection itself, or why not. */
  readonly expect: ProxyEnds | "own" | ProxyHeaderFault;
}

const V4: ProxyEnds = {
  source: { address: "192.0.2.7", port: 56_324 },
  destination: { address: "198.51.100.1", port: 443 },
};
const V6: ProxyEnds = {
  source: { address: "2001:db8::7", port: 56_324 },
  destination: { address: "2001:db8::1", port: 443 },
};

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V4_BLOCK = "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
const NET6 = "\x20\x01\x0d\xb8";
const V6_BLOCK = `${NET6}${"\0".repeat(11)}\x07${NET6}${"\0".repeat(11)}\x01\xdc\x04\x01\xbb`;

/** A version 2 header of `head` (version and command, family), and its content. */
function block(head: string, content = "", length = content.length): string {
  const size = String.fromCharCode(length >> 8, length & 0xff);
  return SIGNATURE + head + size + content;
}

/** Version 1: a line of text. */
const LINES: readonly ProxyHeaderVector[] = [
  {
    name: "TCP over IPv4",
    bytes: "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
    expect: V4,
  },
  {
    name: "TCP over IPv6",
    bytes: "PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n",
    expect: V6,
  },
  {
    name: "the longest line of IPv6",
    bytes: `PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`,
    expect: {
      source: { address: `${"ffff:".repeat(7)}ffff`, port: 65_535 },
      destination: { address: `${"ffff:".repeat(7)}ffff`, port: 65_535 },
    },
  },
  { name: "UNKNOWN", bytes: "PROXY UNKNOWN\r\n", expect: "own" },
  {
    name: "UNKNOWN with what is to be ignored",
    bytes: "PROXY UNKNOWN ffff::1 ffff::2 65535 65535 and more\r\n",
    expect: "own",
  },
  {
    name: "the longest UNKNOWN",
    bytes: `PROXY UNKNOWN ${"x".repeat(91)}\r\n`,
    expect: "own",
  },
  {
    name: "a byte more than the longest",
    bytes: `PROXY UNKNOWN ${"x".repeat(92)}\r\n`,
    expect: "too-long",
  },
  {
    name: "a line without end",
    bytes: `PROXY UNKNOWN ${"x".repeat(500)}`,
    expect: "too-long",
  },
  ...[
    ["no family", "PROXY \r\n"],
    ["an unknown family", "PROXY TCP5 192.0.2.7 198.51.100.1 56324 443\r\n"],
    [
      "a family in lower case",
      "PROXY tcp4 192.0.2.7 198.51.100.1 56324 443\r\n",
    ],
    ["a word glued to UNKNOWN", "PROXY UNKNOWNX\r\n"],
    ["two spaces", "PROXY TCP4  192.0.2.7 198.51.100.1 56324 443\r\n"],
    ["a tab", "PROXY TCP4\t192.0.2.7 198.51.100.1 56324 443\r\n"],
    ["a space at the end", "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 \r\n"],
    ["a word too few", "PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n"],
    ["a word too many", "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 1\r\n"],
    [
      "an octet with a leading zero",
      "PROXY TCP4 192.0.02.7 198.51.100.1 1 443\r\n",
    ],
    ["an octet above 255", "PROXY TCP4 192.0.2.256 198.51.100.1 1 443\r\n"],
    ["three octets", "PROXY TCP4 192.0.2 198.51.100.1 1 443\r\n"],
    ["IPv6 as TCP4", "PROXY TCP4 2001:db8::7 2001:db8::1 1 443\r\n"],
    ["IPv4 as TCP6", "PROXY TCP6 192.0.2.7 198.51.100.1 1 443\r\n"],
    ["one family each", "PROXY TCP6 2001:db8::7 198.51.100.1 1 443\r\n"],
    ["two double colons", "PROXY TCP6 2001::db8::7 2001:db8::1 1 443\r\n"],
    ["a zone", "PROXY TCP6 fe80::1%lo 2001:db8::1 1 443\r\n"],
    [
      "a port with a leading zero",
      "PROXY TCP4 192.0.2.7 198.51.100.1 080 443\r\n",
    ],
    ["a port above 65535", "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n"],
    ["a port with a sign", "PROXY TCP4 192.0.2.7 198.51.100.1 +80 443\r\n"],
    [
      "a bare line feed",
      "PROXY TCP4 192.0.2.7 198.51.100.1 1 443\nGET / HTTP/1.1\r\n",
    ],
    ["a bare line feed after UNKNOWN", "PROXY UNKNOWN\nGET / HTTP/1.1\r\n"],
    ["a line feed among what is ignored", "PROXY UNKNOWN a\nb\r\n"],
    ["a bare carriage return", "PROXY UNKNOWN\rX\r\n"],
  ].map(([name = "", bytes = ""]): ProxyHeaderVector => ({
    name,
    bytes,
    expect: "bad-line",
  })),
];

/** Version 2: a block of bytes. */
const BLOCKS: readonly ProxyHeaderVector[] = [
  { name: "TCP over IPv4", bytes: block("\x21\x11", V4_BLOCK), expect: V4 },
  { name: "TCP over IPv6", bytes: block("\x21\x21", V6_BLOCK), expect: V6 },
  { name: "UDP over IPv4", bytes: block("\x21\x12", V4_BLOCK), expect: V4 },
  { name: "UDP over IPv6", bytes: block("\x21\x22", V6_BLOCK), expect: V6 },
  {
    name: "a Unix socket",
    bytes: block("\x21\x31", "/run/a".padEnd(108, "\0").repeat(2)),
    expect: "own",
  },
  { name: "an unspecified family", bytes: block("\x21\x00"), expect: "own" },
  {
    name: "an unspecified family with a content",
    bytes: block("\x21\x00", "anything"),
    expect: "own",
  },
  { name: "LOCAL", bytes: block("\x20\x00"), expect: "own" },
  {
    name: "LOCAL with a family and a content, which are discarded",
    bytes: block("\x20\xff", "anything"),
    expect: "own",
  },
  {
    name: "TLVs behind the addresses",
    bytes: block("\x21\x11", `${V4_BLOCK}\x04\x00\x02\0\0\xea\x00\x03abc`),
    expect: V4,
  },
  {
    name: "a checksum",
    // Of all bytes of this header with the four of the sum as zeros.
    bytes: block("\x21\x11", `${V4_BLOCK}\x03\x00\x04\x54\x8e\x28\xff`),
    expect: V4,
  },
  {
    name: "a wrong checksum",
    bytes: block("\x21\x11", `${V4_BLOCK}\x03\x00\x04\x54\x8e\x28\xfe`),
    expect: "bad-checksum",
  },
  {
    name: "a checksum of three bytes",
    bytes: block("\x21\x11", `${V4_BLOCK}\x03\x00\x03\0\0\0`),
    expect: "bad-checksum",
  },
  {
    name: "two checksums",
    bytes: block("\x21\x11", `${V4_BLOCK}${"\x03\x00\x04\0\0\0\0".repeat(2)}`),
    expect: "bad-checksum",
  },
  {
    name: "the longest",
    bytes: block("\x21\x11", `${V4_BLOCK}\x04\x0f\xe1${"\0".repeat(4065)}`),
    expect: V4,
  },
  {
    name: "a byte more than the longest",
    bytes: block("\x21\x11", V4_BLOCK, 4081),
    expect: "too-long",
  },
  {
    name: "version 1",
    bytes: block("\x11\x11", V4_BLOCK),
    expect: "bad-version",
  },
  {
    name: "version 3",
    bytes: block("\x31\x11", V4_BLOCK),
    expect: "bad-version",
  },
  {
    name: "command 2",
    bytes: block("\x22\x11", V4_BLOCK),
    expect: "bad-command",
  },
  {
    name: "an unknown family",
    bytes: block("\x21\x41", V4_BLOCK),
    expect: "bad-family",
  },
  {
    name: "an unknown transport",
    bytes: block("\x21\x13", V4_BLOCK),
    expect: "bad-family",
  },
  {
    name: "a family without transport",
    bytes: block("\x21\x10", V4_BLOCK),
    expect: "bad-family",
  },
  {
    name: "too short for IPv4",
    bytes: block("\x21\x11", V4_BLOCK, 11),
    expect: "bad-length",
  },
  {
    name: "too short for IPv6",
    bytes: block("\x21\x21", V6_BLOCK, 35),
    expect: "bad-length",
  },
  {
    name: "too short for a Unix socket",
    bytes: block("\x21\x31", "", 215),
    expect: "bad-length",
  },
  {
    name: "a TLV without length",
    bytes: block("\x21\x11", `${V4_BLOCK}\x04\x00`),
    expect: "bad-length",
  },
  {
    name: "a TLV longer than the header",
    bytes: block("\x21\x11", `${V4_BLOCK}\x04\x00\x02\0`),
    expect: "bad-length",
  },
];

const OTHERS: readonly ProxyHeaderVector[] = [
  "GET / HTTP/1.1\r\n",
  "proxy TCP4 ",
  "PROXY\tTCP4",
  "PROXYTCP4",
  "PROXY\r\n",
  "\r\nPROXY UNKNOWN\r\n",
  "\r\n\r\n\0\r\nQUIT\r",
  "\x16\x03\x01\x02\x00\x01",
  "\0",
].map((bytes) => ({
  name: `other bytes: ${JSON.stringify(bytes)}`,
  bytes,
  expect: "bad-signature",
}));

export const PROXY_HEADERS: readonly ProxyHeaderVector[] = [
  ...LINES.map((one) => ({ ...one, name: `version 1, ${one.name}` })),
  ...BLOCKS.map((one) => ({ ...one, name: `version 2, ${one.name}` })),
  ...OTHERS,
];
