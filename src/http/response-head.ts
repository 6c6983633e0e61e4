import { readConnectionOptions } from "./connection-options.ts";
import {
  CHUNKED,
  type FieldList,
  type Framing,
  NO_CONTENT,
  UNTIL_CLOSE,
} from "./head-result.ts";
import { type FieldId, type IdOf } from "./known-field.ts";
import { readContentLength, readTransferEncoding } from "./message-length.ts";
import type { WireFault } from "./wire-fault.ts";

/**
 * The head of a response, checked. What is `undefined` was not sent; a list
 * field sent twice is joined with ", ".
 */
export interface ResponseHead {
  /** 100 to 599. */
  readonly status: number;
  readonly reason: string;
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
  /** Of the content that follows, given the method of the request. */
  readonly framing: Framing;
  /**
   * Content-Length as sent, -1 without one; with HEAD or 304 the length of a
   * content that does not follow.
   */
  readonly contentLength: number;
  /** Whether the connection can carry another exchange after this one. */
  readonly keepAlive: boolean;
  /** Protocol switched to; with status 101 only. */
  readonly upgrade: string | undefined;
  /** Other fields that Connection names, in lower case, hop-by-hop and guarded fields left out. */
  readonly connectionOptions: readonly string[];

  readonly age: string | undefined;
  readonly cacheControl: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly contentRange: string | undefined;
  readonly contentType: string | undefined;
  readonly date: string | undefined;
  readonly etag: string | undefined;
  readonly expires: string | undefined;
  readonly hasSetCookie: boolean;
  readonly lastModified: string | undefined;
  readonly location: string | undefined;
  readonly pragma: string | undefined;
  /** `Zoogate-Release`: the release that answered. */
  readonly release: string | undefined;
  /** `Zoogate-Cache-Control` (RFC 9213). */
  readonly targetedCacheControl: string | undefined;
  readonly trailer: string | undefined;
  readonly vary: string | undefined;
  readonly via: string | undefined;
}

const NO_OPTIONS: readonly string[] = Object.freeze([]);

const CONNECTION: IdOf<"connection"> = 2;
const CONTENT_LENGTH: IdOf<"content-length"> = 3;
const TRANSFER_ENCODING: IdOf<"transfer-encoding"> = 4;
const UPGRADE: IdOf<"upgrade"> = 6;
const CACHE_CONTROL: IdOf<"cache-control"> = 16;
const PRAGMA: IdOf<"pragma"> = 18;
const CONTENT_TYPE: IdOf<"content-type"> = 19;
const VIA: IdOf<"via"> = 21;
const TRAILER: IdOf<"trailer"> = 31;
const DATE: IdOf<"date"> = 33;
const AGE: IdOf<"age"> = 34;
const EXPIRES: IdOf<"expires"> = 35;
const LAST_MODIFIED: IdOf<"last-modified"> = 36;
const ETAG: IdOf<"etag"> = 37;
const VARY: IdOf<"vary"> = 38;
const SET_COOKIE: IdOf<"set-cookie"> = 39;
const CONTENT_ENCODING: IdOf<"content-encoding"> = 40;
const CONTENT_RANGE: IdOf<"content-range"> = 41;
const LOCATION: IdOf<"location"> = 42;
const ZOOGATE_CACHE_CONTROL: IdOf<"zoogate-cache-control"> = 46;
const ZOOGATE_RELEASE: IdOf<"zoogate-release"> = 47;

function joined(earlier: string | undefined, value: string): string {
  return earlier === undefined ? value : `${earlier}, ${value}`;
}

/** A response head while it is being read; one shape, like the request's. */
export class MutableResponseHead implements ResponseHead {
  status = 0;
  reason = "";
  minorVersion: 0 | 1 = 1;
  fields: string[] = [];
  ids: number[] = [];
  text = "";
  starts: number[] = [];
  framing: Framing = NO_CONTENT;
  contentLength = -1;
  keepAlive = true;
  upgrade: string | undefined = undefined;
  connectionOptions: readonly string[] = NO_OPTIONS;

  age: string | undefined = undefined;
  cacheControl: string | undefined = undefined;
  contentEncoding: string | undefined = undefined;
  contentRange: string | undefined = undefined;
  contentType: string | undefined = undefined;
  date: string | undefined = undefined;
  etag: string | undefined = undefined;
  expires: string | undefined = undefined;
  hasSetCookie = false;
  lastModified: string | undefined = undefined;
  location: string | undefined = undefined;
  pragma: string | undefined = undefined;
  release: string | undefined = undefined;
  targetedCacheControl: string | undefined = undefined;
  trailer: string | undefined = undefined;
  vary: string | undefined = undefined;
  via: string | undefined = undefined;

  connection: string | undefined = undefined;
  contentLengthField: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  upgradeField: string | undefined = undefined;
}

