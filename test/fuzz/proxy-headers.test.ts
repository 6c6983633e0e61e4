import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import {
  MAX_PROXY_HEADER_BYTES,
  parseProxyHeader,
  type ProxyHeaderResult,
} from "../../src/http/index.ts";
import { PROXY_HEADERS } from "../vectors/http/proxy-headers.ts";
import { Random, seedFromEnvironment } from "./http-random.ts";

const soakSeconds = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? "0");
const durationMs = soakSeconds > 0 ? soakSeconds * 1000 : 2000;

/** What a header says, to be compared: its length, and the ends if it names some. */
type Said =
  | {
      readonly size: number;
      readonly from?: string;
      readonly to?: string;
      readonly ports?: string;
    }
  | undefined;

const LINE =
  /^PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP([46]) ([^ \r\n]+) ([^ \r\n]+) (0|[1-9][0-9]{0,4}) (0|[1-9][0-9]{0,4}))\r\n/;

/** The same text of the standard, read by other means and only as a whole. */
function reference(bytes: Buffer): Said {
  const text = bytes.toString("latin1");
  return text.startsWith("P") ? referenceLine(text) : referenceBlock(bytes);
}

function referenceLine(text: string): Said {
  const match = LINE.exec(text);
  if (match === null || match[0].length > 107) return undefined;
  const size = match[0].length;
  const [, family, from = "", to = "", fromPort = "", toPort = ""] = match;
  if (family === undefined) return { size };
  const isAddress = family === "4" ? isIPv4 : isIPv6;
  const isSound =
    [from, to].every((one) => isAddress(one) && !one.includes("%")) &&
    [fromPort, toPort].every((one) => Number(one) < 65_536);
  return isSound
    ? { size, from, to, ports: `${fromPort} ${toPort}` }
    : undefined;
}

function referenceBlock(bytes: Buffer): Said {
  const hex = bytes.toString("hex");
  const match = /^0d0a0d0a000d0a515549540a2([01])(..)(....)/.exec(hex);
  if (match === null) return undefined;
  const [, command, family = "", length = ""] = match;
  const size = 16 + Number.parseInt(length, 16);
  if (size > bytes.length || size > MAX_PROXY_HEADER_BYTES) return undefined;
  if (command === "0") return { size };
  const content = hex.slice(32, size * 2);
  if (family === "00") return { size };
  if (!/^[123][12]$/.test(family)) return undefined;
  const kind = Number(family[0]);
  const addressDigits = [0, 24, 72, 432][kind] ?? 0;
  if (content.length < addressDigits) return undefined;
  if (!areTlvs(content.slice(addressDigits), bytes.subarray(0, size)))
    return undefined;
  if (kind === 3) return { size };
  const wide = kind === 1 ? 8 : 32;
  const at = (index: number, digits: number) =>
    content.slice(index, index + digits);
  const port = (index: number) => Number.parseInt(at(index, 4), 16);
  return {
    size,
    from: at(0, wide),
    to: at(wide, wide),
    ports: `${port(wide * 2)} ${port(wide * 2 + 4)}`,
  };
}

function areTlvs(digits: string, header: Buffer): boolean {
  let rest = digits;
  let sums = 0;
  while (rest !== "") {
    if (rest.length < 6) return false;
    const end = 6 + Number.parseInt(rest.slice(2, 6), 16) * 2;
    if (rest.length < end) return false;
    if (rest.startsWith("03")) {
      sums += 1;
      const before = header.subarray(0, header.length - rest.length / 2 + 3);
      const after = header.subarray(before.length + 4);
      const zeroed = Buffer.concat([before, Buffer.alloc(4), after]);
      if (
        end !== 14 ||
        Number.parseInt(rest.slice(6, 14), 16) !== sumOf(zeroed)
      )
        return false;
    }
    rest = rest.slice(end);
  }
  return sums <= 1;
}

/** CRC-32C bit by bit. */
function sumOf(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++)
      sum = (sum & 1) === 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
  }
  return ~sum >>> 0;
}

function saidBy(result: ProxyHeaderResult): Said {
  if (result.kind !== "header") return undefined;
  const { size, ends } = result;
  if (ends === undefined) return { size };
  const { source, destination } = ends;
  return {
    size,
    from: source.address,
    to: destination.address,
    ports: `${source.port} ${destination.port}`,
  };
}

/** As the reference has an address of version 2: hexadecimal digits. */
function digitsOf(address: string): string {
  if (isIPv4(address))
    return Buffer.from(address.split(".").map(Number)).toString("hex");
  const tail = /[0-9.]+$/.exec(address)?.[0] ?? "";
  const plain = isIPv4(tail)
    ? address.slice(0, -tail.length) + digitsOf(tail).replace(/^(....)/, "$1:")
    : address;
  const [left = "", right] = plain.split("::");
  const groups = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => group.padStart(4, "0"));
  const [before, after] = [groups(left), groups(right ?? "")];
  return [
    ...before,
    ..."0000 "
      .repeat(8 - before.length - after.length)
      .split(" ")
      .slice(0, -1),
    ...after,
  ].join("");
}

const PIECES = [
  "\r\n",
  "\r",
  "\n",
  " ",
  "\0",
  "0",
  "9",
  ".",
  ":",
  "PROXY ",
  "TCP4",
  "TCP6",
  "UNKNOWN",
  "\x21",
  "\x11",
  "\x03\x00\x04",
  "\xff",
];

function mutated(random: Random): Buffer {
  let text = random.pick(PROXY_HEADERS).bytes.slice(0, 600);
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(text.length + 1);
    const tail = text.slice(at + random.below(3));
    const middle = random.once(3)
      ? String.fromCharCode(random.below(256))
      : random.once(6)
        ? random.pick(PROXY_HEADERS).bytes.slice(random.below(40))
        : random.once(2)
          ? ""
          : random.pick(PIECES);
    text = text.slice(0, at) + middle + tail;
  }
  return Buffer.from(`${text}GET / HTTP/1.1\r\n`, "latin1");
}

/** As the bytes come in steps, all of them from the beginning each time. */
function readInSteps(random: Random, bytes: Buffer): ProxyHeaderResult {
  for (let end = 0; ;) {
    end = Math.min(bytes.length, end + 1 + random.below(40));
    const result = parseProxyHeader(bytes, 0, end);
    if (result.kind !== "incomplete" || end === bytes.length) return result;
  }
}

test("parseProxyHeader() reads mutated headers as the standard's text does, however they come", (t) => {
  const seed = seedFromEnvironment();
  const random = new Random(seed);
  const endMs = performance.now() + durationMs;
  let headers = 0;
  let accepted = 0;
  while (performance.now() < endMs)
    for (let count = 0; count < 200; count++) {
      const bytes = mutated(random);
      const what = `ZOOGATE_SEED=${seed}: ${JSON.stringify(bytes.toString("latin1"))}`;
      const whole = parseProxyHeader(bytes, 0, bytes.length);
      assert.deepEqual(readInSteps(random, bytes), whole, what);
      const ours = saidBy(whole);
      const theirs = reference(bytes);
      const isBlock = bytes[0] === 0x0d;
      assert.deepEqual(
        ours?.from === undefined || !isBlock
          ? ours
          : { ...ours, from: digitsOf(ours.from), to: digitsOf(ours.to ?? "") },
        theirs,
        what,
      );
      headers += 1;
      if (ours !== undefined) accepted += 1;
    }
  t.diagnostic(`${headers} headers, ${accepted} of them good, seed ${seed}`);
  assert.ok(accepted > 0 && accepted < headers);
});
