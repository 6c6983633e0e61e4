import {
  type FieldList,
  isHopByHop,
  parseHttpDate,
  type ResponseHead,
} from "../http/index.ts";

/**
 * What storing needs to know of an answer's fields; a parsed head has it. Dates
 * are read only once it is known that the answer may be stored at all.
 */
export type AnswerFacts = Pick<
  ResponseHead,
  | "age"
  | "cacheControl"
  | "contentLength"
  | "date"
  | "etag"
  | "expires"
  | "hasSetCookie"
  | "lastModified"
  | "release"
  | "targetedCacheControl"
  | "vary"
>;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function joined(earlier: string | undefined, value: string): string {
  return earlier === undefined ? value : `${earlier}, ${value}`;
}

/** Reads the fields; of a field that may occur once and does not, the first line counts. */
export function readAnswerFacts(fields: FieldList): AnswerFacts {
  const facts: Mutable<AnswerFacts> = {
    age: undefined,
    cacheControl: undefined,
    contentLength: -1,
    date: undefined,
    etag: undefined,
    expires: undefined,
    hasSetCookie: false,
    lastModified: undefined,
    release: undefined,
    targetedCacheControl: undefined,
    vary: undefined,
  };
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1] ?? "";
    switch (fields[i]?.toLowerCase()) {
      case "age":
        facts.age ??= value;
        break;
      case "cache-control":
        facts.cacheControl = joined(facts.cacheControl, value);
        break;
      case "content-length":
        facts.contentLength = wholeNumber(value) ?? -1;
        break;
      case "date":
        facts.date ??= value;
        break;
      case "etag":
        facts.etag ??= value;
        break;
      case "expires":
        facts.expires ??= value;
        break;
      case "last-modified":
        facts.lastModified ??= value;
        break;
      case "set-cookie":
        facts.hasSetCookie = true;
        break;
      case "vary":
        facts.vary = joined(facts.vary, value);
        break;
      case "zoogate-cache-control":
        facts.targetedCacheControl = joined(facts.targetedCacheControl, value);
        break;
      case "zoogate-release":
        facts.release ??= value;
        break;
      default:
    }
  }
  return facts;
}

/** The seconds of `Age` (RFC 9111 section 5.1): of a list the first member; what is no number is ignored. */
export function ageOf({ age }: Pick<AnswerFacts, "age">): number {
  return wholeNumber(age?.split(",")[0]?.trim()) ?? 0;
}

/** A date field in milliseconds since the epoch; undefined when it is missing or bad. */
export function dateMsOf(value: string | undefined): number | undefined {
  return value === undefined ? undefined : parseHttpDate(value);
}

function wholeNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,15}$/.test(text)) return undefined;
  return Number(text);
}

/** Fields that an entry never carries: made anew for each answer, or ours. */
const NOT_KEPT: ReadonlySet<string> = new Set([
  "age", // RFC 9111 section 5.1: from the entry's own age
  "content-length", // the body's own
  "trailer", // trailers are not stored (RFC 9111 section 3.1 lets them go)
  "zoogate-cache-control", // RFC 9213 section 2.2: removed by the cache it is meant for
  "zoogate-release",
]);

/**
 * The fields to store (RFC 9111 section 3.1): end-to-end only, with `Date` added
 * when it was missing (RFC 9110 section 6.6.1).
 */
export function storedFields(
  fields: FieldList,
  dateIfMissing: string,
): string[] {
  const nominated = nominatedFields(fields);
  const kept: string[] = [];
  let hasDate = false;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = fields[i] ?? "";
    const lowerName = name.toLowerCase();
    if (
      isHopByHop(lowerName) ||
      NOT_KEPT.has(lowerName) ||
      nominated.has(lowerName)
    )
      continue;
    if (lowerName === "date") hasDate = true;
    kept.push(name, fields[i + 1] ?? "");
  }
  if (!hasDate) kept.push("Date", dateIfMissing);
  return kept;
}

/** Names that Connection nominates (RFC 9110 section 7.6.1). */
function nominatedFields(fields: FieldList): ReadonlySet<string> {
  const names = new Set<string>();
  for (let i = 0; i + 1 < fields.length; i += 2)
    if (fields[i]?.toLowerCase() === "connection")
      for (const option of (fields[i + 1] ?? "").split(","))
        names.add(option.trim().toLowerCase());
  return names;
}

/** These describe the body that is stored and stay as they are (RFC 9111 section 3.2). */
const OF_THE_BODY: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
]);

/**
 * The stored fields after a 304 (RFC 9111 section 3.2): each field of the 304
 * replaces the stored ones of its name.
 */
export function freshenedFields(
  stored: FieldList,
  update: FieldList,
  dateIfMissing: string,
): string[] {
  const added = storedFields(update, dateIfMissing);
  const replaced = new Set<string>();
  const merged: string[] = [];
  for (let i = 0; i + 1 < added.length; i += 2)
    replaced.add((added[i] ?? "").toLowerCase());
  for (let i = 0; i + 1 < stored.length; i += 2) {
    const lowerName = (stored[i] ?? "").toLowerCase();
    if (OF_THE_BODY.has(lowerName) || !replaced.has(lowerName))
      merged.push(stored[i] ?? "", stored[i + 1] ?? "");
  }
  for (let i = 0; i + 1 < added.length; i += 2)
    if (!OF_THE_BODY.has((added[i] ?? "").toLowerCase()))
      merged.push(added[i] ?? "", added[i + 1] ?? "");
  return merged;
}
