import { trimWhiteSpace } from "./white-space.ts";
import type { WireFault } from "./wire-fault.ts";

/** Longest decimal number that a double holds exactly whatever its digits. */
const MAX_LENGTH_DIGITS = 15;

/**
 * Reads a Content-Length value (RFC 9110 section 8.6: `1*DIGIT`). No sign, no
 * list, no leading zero (some parsers read octal). -1 when bad, -2 when too large.
 */
export function readContentLength(value: string): number {
  const { length } = value;
  if (length === 0) return -1;
  let bytes = 0;
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    bytes = bytes * 10 + digit;
  }
  if (length > 1 && value.charCodeAt(0) === 0x30) return -1;
  return length > MAX_LENGTH_DIGITS ? -2 : bytes;
}

/**
 * Reads a joined Transfer-Encoding value. Only `chunked`, once, without
 * parameters, is taken (RFC 9112 section 7).
 */
export function readTransferEncoding(value: string): WireFault | undefined {
  if (value === "chunked" || value.toLowerCase() === "chunked")
    return undefined;
  const codings = value
    .split(",")
    .map((coding) => trimWhiteSpace(coding).toLowerCase());
  const final = codings.at(-1);
  const isKnownMisuse =
    final !== "chunked" || codings.indexOf("chunked") !== codings.length - 1;
  // RFC 9112 section 6.3: without a final chunked the length cannot be told,
  // 400; section 6.1: a coding that is not understood before it, 501.
  return isKnownMisuse || codings.includes("")
    ? "bad-transfer-encoding"
    : "unsupported-transfer-encoding";
}
