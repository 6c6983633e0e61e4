import { authorityText, parseAuthority } from "./authority.ts";
import { isFieldValue, isToken } from "./characters.ts";
import { isFieldName } from "./fields.ts";
import { type FieldList, type HeadResult, reject } from "./head-result.ts";
import { fieldIdOf, isHopByHopId } from "./known-field.ts";
import { DEFAULT_HEAD_LIMITS, type HeadLimits } from "./options.ts";
import { parseRequestHead } from "./parse-request-head.ts";
import type { RequestHead } from "./request-head.ts";
import type { WireFault } from "./wire-fault.ts";

/** A request that did not come as HTTP/1.1 bytes: HTTP/2, a health check, a test. */
export interface RequestParts {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Host and port; wins over, and must agree with, a Host field. */
  readonly authority?: string | undefined;
  readonly scheme?: "http" | "https";
  /** Without pseudo-fields; names in lower case when they come from HTTP/2. */
  readonly fields?: FieldList;
  /** Whether content may follow: HTTP/2 needs no length for it, HTTP/1.1 gets chunks. */
  readonly hasContent?: boolean;
}

/**
 * Makes a request head from its parts, by the rules of RFC 9113 section 8.2 and
 * 8.3. The parts are checked, written as an HTTP/1.1 head and read by the
 * parser that all other heads pass: nothing can come in by HTTP/2 that would be
 * refused, or read as something else, in HTTP/1.1.
 */
export function composeRequestHead(
  parts: RequestParts,
  limits: HeadLimits = DEFAULT_HEAD_LIMITS,
): HeadResult<RequestHead> {
  const fields = parts.fields ?? [];
  const fault = checkParts(parts, fields);
  if (fault !== undefined) return reject(fault, 0);
  const host = hostOf(parts, fields);
  if (host.fault !== undefined) return reject(host.fault, 0);

  const cookies: string[] = [];
  let hasLength = false;
  let text = `${parts.method} ${parts.target} HTTP/1.1\r\nHost: ${host.value}\r\n`;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    const value = fields[i + 1] ?? "";
    if (isFieldName(name, "host")) continue;
    if (isFieldName(name, "content-length")) hasLength = true;
    if (isFieldName(name, "cookie")) cookies.push(value);
    else text += `${name}: ${value}\r\n`;
  }
  // RFC 9113 section 8.2.3: crumbs become one field again.
  if (cookies.length > 0) text += `cookie: ${cookies.join("; ")}\r\n`;
  if (parts.hasContent === true && !hasLength)
    text += "transfer-encoding: chunked\r\n";
  const bytes = Buffer.from(`${text}\r\n`, "latin1");
  return parseRequestHead(bytes, 0, bytes.length, limits);
}

function checkParts(
  parts: RequestParts,
  fields: FieldList,
): WireFault | undefined {
  if (!isToken(parts.method)) return "bad-method";
  if (!isTarget(parts.target)) return "bad-target";
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? "";
    const value = fields[i + 1] ?? "";
    // RFC 9113 section 8.2.1: no capitals; a colon would end the name early.
    if (!isToken(name) || name !== name.toLowerCase()) return "bad-field-name";
    if (!isFieldValue(value)) return "bad-field-value";
    // RFC 9113 section 8.2.2: no connection-specific fields; TE says "trailers" or nothing.
    if (name === "te" ? value !== "trailers" : isHopByHopId(fieldIdOf(name)))
      return "forbidden-http2-field";
  }
  return undefined;
}

/** What the parser would not notice: white space would move the rest of the line. */
function isTarget(target: string): boolean {
  for (let i = 0; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code <= 0x20 || code >= 0x7f) return false;
  }
  return target.startsWith("/") || target === "*";
}

function hostOf(
  parts: RequestParts,
  fields: FieldList,
):
  | { readonly value: string; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: WireFault } {
  const scheme = parts.scheme ?? "http";
  let host = parts.authority;
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] !== "host") continue;
    const value = fields[i + 1] ?? "";
    if (host !== undefined && normal(host, scheme) !== normal(value, scheme))
      return { fault: "host-mismatch" };
    host ??= value;
  }
  if (host === undefined) return { fault: "missing-host" };
  const value = normal(host, scheme);
  return value === undefined ? { fault: "bad-host" } : { value };
}

function normal(host: string, scheme: string): string | undefined {
  const authority = parseAuthority(host);
  return authority === undefined ? undefined : authorityText(authority, scheme);
}
