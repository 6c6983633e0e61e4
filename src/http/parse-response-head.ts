import { FIELD_VALUE } from "./characters.ts";
import { dissectFieldLines, type HeadText } from "./field-lines.ts";
import { findHeadEnd } from "./head-end.ts";
import { type HeadResult, INCOMPLETE, reject } from "./head-result.ts";
import { latin1Text } from "./latin1.ts";
import type { HeadLimits } from "./options.ts";
import { isHttpName } from "./request-line.ts";
import {
  completeResponseHead,
  MutableResponseHead,
  type ResponseHead,
} from "./response-head.ts";
import type { WireFault } from "./wire-fault.ts";

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;

/** `HTTP/1.1 200`. */
const STATUS_END = 12;

/**
 * Reads one response head from `bytes[start..end)`, with the framing that
 * follows from the method of its request. Interim answers (1xx) are answered
 * like any other: the caller goes on reading. Keeps no reference to `bytes`.
 */
// oxlint-disable-next-line max-params -- a hot path: no object for a call
export function parseResponseHead(
  bytes: Buffer,
  start: number,
  end: number,
  limits: HeadLimits,
  requestMethod: string,
): HeadResult<ResponseHead> {
  const to = Math.min(end, start + limits.maxHeadBytes);
  const headEnd = findHeadEnd(bytes, start, to);
  if (headEnd < 0) {
    const fault = earlyResponseFault(bytes, start, to, limits);
    return fault === undefined ? INCOMPLETE : reject(fault, 0);
  }
  const head = new MutableResponseHead();
  const source = {
    bytes,
    start,
    text: latin1Text(bytes, start, headEnd),
  };
  head.text = source.text;
  const lineFault = readStatusLine(head, source);
  if (lineFault !== undefined) return reject(lineFault, 0);

  const lineEnd = bytes.indexOf(LF, start) + 1;
  const lines = dissectFieldLines(head, source, lineEnd, limits);
  if (lines.code !== undefined) return reject(lines.code, lines.at - start);
  const fault = completeResponseHead(head, requestMethod);
  if (fault !== undefined) return reject(fault, lines.at - start);
  return { kind: "head", head, size: lines.at - start };
}

/**
 * RFC 9112 section 4. The space after the status may be missing together with
 * the reason: many servers leave both out, and nothing can be read into it.
 */
function readStatusLine(
  head: MutableResponseHead,
  source: HeadText,
): WireFault | undefined {
  const { bytes, start, text } = source;
  const fault = readVersionAndStatus(head, bytes, start);
  if (fault !== undefined) return fault;
  let at = start + STATUS_END;
  if (bytes[at] === SPACE) {
    const from = ++at;
    while (FIELD_VALUE[bytes[at] ?? 0] === 1) at++;
    head.reason = text.substring(from - start, at - start);
  }
  if (bytes[at] === LF) return "bare-lf";
  if (bytes[at] !== CR) return "bad-status-line";
  return bytes[at + 1] === LF ? undefined : "bare-cr";
}

function readVersionAndStatus(
  head: MutableResponseHead,
  bytes: Buffer,
  at: number,
): WireFault | undefined {
  if (!isHttpName(bytes, at) || bytes[at + 6] !== 0x2e) return "bad-version";
  const minor = bytes[at + 7];
  if (bytes[at + 5] !== 0x31 || (minor !== 0x30 && minor !== 0x31))
    return "version-not-supported";
  if (bytes[at + 8] !== SPACE) return "bad-status-line";
  head.minorVersion = minor === 0x31 ? 1 : 0;
  let status = 0;
  for (let i = 9; i < STATUS_END; i++) {
    const digit = (bytes[at + i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return "bad-status";
    status = status * 10 + digit;
  }
  // RFC 9110 section 15: "Values outside the range 100..599 are invalid."
  if (status < 100 || status > 599) return "bad-status";
  head.status = status;
  return undefined;
}

function earlyResponseFault(
  bytes: Buffer,
  start: number,
  to: number,
  limits: HeadLimits,
): WireFault | undefined {
  const length = to - start;
  if (length >= limits.maxHeadBytes) return "head-too-large";
  if (length >= STATUS_END) {
    const probe = new MutableResponseHead();
    const fault = readVersionAndStatus(probe, bytes, start);
    if (fault !== undefined) return fault;
  }
  const lineEnd = bytes.subarray(start, to).indexOf(LF);
  return lineEnd >= 0 && bytes[start + lineEnd - 1] !== CR
    ? "bare-lf"
    : undefined;
}