/**
 * Remembers the value of a field that we know. Of repeated single values other
 * than framing the first counts, as everywhere (targets do send them).
 */
export function rememberResponseField(
  head: MutableResponseHead,
  id: FieldId,
  value: string,
): WireFault | undefined {
  switch (id) {
    case CONNECTION:
      head.connection = joined(head.connection, value);
      return undefined;
    case CONTENT_LENGTH:
      if (head.contentLengthField !== undefined)
        return "repeated-content-length";
      head.contentLengthField = value;
      return undefined;
    case TRANSFER_ENCODING:
      head.transferEncoding = joined(head.transferEncoding, value);
      return undefined;
    case UPGRADE:
      head.upgradeField = joined(head.upgradeField, value);
      return undefined;
    case CACHE_CONTROL:
      head.cacheControl = joined(head.cacheControl, value);
      return undefined;
    case PRAGMA:
      head.pragma = joined(head.pragma, value);
      return undefined;
    case CONTENT_TYPE:
      head.contentType ??= value;
      return undefined;
    case VIA:
      head.via = joined(head.via, value);
      return undefined;
    case TRAILER:
      head.trailer = joined(head.trailer, value);
      return undefined;
    case DATE:
      head.date ??= value;
      return undefined;
    case AGE:
      head.age ??= value;
      return undefined;
    case EXPIRES:
      head.expires ??= value;
      return undefined;
    case LAST_MODIFIED:
      head.lastModified ??= value;
      return undefined;
    case ETAG:
      head.etag ??= value;
      return undefined;
    case VARY:
      head.vary = joined(head.vary, value);
      return undefined;
    case SET_COOKIE:
      head.hasSetCookie = true;
      return undefined;
    case CONTENT_ENCODING:
      head.contentEncoding = joined(head.contentEncoding, value);
      return undefined;
    case CONTENT_RANGE:
      head.contentRange ??= value;
      return undefined;
    case LOCATION:
      head.location ??= value;
      return undefined;
    case ZOOGATE_CACHE_CONTROL:
      head.targetedCacheControl = joined(head.targetedCacheControl, value);
      return undefined;
    case ZOOGATE_RELEASE:
      head.release ??= value;
      return undefined;
    default:
      return undefined;
  }
}

/** Works out framing and connection once all fields are in. */
export function completeResponseHead(
  head: MutableResponseHead,
  requestMethod: string,
): WireFault | undefined {
  const fault = readConnection(head);
  return fault ?? readFraming(head, requestMethod);
}

function readConnection(head: MutableResponseHead): WireFault | undefined {
  if (head.minorVersion === 0) head.keepAlive = false;
  if (head.connection === undefined)
    return head.status === 101 ? "bad-upgrade" : undefined;
  const options = readConnectionOptions(head.connection);
  if (options === undefined) return "bad-connection";
  if (options.close) head.keepAlive = false;
  else if (options.keepAlive) head.keepAlive = true;
  if (head.status === 101) {
    // RFC 9110 section 15.2.2: "MUST generate an Upgrade header field".
    if (!options.upgrade || !head.upgradeField || head.minorVersion === 0)
      return "bad-upgrade";
    head.upgrade = head.upgradeField;
  }
  head.connectionOptions = options.others;
  return undefined;
}

/** RFC 9112 section 6.3, in its order. */
function readFraming(
  head: MutableResponseHead,
  requestMethod: string,
): WireFault | undefined {
  const { status, transferEncoding, contentLengthField } = head;
  if (contentLengthField !== undefined) {
    const bytes = readContentLength(contentLengthField);
    if (bytes < 0)
      return bytes === -1 ? "bad-content-length" : "length-too-large";
    head.contentLength = bytes;
  }
  if (transferEncoding !== undefined) {
    if (head.minorVersion === 0) return "transfer-encoding-in-http10";
    if (contentLengthField !== undefined)
      return "length-with-transfer-encoding";
    const fault = readTransferEncoding(transferEncoding);
    if (fault !== undefined) return fault;
  }
  if (status < 200 || status === 204) {
    // Neither field may stand here (RFC 9110 section 8.6, RFC 9112 section 6.1).
    // Some parsers read content then. After 204 nothing else is read from this
    // connection; after an interim answer the final one would be, so it is refused.
    if (transferEncoding !== undefined || head.contentLength > 0) {
      if (status < 200) return "content-not-allowed";
      head.keepAlive = false;
    }
    return undefined;
  }
  if (requestMethod === "HEAD" || status === 304) return undefined;
  if (transferEncoding !== undefined) head.framing = CHUNKED;
  else if (head.contentLength > 0)
    head.framing = { kind: "length", bytes: head.contentLength };
  else if (head.contentLength < 0) {
    head.framing = UNTIL_CLOSE;
    head.keepAlive = false;
  }
  return undefined;
}
