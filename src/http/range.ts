import { splitPlain } from "./fields.ts";

/** One range as asked for; `last` is undefined for "to the end", `first` for a suffix. */
export type RangeSpec =
  | {
      readonly kind: "from";
      readonly first: number;
      readonly last: number | undefined;
    }
  | { readonly kind: "suffix"; readonly bytes: number };

/** A range of a representation: `first` and `last` byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** More ranges than this in one request are asked for by nobody honest (RFC 9110 section 14.2). */
export const MAX_RANGES = 16;

/**
 * Reads a `Range` value (RFC 9110 section 14.1.1). Undefined for another unit, a
 * malformed list or too many ranges: the field is then ignored.
 */
export function parseRange(value: string): readonly RangeSpec[] | undefined {
  const equals = value.indexOf("=");
  if (equals < 0 || value.slice(0, equals).toLowerCase() !== "bytes")
    return undefined;
  const specs = splitPlain(value.slice(equals + 1));
  if (specs.length === 0 || specs.length > MAX_RANGES) return undefined;
  const ranges: RangeSpec[] = [];
  for (const spec of specs) {
    const range = parseSpec(spec);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return ranges;
}

function parseSpec(spec: string): RangeSpec | undefined {
  const hyphen = spec.indexOf("-");
  if (hyphen < 0) return undefined;
  const first = spec.slice(0, hyphen);
  const last = spec.slice(hyphen + 1);
  if (first === "") {
    const bytes = decimal(last);
    return bytes < 0 ? undefined : { kind: "suffix", bytes };
  }
  const from = decimal(first);
  if (from < 0) return undefined;
  if (last === "") return { kind: "from", first: from, last: undefined };
  const to = decimal(last);
  // "An int-range is invalid if the last-pos value is present, and less than first-pos."
  return to < from ? undefined : { kind: "from", first: from, last: to };
}

/** `1*DIGIT`, at most 15 of them; -1 otherwise. */
function decimal(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/**
 * The ranges that a representation of `size` bytes can satisfy, in the order
 * asked; none means 416 (RFC 9110 section 15.5.17).
 */
export function resolveRanges(
  specs: readonly RangeSpec[],
  size: number,
): readonly ByteRange[] {
  const ranges: ByteRange[] = [];
  for (const spec of specs) {
    if (spec.kind === "suffix") {
      if (spec.bytes > 0 && size > 0)
        ranges.push({ first: Math.max(0, size - spec.bytes), last: size - 1 });
    } else if (spec.first < size)
      ranges.push({
        first: spec.first,
        last: Math.min(spec.last ?? size - 1, size - 1),
      });
  }
  return ranges;
}

/** What a `Content-Range` of bytes says (RFC 9110 section 14.4). */
export interface ContentRange {
  /** Undefined in an unsatisfied range. */
  readonly range: ByteRange | undefined;
  /** Undefined when the sender does not know (`*`). */
  readonly size: number | undefined;
}

/** Reads a `Content-Range` value; undefined for another unit or when bad. */
export function parseContentRange(value: string): ContentRange | undefined {
  const slash = value.indexOf("/");
  if (slash < 0 || value.slice(0, 6).toLowerCase() !== "bytes ")
    return undefined;
  const sizeText = value.slice(slash + 1);
  const size = sizeText === "*" ? undefined : decimal(sizeText);
  if (size === -1) return undefined;
  const rangeText = value.slice(6, slash);
  if (rangeText === "*")
    return size === undefined ? undefined : { range: undefined, size };
  const spec = parseSpec(rangeText);
  if (spec?.kind !== "from" || spec.last === undefined) return undefined;
  if (size !== undefined && spec.last >= size) return undefined;
  return { range: { first: spec.first, last: spec.last }, size };
}

/** A `Content-Range` value. Without a range it says that none could be satisfied. */
export function contentRange(
  range: ByteRange | undefined,
  size: number,
): string {
  return range === undefined
    ? `bytes */${size}`
    : `bytes ${range.first}-${range.last}/${size}`;
}
