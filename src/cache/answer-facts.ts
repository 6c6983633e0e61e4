import { type FieldList, isHopByHop, parseHttpDate } from "../http/index.ts";

/** What storing needs to know of an answer's fields, read in one pass. */
export interface AnswerFacts {
  readonly cacheControl: string | undefined;
  /** `Zoogate-Cache-Control` (RFC 9213). */
  readonly targetedControl: string | undefined;
  readonly expires: string | undefined;
  readonly dateMs: number | undefined;
  readonly ageS: number;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly vary: string | undefined;
  readonly hasSetCookie: boolean;
  readonly contentLength: number | undefined;
  readonly release: string | undefined;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function joined(earlier: string | undefined, value: string): string {
  return earlier === undefined ? value : `${earlier}, ${value}`;
}

/** Reads the fields; of a field that may occur once and does not, the first line counts. */
export function readAnswerFacts(fields: FieldList): AnswerFacts {
  const facts: Mutable<AnswerFacts> = {
    cacheControl: undefined,
    targetedControl: undefined,
    expires: undefined,
    dateMs: undefined,
    ageS: 0,
    etag: undefined,
    lastModifiedMs: undefined,
    vary: undefined,
    hasSetCookie: false,
    contentLength: undefined,
    release: undefined,
  };
  let age: string | undefined;
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1] ?? "";
    switch (fields[i]?.toLowerCase()) {
      case "cache-control":
        facts.cacheControl = joined(facts.cacheControl, value);
        break;
      case "zoogate-cache-control":
        facts.targetedControl = joined(facts.targetedControl, value);
        break;
      case "expires":
        facts.expires ??= value;
        break;
      case "date":
        facts.dateMs ??= parseHttpDate(value);
        break;
      case "age":
        age ??= value;
        break;
      case "etag":
        facts.etag ??= value;
        break;
      case "last-modified":
        facts.lastModifiedMs ??= parseHttpDate(value);
        break;
      case "vary":
        facts.vary = joined(facts.vary, value);
        break;
      case "set-cookie":
        facts.hasSetCookie = true;
        break;
      case "content-length":
        facts.contentLength ??= wholeNumber(value);
        break;
      case "zoogate-release":
        facts.release ??= value;
        break;
      default:
    }
  }
  // RFC 9111 section 5.1: of a list the first member; what is no number is ignored.
  facts.ageS = wholeNumber(age?.split(",")[0]?.trim()) ?? 0;
  return facts;
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
