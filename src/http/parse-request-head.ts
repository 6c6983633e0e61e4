import { TOKEN } from "./characters.ts";
import { dissectFieldLines } from "./field-lines.ts";
import { findHeadEnd } from "./head-end.ts";
import { type HeadResult, INCOMPLETE, reject } from "./head-result.ts";
import { latin1Text } from "./latin1.ts";
import type { HeadLimits } from "./options.ts";
import {
  completeRequestHead,
  MutableRequestHead,
  type RequestHead,
} from "./request-head.ts";
import type { WireFault } from "./wire-fault.ts";
import {
  MAX_METHOD_BYTES,
  requestLineFault,
  RequestLineReader,
} from "./request-line.ts";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

/** Method, version, two spaces and CR. */
const LINE_BESIDE_TARGET_BYTES = MAX_METHOD_BYTES + 11;

/**
 * Reads one request head from `bytes[start..end)`; bytes after `end` are not
 * looked at. Consumes nothing and keeps no reference to `bytes`.
 *
 * One empty line before the request line is skipped and counted in `size`
 * (RFC 9112 section 2.2). Everything that two parsers could read differently
 * is refused.
 */
export function parseRequestHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
): HeadResult<RequestHead> {
  let first = start;
  if (bytes[first] === 0x0d && first < end) {
    if (first + 1 >= end) return INCOMPLETE;
    if (bytes[first + 1] !== 0x0a) return reject("bare-cr", 0);
    first += 2;
  }
  const to = Math.min(end, first + limits.maxHeadBytes);
  const headEnd = endsInEmptyLine(bytes, first, to)
    ? to
    : findHeadEnd(bytes, first, to);
  if (headEnd < 0) {
    const fault = earlyRequestFault(bytes, first, to, limits);
    return fault === undefined ? INCOMPLETE : reject(fault, first - start);
  }

  const head = new MutableRequestHead();
  const text = latin1Text(bytes, first, headEnd);
  const source = { bytes, start: first, text };
  const line = new RequestLineReader(source);
  const lineFault = line.read(head, limits);
  if (lineFault !== undefined) return reject(lineFault, line.at - start);

  const lines = dissectFieldLines(head, source, line.at, limits);
  if (lines.code !== undefined) return reject(lines.code, lines.at - start);
  // What looked like the end may be that of a later request, or of content.
  head.text = lines.at === headEnd ? text : text.substring(0, lines.at - first);
  const fault = completeRequestHead(head);
  if (fault !== undefined) return reject(fault, lines.at - start);
  return { kind: "head", head, size: lines.at - start };
}

/**
 * Whether the bytes are few and end in an empty line, as a request without
 * content does: then there is a head, and no need to look for its end first.
 * (Measured: 80 of 880 ns. Few, because the text of all is made for each head.)
 */
function endsInEmptyLine(bytes: Buffer, first: number, to: number): boolean {
  const length = to - first;
  return (
    length <= 2048 &&
    length >= 4 &&
    bytes[to - 1] === LF &&
    bytes[to - 2] === CR &&
    bytes[to - 3] === LF &&
    bytes[to - 4] === CR
  );
}

/** What is wrong with a head that has no end yet, as far as it shows cheaply. */
function earlyRequestFault(
  bytes: Buffer,
  first: number,
  to: number,
  limits: HeadLimits,
): WireFault | undefined {
  const length = to - first;
  const lineEnd = bytes.subarray(first, to).indexOf(LF);
  if (lineEnd >= 0 && bytes[first + lineEnd - 1] !== CR) return "bare-lf";
  if (lineEnd < 0 && length > limits.maxTargetBytes + LINE_BESIDE_TARGET_BYTES)
    return "target-too-long";
  if (length >= limits.maxHeadBytes) return "head-too-large";
  let at = first;
  while (at < to && (TOKEN[bytes[at] ?? 0] ?? 0) !== 0) at++;
  if (at - first > MAX_METHOD_BYTES) return "method-too-long";
  if (at < to && (at === first || bytes[at] !== SPACE))
    return requestLineFault(bytes[at] ?? 0, "bad-method");
  return undefined;
}
