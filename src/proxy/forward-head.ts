import {
  type FieldId,
  type FieldList,
  fieldIdOf,
  isHopByHopId,
  type RequestHead,
  type ResponseHead,
} from "../http/index.ts";

/*
 * Heads on their way through: what is passed on, what is left out, what is
 * added (RFC 9110 section 7.6). Text is put together as one latin1 string.
 */

const HOST = fieldIdOf("host");
const CONTENT_LENGTH = fieldIdOf("content-length");
const EXPECT = fieldIdOf("expect");
const IF_NONE_MATCH = fieldIdOf("if-none-match");
const IF_MODIFIED_SINCE = fieldIdOf("if-modified-since");
const MAX_FORWARDS = fieldIdOf("max-forwards");
const ZOOGATE_CACHE_CONTROL = fieldIdOf("zoogate-cache-control");
const ZOOGATE_RELEASE = fieldIdOf("zoogate-release");
const FORWARDED_IDS: ReadonlySet<FieldId> = new Set(
  [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-real-ip",
  ].map(fieldIdOf),
);

/** 1 for every id that is never passed on to a target as it came. */
const KEPT_FROM_TARGET = new Uint8Array(256);
/** 1 for every id that is never passed on to a client as it came. */
const KEPT_FROM_CLIENT = new Uint8Array(256);
for (let id = 1; id < 256; id++) {
  const hop = isHopByHopId(id) ? 1 : 0;
  KEPT_FROM_TARGET[id] = hop;
  KEPT_FROM_CLIENT[id] = hop;
}
KEPT_FROM_TARGET[MAX_FORWARDS] = 1;
KEPT_FROM_CLIENT[CONTENT_LENGTH] = 1;
KEPT_FROM_CLIENT[ZOOGATE_CACHE_CONTROL] = 1;
KEPT_FROM_CLIENT[ZOOGATE_RELEASE] = 1;

/** What the connection a request came on contributes to its head. */
export interface ClientFacts {
  /** The peer's address. */
  readonly address: string;
  readonly scheme: "http" | "https";
  /** Its `Forwarded` and `X-Forwarded-*` are believed. */
  readonly trusted: boolean;
}

export interface RequestForwarding {
  readonly client: ClientFacts;
  /** Who we are in `Via` (RFC 9110 section 7.6.3). */
  readonly viaName: string;
  /** In place of the client's own validators; undefined: its own stay. */
  readonly validators: FieldList | undefined;
  /** For a request of HTTP/1.0 that names no host. */
  readonly targetAuthority: string;
}

/** The head as it goes to a target. */
export function requestHeadText(
  head: RequestHead,
  forwarding: RequestForwarding,
): string {
  const { client, viaName, validators } = forwarding;
  const { fields, ids, connectionOptions } = head;
  let text = `${head.method} ${targetOf(head)} HTTP/1.1\r\n`;
  if (head.host === "") text += `Host: ${forwarding.targetAuthority}\r\n`;
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index] ?? 0;
    if (KEPT_FROM_TARGET[id] === 1) continue;
    if (id !== 0) {
      if (!client.trusted && FORWARDED_IDS.has(id)) continue;
      if (
        validators !== undefined &&
        (id === IF_NONE_MATCH || id === IF_MODIFIED_SINCE)
      )
        continue;
      // The last hop of a request of HTTP/1.0 knows no 100.
      if (id === EXPECT && !head.expectContinue) continue;
      if (id === HOST && head.host === "") continue;
    }
    const name = fields[index * 2] ?? "";
    if (
      connectionOptions.length > 0 &&
      connectionOptions.includes(name.toLowerCase())
    )
      continue;
    text += `${name}: ${fields[index * 2 + 1] ?? ""}\r\n`;
  }
  if (validators !== undefined) text += fieldLines(validators);
  if (head.framing.kind === "chunked") text += "Transfer-Encoding: chunked\r\n";
  if (head.upgrade !== undefined)
    text += `Connection: Upgrade\r\nUpgrade: ${head.upgrade}\r\n`;
  if (head.maxForwards !== undefined)
    text += `Max-Forwards: ${lessOne(head.maxForwards)}\r\n`;
  text += forwardedLines(head, client);
  return `${text}Via: 1.${head.minorVersion} ${viaName}\r\n\r\n`;
}

/** RFC 9112 section 3.2.1: to an origin server a target is in origin form. */
function targetOf(head: RequestHead): string {
  if (head.form === "origin") return head.target;
  if (head.form === "asterisk") return "*";
  return head.path + head.query;
}

/** RFC 9110 section 7.6.2: "MUST update the field value" by one less. */
function lessOne(value: string): string {
  return /^[0-9]{1,9}$/.test(value)
    ? String(Math.max(0, Number(value) - 1))
    : value;
}

