import type { OutgoingHttpHeaders } from "node:http2";
import {
  composeRequestHead,
  type HeadLimits,
  type HeadResult,
  isHopByHop,
  type RequestHead,
  type WireFault,
} from "../http/index.ts";

/** A request as HTTP/2 brings it: names and values in turn, as received. */
export interface Http2Parts {
  readonly fields: readonly string[];
  /** END_STREAM stood on the head. */
  readonly isWhole: boolean;
}

export type Http2Head =
  | HeadResult<RequestHead>
  /** RFC 9110 section 7.4: this connection does not speak for that scheme. */
  | { readonly kind: "misdirected" };

/**
 * Reads a request head from HTTP/2 fields (RFC 9113 section 8.3.1). nghttp2 has
 * refused what is malformed by the letter; whatever it let pass is judged by
 * the parser of HTTP/1.1, whose message it becomes towards a target.
 */
export function readHttp2Head(
  parts: Http2Parts,
  limits: HeadLimits,
): Http2Head {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  for (let index = 0; index < parts.fields.length; index += 2) {
    const name = parts.fields[index] ?? "";
    const value = parts.fields[index + 1] ?? "";
    if (!name.startsWith(":")) {
      fields.push(name, value);
      continue;
    }
    // "The same pseudo-header field name MUST NOT appear more than once", and
    // none after a field.
    if (pseudo.has(name) || fields.length > 0)
      return refuse("forbidden-http2-field");
    pseudo.set(name, value);
  }
  const method = pseudo.get(":method") ?? "";
  const scheme = pseudo.get(":scheme");
  const target = pseudo.get(":path");
  if (method === "CONNECT") return refuse("bad-target");
  if (scheme === undefined || target === undefined)
    return refuse("forbidden-http2-field");
  if (scheme !== "https") return { kind: "misdirected" };
  const authority = pseudo.get(":authority");
  const result = composeRequestHead(
    {
      method,
      target,
      authority: authority === "" ? undefined : authority,
      scheme,
      fields,
      hasContent: !parts.isWhole,
    },
    limits,
  );
  if (result.kind !== "head" || !parts.isWhole) return result;
  // RFC 9113 section 8.1.1: a length that is not the length of the content.
  return result.head.framing.kind === "none"
    ? result
    : refuse("bad-content-length");
}

function refuse(code: WireFault): HeadResult<RequestHead> {
  return { kind: "reject", code, offset: 0 };
}

/**
 * The fields of an HTTP/1.1 head for HTTP/2: names in lower case, none that
 * belongs to one connection (RFC 9113 section 8.2.2). A field that stands twice
 * becomes one list, Set-Cookie apart (RFC 9110 section 5.3).
 */
export function http2Headers(text: string): OutgoingHttpHeaders {
  const headers: Record<string, string | string[]> = {};
  let at = text.indexOf("\r\n") + 2;
  for (;;) {
    const end = text.indexOf("\r\n", at);
    if (end <= at) return headers; // the empty line, or the end
    const colon = text.indexOf(":", at);
    addField(
      headers,
      text.slice(at, colon).toLowerCase(),
      text.slice(colon + 1, end).trim(),
    );
    at = end + 2;
  }
}

/** Of heads of answers from the store: as many, and none longer. */
const MAX_KEPT = 256;
const MAX_KEPT_CHARACTERS = 2048;

const storedHeaders = new Map<string, OutgoingHttpHeaders>();

/**
 * The whole head of an answer from the store, `:status` included. It is the same
 * for everybody within a second; Node copies what it is given.
 */
export function storedHttp2Headers(text: string): OutgoingHttpHeaders {
  let headers = storedHeaders.get(text);
  if (headers !== undefined) return headers;
  headers = { ":status": statusOf(text), ...http2Headers(text) };
  if (text.length > MAX_KEPT_CHARACTERS) return headers;
  if (storedHeaders.size >= MAX_KEPT) storedHeaders.clear();
  storedHeaders.set(text, headers);
  return headers;
}

function addField(
  headers: Record<string, string | string[]>,
  name: string,
  value: string,
): void {
  if (isHopByHop(name)) return;
  if (name === "set-cookie") {
    const earlier = headers[name];
    headers[name] = Array.isArray(earlier) ? [...earlier, value] : [value];
    return;
  }
  const earlier = headers[name];
  headers[name] =
    earlier === undefined ? value : `${String(earlier)}, ${value}`;
}

/** The status of a head that we wrote or checked. */
export function statusOf(text: string): number {
  return Number(text.slice(9, 12));
}
