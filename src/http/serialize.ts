import { isFieldName } from "./fields.ts";
import type { FieldList } from "./head-result.ts";
import {
  type FieldId,
  fieldIdOf,
  isHopByHopId,
  KNOWN_FIELDS,
  type KnownFieldName,
} from "./known-field.ts";
import { reasonPhrase } from "./status.ts";

/*
 * Heads are made as one string and written as latin1, which turns every
 * character into one byte. Nothing is escaped or checked here: names and values
 * come from a parser of this room, or were checked with isToken() and
 * isFieldValue().
 */

/** Fields of these ids, for {@link appendFields}. */
export type FieldSet = Uint8Array;

/** Fields to leave out: those named, and every hop-by-hop field. */
export function fieldSet(names: Iterable<KnownFieldName>): FieldSet {
  const set = Uint8Array.from(KNOWN_FIELDS, (_, id) =>
    Number(isHopByHopId(id)),
  );
  for (const name of names) set[fieldIdOf(name)] = 1;
  return set;
}

/** Every hop-by-hop field. */
export const HOP_BY_HOP_SET: FieldSet = fieldSet([]);

/** `HTTP/1.1 200 OK` and CR LF. */
export function statusLine(status: number, reason?: string): string {
  return statusLines[status] !== undefined && reason === undefined
    ? statusLines[status]
    : `HTTP/1.1 ${status} ${reason ?? reasonPhrase(status)}\r\n`;
}

const statusLines: readonly string[] = Array.from(
  { length: 600 },
  (_, status) => `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n`,
);

/** `GET /path HTTP/1.1` and CR LF. */
export function requestLine(method: string, target: string): string {
  return `${method} ${target} HTTP/1.1\r\n`;
}

/** One field line. */
export function fieldLine(name: string, value: string): string {
  return `${name}: ${value}\r\n`;
}

/** Every field of a list as lines. */
export function fieldLines(fields: FieldList): string {
  let text = "";
  for (let i = 0; i + 1 < fields.length; i += 2)
    text += `${fields[i]}: ${fields[i + 1]}\r\n`;
  return text;
}

/** What {@link appendFields} needs of a head. */
export interface ForwardedHead {
  readonly fields: FieldList;
  readonly ids: readonly FieldId[];
  readonly connectionOptions: readonly string[];
}

/**
 * Adds the fields of a received head that go on to the other side: all but
 * those in `without`, and those that its Connection field names (RFC 9110
 * section 7.6.1).
 */
export function appendFields(
  text: string,
  head: ForwardedHead,
  without: FieldSet,
): string {
  const { fields, ids, connectionOptions } = head;
  let out = text;
  for (let i = 0; i < ids.length; i++) {
    if (without[ids[i] ?? 0] === 1) continue;
    const name = fields[2 * i] ?? "";
    if (connectionOptions.length > 0 && isNamed(name, connectionOptions))
      continue;
    out += `${name}: ${fields[2 * i + 1]}\r\n`;
  }
  return out;
}

function isNamed(name: string, lowerNames: readonly string[]): boolean {
  for (const lowerName of lowerNames)
    if (isFieldName(name, lowerName)) return true;
  return false;
}

/** The fields of a received head that belong to the message, not to its connection; see {@link appendFields}. */
export function endToEndFields(
  head: ForwardedHead,
  without: FieldSet = HOP_BY_HOP_SET,
): string[] {
  const { fields, ids, connectionOptions } = head;
  const kept: string[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (without[ids[i] ?? 0] === 1) continue;
    const name = fields[2 * i] ?? "";
    if (connectionOptions.length > 0 && isNamed(name, connectionOptions))
      continue;
    kept.push(name, fields[2 * i + 1] ?? "");
  }
  return kept;
}

/** A whole response head. */
export function serializeResponseHead(
  status: number,
  fields: FieldList,
  reason?: string,
): string {
  return `${statusLine(status, reason)}${fieldLines(fields)}\r\n`;
}

/** A whole request head. */
export function serializeRequestHead(
  method: string,
  target: string,
  fields: FieldList,
): string {
  return `${requestLine(method, target)}${fieldLines(fields)}\r\n`;
}
