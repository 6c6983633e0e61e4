import { authorityText, parseAuthority } from "./authority.ts";
import { isToken } from "./characters.ts";
import {
  type ConnectionOptions,
  readConnectionOptions,
} from "./connection-options.ts";
import {
  CHUNKED,
  type FieldList,
  type Framing,
  NO_CONTENT,
} from "./head-result.ts";
import { splitPlain } from "./fields.ts";
import { type FieldId, type IdOf } from "./known-field.ts";
import { readContentLength, readTransferEncoding } from "./message-length.ts";
import type { WireFault } from "./wire-fault.ts";

/** RFC 9112 section 3.2. */
export type TargetForm = "origin" | "absolute" | "authority" | "asterisk";

/**
 * The head of a request, checked. What is `undefined` was not sent; a list field
 * sent twice is joined with ", " (RFC 9110 section 5.3), Cookie with "; ".
 */
export interface RequestHead {
  /** Case-sensitive. */
  readonly method: string;
  /** As received. */
  readonly target: string;
  readonly form: TargetForm;
  /** Path without query; begins with "/", or is "*", or is empty with CONNECT. Not decoded. */
  readonly path: string;
  /** Query with its "?", or empty. */
  readonly query: string;
  readonly minorVersion: 0 | 1;
  /** Every field line, as received and in order. */
  readonly fields: FieldList;
  /** For each field line its id in the table of known fields; 0 for others. */
  readonly ids: readonly FieldId[];
  /**
   * The head as text, empty when it was not read from bytes, and where in it each
   * field line begins: runs of lines can be passed on as they came.
   */
  readonly text: string;
  readonly starts: readonly number[];
  /** Authority of the target, lower case, without port 80 (443 when the target says https); empty only in HTTP/1.0. */
  readonly host: string;
  /** The same without any port; an IPv6 address keeps its brackets. */
  readonly hostname: string;
  /** Host as received; undefined in HTTP/1.0 only, where the target may still name a host. */
  readonly hostField: string | undefined;
  readonly framing: Framing;
  /** Whether the client keeps the connection after this exchange (RFC 9112 section 9.3). */
  readonly keepAlive: boolean;
  readonly expectContinue: boolean;
  /**
   * Protocols asked for, when Connection has `upgrade` too, the version is 1.1
   * and no content is announced; h2c left out.
   */
  readonly upgrade: string | undefined;
  /** Other fields that Connection names, in lower case, known hop-by-hop fields left out. */
  readonly connectionOptions: readonly string[];

  readonly acceptEncoding: string | undefined;
  readonly authorization: string | undefined;
  readonly cacheControl: string | undefined;
  readonly contentType: string | undefined;
  readonly cookie: string | undefined;
  readonly forwarded: string | undefined;
  readonly ifMatch: string | undefined;
  readonly ifModifiedSince: string | undefined;
  readonly ifNoneMatch: string | undefined;
  readonly ifRange: string | undefined;
  readonly ifUnmodifiedSince: string | undefined;
  readonly maxForwards: string | undefined;
  readonly pragma: string | undefined;
  readonly range: string | undefined;
  readonly te: string | undefined;
  readonly via: string | undefined;
  readonly xForwardedFor: string | undefined;
}

const NO_OPTIONS: readonly string[] = Object.freeze([]);

// Literals, so that the switch below is a jump; the compiler holds each of
// them against the table.
const HOST: IdOf<"host"> = 1;
const CONNECTION: IdOf<"connection"> = 2;
const CONTENT_LENGTH: IdOf<"content-length"> = 3;
const TRANSFER_ENCODING: IdOf<"transfer-encoding"> = 4;
const EXPECT: IdOf<"expect"> = 5;
const UPGRADE: IdOf<"upgrade"> = 6;
const TE: IdOf<"te"> = 7;
const RANGE: IdOf<"range"> = 8;
const IF_RANGE: IdOf<"if-range"> = 9;
const IF_MATCH: IdOf<"if-match"> = 10;
const IF_NONE_MATCH: IdOf<"if-none-match"> = 11;
const IF_MODIFIED_SINCE: IdOf<"if-modified-since"> = 12;
const IF_UNMODIFIED_SINCE: IdOf<"if-unmodified-since"> = 13;
const COOKIE: IdOf<"cookie"> = 14;
const AUTHORIZATION: IdOf<"authorization"> = 15;
const CACHE_CONTROL: IdOf<"cache-control"> = 16;
const ACCEPT_ENCODING: IdOf<"accept-encoding"> = 17;
const PRAGMA: IdOf<"pragma"> = 18;
const CONTENT_TYPE: IdOf<"content-type"> = 19;
const MAX_FORWARDS: IdOf<"max-forwards"> = 20;
const VIA: IdOf<"via"> = 21;
const FORWARDED: IdOf<"forwarded"> = 22;
const X_FORWARDED_FOR: IdOf<"x-forwarded-for"> = 23;

