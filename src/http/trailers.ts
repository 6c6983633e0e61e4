import { type FieldId, isGuardedId, isHopByHopId } from "./known-field.ts";
import type { WireFault } from "./wire-fault.ts";

/** A trailer section while it is being read. */
export class MutableTrailers {
  fields: string[] = [];
  ids: number[] = [];
  starts: number[] = [];
}

/**
 * RFC 9110 section 6.5.1: no trailer may be needed for framing, routing,
 * authentication, request modifiers, caching or content format.
 */
export function checkTrailer(id: FieldId): WireFault | undefined {
  return isGuardedId(id) || isHopByHopId(id) ? "bad-trailer" : undefined;
}