function forwardedLines(head: RequestHead, client: ClientFacts): string {
  if (!client.trusted)
    return `X-Forwarded-For: ${client.address}\r\nX-Forwarded-Proto: ${client.scheme}\r\nX-Forwarded-Host: ${head.host}\r\n`;
  // A line more of a list field is the list continued (RFC 9110 section 5.3).
  // What a trusted proxy said of scheme and host stays as it is.
  let text = `X-Forwarded-For: ${client.address}\r\n`;
  const { ids } = head;
  if (!ids.includes(fieldIdOf("x-forwarded-proto")))
    text += `X-Forwarded-Proto: ${client.scheme}\r\n`;
  if (!ids.includes(fieldIdOf("x-forwarded-host")))
    text += `X-Forwarded-Host: ${head.host}\r\n`;
  return text;
}

/** How an answer's body is delimited towards the client. */
export type AnswerFraming = "none" | "length" | "chunked" | "close";

export interface AnswerForwarding {
  readonly framing: AnswerFraming;
  readonly viaName: string;
  /** Whole lines that are added, `Cache-Status` among them. */
  readonly extraLines: string;
  /** `Date: …` for an answer without one (RFC 9110 section 6.6.1). */
  readonly dateLine: string;
  /** Whole `Connection` line, or empty. */
  readonly connectionLine: string;
}

/** The head of a target's answer as it goes to the client. */
export function answerHeadText(
  head: ResponseHead,
  forwarding: AnswerForwarding,
): string {
  const { framing } = forwarding;
  let text = `HTTP/1.1 ${head.status} ${head.reason}\r\n`;
  text += endToEndLines(head);
  if (head.date === undefined) text += forwarding.dateLine;
  // A body of ours in chunks says so; otherwise the length is passed on as it
  // was named, with HEAD and 304 too (RFC 9110 section 8.6).
  if (framing === "chunked") text += "Transfer-Encoding: chunked\r\n";
  else if (head.contentLength >= 0 && head.status >= 200 && head.status !== 204)
    text += `Content-Length: ${head.contentLength}\r\n`;
  return `${text}Via: 1.${head.minorVersion} ${forwarding.viaName}\r\n${forwarding.extraLines}${forwarding.connectionLine}\r\n`;
}

/** An interim answer (RFC 9110 section 15.2), 101 apart. */
export function interimHeadText(head: ResponseHead): string {
  return `HTTP/1.1 ${head.status} ${head.reason}\r\n${endToEndLines(head)}\r\n`;
}

/** 101: the connection is the target's from here on. */
export function upgradeHeadText(head: ResponseHead): string {
  return `HTTP/1.1 101 ${head.reason}\r\n${endToEndLines(head)}Connection: Upgrade\r\nUpgrade: ${head.upgrade ?? ""}\r\n\r\n`;
}

function endToEndLines(head: ResponseHead): string {
  const { fields, ids, connectionOptions } = head;
  let text = "";
  for (let index = 0; index < ids.length; index++) {
    if (KEPT_FROM_CLIENT[ids[index] ?? 0] === 1) continue;
    const name = fields[index * 2] ?? "";
    if (
      connectionOptions.length > 0 &&
      connectionOptions.includes(name.toLowerCase())
    )
      continue;
    text += `${name}: ${fields[index * 2 + 1] ?? ""}\r\n`;
  }
  return text;
}

/** The fields of a head that are passed on, as a list: what a cache may keep. */
export function endToEndFields(head: ResponseHead): FieldList {
  const { fields, ids, connectionOptions } = head;
  const kept: string[] = [];
  for (let index = 0; index < ids.length; index++) {
    const id = ids[index] ?? 0;
    const isOurs = id === ZOOGATE_CACHE_CONTROL || id === ZOOGATE_RELEASE;
    if (!isOurs && id !== CONTENT_LENGTH && KEPT_FROM_CLIENT[id] === 1)
      continue;
    const name = fields[index * 2] ?? "";
    if (connectionOptions.includes(name.toLowerCase())) continue;
    kept.push(name, fields[index * 2 + 1] ?? "");
  }
  return kept;
}

/** `Name: value` lines of a list. */
export function fieldLines(fields: FieldList): string {
  let text = "";
  for (let index = 0; index < fields.length; index += 2)
    text += `${fields[index] ?? ""}: ${fields[index + 1] ?? ""}\r\n`;
  return text;
}

/** How often `viaName` stands in a Via value: we have met this request before. */
export function timesSeen(via: string, viaName: string): number {
  let times = 0;
  for (const entry of via.split(","))
    if (entry.trim().split(/\s+/)[1] === viaName) times += 1;
  return times;
}