function joined(earlier: string | undefined, value: string): string {
  return earlier === undefined ? value : `${earlier}, ${value}`;
}

/**
 * A request head while it is being read. Every instance has one shape: all
 * properties are set by the initialisers, in one order.
 */
export class MutableRequestHead implements RequestHead {
  method = "";
  target = "";
  form: TargetForm = "origin";
  path = "";
  query = "";
  minorVersion: 0 | 1 = 1;
  fields: string[] = [];
  ids: number[] = [];
  text = "";
  starts: number[] = [];
  host = "";
  hostname = "";
  hostField: string | undefined = undefined;
  framing: Framing = NO_CONTENT;
  keepAlive = true;
  expectContinue = false;
  upgrade: string | undefined = undefined;
  connectionOptions: readonly string[] = NO_OPTIONS;

  acceptEncoding: string | undefined = undefined;
  authorization: string | undefined = undefined;
  cacheControl: string | undefined = undefined;
  contentType: string | undefined = undefined;
  cookie: string | undefined = undefined;
  forwarded: string | undefined = undefined;
  ifMatch: string | undefined = undefined;
  ifModifiedSince: string | undefined = undefined;
  ifNoneMatch: string | undefined = undefined;
  ifRange: string | undefined = undefined;
  ifUnmodifiedSince: string | undefined = undefined;
  maxForwards: string | undefined = undefined;
  pragma: string | undefined = undefined;
  range: string | undefined = undefined;
  te: string | undefined = undefined;
  via: string | undefined = undefined;
  xForwardedFor: string | undefined = undefined;

  /** Raw values that are read when the head is whole. */
  connection: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  expect: string | undefined = undefined;
  upgradeField: string | undefined = undefined;
  /** Authority of an absolute or authority target. */
  targetAuthority: string | undefined = undefined;
  scheme = "http";
}

/** Remembers the value of a field that we know. Answers a fault when it may not stand here. */
export function rememberRequestField(
  head: MutableRequestHead,
  id: FieldId,
  value: string,
): WireFault | undefined {
  switch (id) {
    case HOST:
      if (head.hostField !== undefined) return "repeated-host";
      head.hostField = value;
      return undefined;
    case CONNECTION:
      head.connection = joined(head.connection, value);
      return undefined;
    case CONTENT_LENGTH:
      if (head.contentLength !== undefined) return "repeated-content-length";
      head.contentLength = value;
      return undefined;
    case TRANSFER_ENCODING:
      head.transferEncoding = joined(head.transferEncoding, value);
      return undefined;
    case EXPECT:
      head.expect = joined(head.expect, value);
      return undefined;
    case UPGRADE:
      head.upgradeField = joined(head.upgradeField, value);
      return undefined;
    case TE:
      head.te = joined(head.te, value);
      return undefined;
    case RANGE:
      if (head.range !== undefined) return "repeated-field";
      head.range = value;
      return undefined;
    case IF_RANGE:
      if (head.ifRange !== undefined) return "repeated-field";
      head.ifRange = value;
      return undefined;
    case IF_MATCH:
      head.ifMatch = joined(head.ifMatch, value);
      return undefined;
    case IF_NONE_MATCH:
      head.ifNoneMatch = joined(head.ifNoneMatch, value);
      return undefined;
    case IF_MODIFIED_SINCE:
      if (head.ifModifiedSince !== undefined) return "repeated-field";
      head.ifModifiedSince = value;
      return undefined;
    case IF_UNMODIFIED_SINCE:
      if (head.ifUnmodifiedSince !== undefined) return "repeated-field";
      head.ifUnmodifiedSince = value;
      return undefined;
    case COOKIE:
      head.cookie =
        head.cookie === undefined ? value : `${head.cookie}; ${value}`;
      return undefined;
    case AUTHORIZATION:
      if (head.authorization !== undefined) return "repeated-field";
      head.authorization = value;
      return undefined;
    case CACHE_CONTROL:
      head.cacheControl = joined(head.cacheControl, value);
      return undefined;
    case ACCEPT_ENCODING:
      head.acceptEncoding = joined(head.acceptEncoding, value);
      return undefined;
    case PRAGMA:
      head.pragma = joined(head.pragma, value);
      return undefined;
    case CONTENT_TYPE:
      if (head.contentType !== undefined) return "repeated-field";
      head.contentType = value;
      return undefined;
    case MAX_FORWARDS:
      if (head.maxForwards !== undefined) return "repeated-field";
      head.maxForwards = value;
      return undefined;
    case VIA:
      head.via = joined(head.via, value);
      return undefined;
    case FORWARDED:
      head.forwarded = joined(head.forwarded, value);
      return undefined;
    case X_FORWARDED_FOR:
      head.xForwardedFor = joined(head.xForwardedFor, value);
      return undefined;
    default:
      return undefined;
  }
}

