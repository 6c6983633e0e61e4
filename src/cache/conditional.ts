import {
  matchStrong,
  matchWeak,
  parseEntityTag,
  parseEntityTags,
  parseHttpDate,
  parseRange,
  type RequestHead,
  resolveRanges,
} from "../http/index.ts";

/** How a request with conditions or a range is answered from a whole answer. */
export type Evaluation =
  | "full"
  | "not-modified"
  | "precondition-failed"
  | "range-not-satisfiable"
  /** Bytes from `start` up to and without `end`. */
  | { readonly kind: "range"; readonly start: number; readonly end: number };

/** What is known of the whole answer; a stored one, or one being received whose length is known. */
export interface Representation {
  readonly status: number;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly dateMs: number;
  /** A stored body, */
  readonly body?: { readonly length: number };
  /** or the length of one that is being received; undefined when it was not announced. */
  readonly bodyBytes?: number | undefined;
}

/**
 * Evaluates the preconditions of a GET or HEAD in the order of RFC 9110 section
 * 13.2.2, then its range. Conditions count only where the answer would be 200
 * (section 13.2.1). Of several ranges the whole is given, as section 14.2 allows;
 * so is the whole where its length is not known yet.
 */
export function evaluateConditional(
  request: RequestHead,
  entry: Representation,
): Evaluation {
  if (entry.status !== 200) return "full";
  if (hasFailed(request, entry)) return "precondition-failed";
  if (isNotModified(request, entry)) return "not-modified";
  if (request.range === undefined || request.method !== "GET") return "full";
  if (request.ifRange !== undefined && !isSameForRange(request.ifRange, entry))
    return "full";
  return rangeOf(request.range, entry.body?.length ?? entry.bodyBytes);
}

/** If-Match, or else If-Unmodified-Since (steps 1 and 2). */
function hasFailed(request: RequestHead, entry: Representation): boolean {
  if (request.ifMatch !== undefined) {
    const wanted = parseEntityTags(request.ifMatch);
    if (wanted.kind === "any") return false;
    const own = parseEntityTag(entry.etag ?? "");
    return !(
      wanted.kind === "tags" &&
      own !== undefined &&
      wanted.tags.some((tag) => matchStrong(tag, own))
    );
  }
  if (request.ifUnmodifiedSince === undefined) return false;
  const sinceMs = parseHttpDate(request.ifUnmodifiedSince);
  return (
    sinceMs !== undefined &&
    entry.lastModifiedMs !== undefined &&
    entry.lastModifiedMs > sinceMs
  );
}

/** If-None-Match, or else If-Modified-Since (steps 3 and 4). */
function isNotModified(request: RequestHead, entry: Representation): boolean {
  if (request.ifNoneMatch !== undefined) {
    const known = parseEntityTags(request.ifNoneMatch);
    if (known.kind === "any") return true;
    const own = parseEntityTag(entry.etag ?? "");
    return (
      known.kind === "tags" &&
      own !== undefined &&
      known.tags.some((tag) => matchWeak(tag, own))
    );
  }
  if (request.ifModifiedSince === undefined) return false;
  const sinceMs = parseHttpDate(request.ifModifiedSince);
  // RFC 9111 section 4.3.2: without Last-Modified the Date of the answer stands in.
  return (
    sinceMs !== undefined && (entry.lastModifiedMs ?? entry.dateMs) <= sinceMs
  );
}

/** RFC 9110 section 13.1.5: a strong validator that is exactly the stored one. */
function isSameForRange(ifRange: string, entry: Representation): boolean {
  const tag = parseEntityTag(ifRange);
  if (tag !== undefined) {
    const own = parseEntityTag(entry.etag ?? "");
    return own !== undefined && matchStrong(tag, own);
  }
  const dateMs = parseHttpDate(ifRange);
  // Section 8.8.2.2: a date is strong when the answer was made a second later or more.
  return (
    dateMs !== undefined &&
    dateMs === entry.lastModifiedMs &&
    entry.dateMs - dateMs >= 1000
  );
}

function rangeOf(range: string, bodyBytes: number | undefined): Evaluation {
  const specs = parseRange(range);
  if (specs === undefined || bodyBytes === undefined) return "full";
  const ranges = resolveRanges(specs, bodyBytes);
  const [first] = ranges;
  if (first === undefined) return "range-not-satisfiable";
  return specs.length === 1
    ? { kind: "range", start: first.first, end: first.last + 1 }
    : "full";
}
