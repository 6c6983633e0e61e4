import { type FieldList, httpDate, type RequestHead } from "../http/index.ts";
import type { Entry, EntryParts } from "./entry.ts";
import type { ForwardReason } from "./reasons.ts";
import type { StoredResponse } from "./types.ts";
import { selects } from "./vary.ts";

/** The newest answer of a chain that a request selects. */
export function selected(
  newest: Entry,
  release: string | undefined,
  request: RequestHead,
): Entry | undefined {
  for (
    let entry: Entry | undefined = newest;
    entry !== undefined;
    entry = entry.nextVariant
  )
    if (
      entry.release === release &&
      (!entry.varies || selects(entry.selector, request.fields))
    )
      return entry;
  return undefined;
}

/**
 * A look-up takes the newest that a request selects: older ones of this release
 * that the same request selects will never be used again.
 */
export function isShadowed(
  other: Entry,
  by: EntryParts,
  request: RequestHead,
): boolean {
  return (
    other.release === by.release &&
    (by.selector.names.length === 0 || selects(other.selector, request.fields))
  );
}

/** Why a chain holds none. */
export function whyNoVariant(
  newest: Entry,
  release: string | undefined,
): ForwardReason {
  for (
    let entry: Entry | undefined = newest;
    entry !== undefined;
    entry = entry.nextVariant
  )
    if (entry.release === release) return "vary-miss";
  return "release-miss";
}

/** RFC 9111 section 5.1: whole seconds, not negative. */
export function ageS(entry: StoredResponse, nowMs: number): number {
  return Math.max(0, Math.floor((nowMs - entry.bornAtMs) / 1000));
}

/** RFC 9211 section 2.4; an answer that is never fresh is stale by its age. */
export function ttlS(entry: StoredResponse, nowMs: number): number {
  const untilMs =
    entry.freshUntilMs === 0 ? entry.bornAtMs : entry.freshUntilMs;
  return Math.floor((untilMs - nowMs) / 1000);
}

/** RFC 9111 section 4.3.1. */
export function validatorsOf(entry: StoredResponse): FieldList {
  const validators: string[] = [];
  if (entry.etag !== undefined) validators.push("If-None-Match", entry.etag);
  if (entry.lastModifiedMs !== undefined)
    validators.push("If-Modified-Since", httpDate(entry.lastModifiedMs));
  return validators;
}