/** Works out host, framing and connection once all fields are in. */
export function completeRequestHead(
  head: MutableRequestHead,
): WireFault | undefined {
  const fault = readHost(head) ?? readFraming(head);
  if (fault !== undefined) return fault;
  if (head.minorVersion === 0) head.keepAlive = false;
  if (head.connection !== undefined) {
    const options = readConnectionOptions(head.connection);
    if (options === undefined) return "bad-connection";
    const refused = applyConnection(head, options);
    if (refused !== undefined) return refused;
  }
  // RFC 9110 section 10.1.1: an HTTP/1.0 expectation is ignored.
  if (head.expect !== undefined && head.minorVersion === 1) {
    if (head.expect.toLowerCase() !== "100-continue")
      return "expectation-failed";
    head.expectContinue = true;
  }
  return undefined;
}

function applyConnection(
  head: MutableRequestHead,
  options: ConnectionOptions,
): WireFault | undefined {
  if (options.guarded) return "forbidden-connection-option";
  if (options.close) head.keepAlive = false;
  else if (options.keepAlive) head.keepAlive = true;
  head.connectionOptions = options.others;
  return options.upgrade ? readUpgrade(head) : undefined;
}

/**
 * RFC 9110 section 7.8 lets a server ignore Upgrade, and has it ignored in HTTP/1.0.
 * Ignored here, too: an upgrade with content, after whose head some parsers read
 * the new protocol at once; and h2c, which RFC 9113 section 3.1 withdrew and by
 * which requests have passed proxies unread.
 */
function readUpgrade(head: MutableRequestHead): WireFault | undefined {
  const { upgradeField, framing, minorVersion } = head;
  if (upgradeField === undefined) return undefined;
  const protocols = splitPlain(upgradeField);
  for (const protocol of protocols) {
    const parts = protocol.split("/");
    if (parts.length > 2 || !parts.every(isToken)) return "bad-upgrade";
  }
  if (minorVersion === 0 || framing.kind !== "none") return undefined;
  const kept = protocols.filter((name) => name.toLowerCase() !== "h2c");
  if (kept.length > 0) head.upgrade = kept.join(", ");
  return undefined;
}

function readHost(head: MutableRequestHead): WireFault | undefined {
  const field = head.hostField;
  const fromTarget = head.targetAuthority;
  if (field === undefined) {
    // RFC 9112 section 3.2: "A server MUST respond with a 400 status code to
    // any HTTP/1.1 request message that lacks a Host header field".
    if (head.minorVersion === 1) return "missing-host";
    return fromTarget === undefined ? undefined : setHost(head, fromTarget);
  }
  const fault = setHost(head, field);
  if (fault !== undefined || fromTarget === undefined) return fault;
  const { host } = head;
  const targetFault = setHost(head, fromTarget);
  if (targetFault !== undefined) return "bad-target";
  // RFC 9112 section 3.2.2 lets the target win; the client MUST have made both
  // identical, and whoever reads the other one reads another request.
  return head.host === host ? undefined : "host-mismatch";
}

/*
 * Most requests are for the host of the last one: what was made of it is
 * remembered, and its strings, whose hashes are known by then.
 */
let lastText = "";
let lastScheme = "";
let lastHost = "";
let lastHostname = "";

function setHost(
  head: MutableRequestHead,
  text: string,
): WireFault | undefined {
  if (text !== lastText || head.scheme !== lastScheme) {
    const authority = parseAuthority(text);
    if (authority === undefined) return "bad-host";
    lastText = text;
    lastScheme = head.scheme;
    lastHostname = authority.hostname;
    lastHost =
      authority.port === 0
        ? authority.hostname
        : authorityText(authority, head.scheme);
  }
  head.hostname = lastHostname;
  head.host = lastHost;
  return undefined;
}

function readFraming(head: MutableRequestHead): WireFault | undefined {
  if (head.transferEncoding !== undefined) {
    // RFC 9112 section 6.1: "MUST treat the message as if the framing is faulty".
    if (head.minorVersion === 0) return "transfer-encoding-in-http10";
    if (head.contentLength !== undefined)
      return "length-with-transfer-encoding";
    const fault = readTransferEncoding(head.transferEncoding);
    if (fault !== undefined) return fault;
    head.framing = CHUNKED;
    return undefined;
  }
  if (head.contentLength === undefined) return undefined;
  const bytes = readContentLength(head.contentLength);
  if (bytes < 0)
    return bytes === -1 ? "bad-content-length" : "length-too-large";
  // RFC 9112 section 6.3: a length of zero delimits as well as none.
  head.framing = bytes === 0 ? NO_CONTENT : { kind: "length", bytes };
  return undefined;
}
