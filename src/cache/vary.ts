import { type FieldList, isFieldName, parseVary } from "../http/index.ts";

/** Names in one Vary that an entry may have; real answers have one to three. */
const MAX_NAMES = 16;
/** Characters of the request that an entry may keep for comparing. */
const MAX_VALUE_CHARACTERS = 4096;

/** What an entry compares a request with; undefined values were not sent. */
export interface Selector {
  /** Lower case, in order, each once. */
  readonly names: readonly string[];
  /** As sent; nearly every client sends the very same, and needs no normalising. */
  readonly sent: readonly (string | undefined)[];
  /** Normalised. */
  readonly values: readonly (string | undefined)[];
}

/** An answer that varies with nothing. */
export const ANY_REQUEST: Selector = Object.freeze({
  names: Object.freeze([]),
  sent: Object.freeze([]),
  values: Object.freeze([]),
});

/**
 * The selecting fields of `request` for an answer's Vary (RFC 9111 section 4.1).
 * `star`: no later request can match. `too-wide`: more than an entry may hold.
 */
export function selectorOf(
  vary: string | undefined,
  request: FieldList,
): Selector | "star" | "too-wide" {
  if (vary === undefined) return ANY_REQUEST;
  const read = parseVary(vary);
  if (read.kind === "any") return "star";
  const { names } = read;
  if (names.length === 0) return ANY_REQUEST;
  if (names.length > MAX_NAMES) return "too-wide";
  const sent = names.map((name) => copied(joinedValue(request, name)));
  const characters = sent.reduce((sum, text) => sum + (text?.length ?? 0), 0);
  if (characters > MAX_VALUE_CHARACTERS) return "too-wide";
  const values = names.map((name, i) => normalised(name, sent[i]));
  return { names, sent, values };
}

/** Whether a request's fields select the entry. */
export function selects(selector: Selector, request: FieldList): boolean {
  const { names, sent, values } = selector;
  for (let i = 0; i < names.length; i++) {
    const name = names[i] ?? "";
    const value = joinedValue(request, name);
    if (value !== sent[i] && normalised(name, value) !== values[i])
      return false;
  }
  return true;
}

/** All lines of a field as one value. */
function joinedValue(fields: FieldList, lowerName: string): string | undefined {
  let joined: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (!isFieldName(fields[i] ?? "", lowerName)) continue;
    const value = fields[i + 1] ?? "";
    joined = joined === undefined ? value : `${joined},${value}`;
  }
  return joined;
}

/**
 * RFC 9111 section 4.1 allows what cannot change the meaning: blanks around
 * commas go, and names of codings are compared in lower case.
 */
function normalised(
  lowerName: string,
  value: string | undefined,
): string | undefined {
  const compact = value?.replace(/[ \t]*,[ \t]*/g, ",");
  return lowerName === "accept-encoding" ? compact?.toLowerCase() : compact;
}

/** A part of a head keeps the whole head in memory; what stays is copied. */
function copied(text: string | undefined): string | undefined {
  return text === undefined
    ? undefined
    : Buffer.from(text, "latin1").toString("latin1");
}
