import type { WireFault } from "./wire-fault.ts";

/** A field list: name, value, name, value …; names as received, values without white space around them. */
export type FieldList = readonly string[];

/** How the content after a head is delimited (RFC 9112 section 6). `bytes` counts for `length` only. */
export type Framing =
  | { readonly kind: "none"; readonly bytes: 0 }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked"; readonly bytes: 0 }
  | { readonly kind: "until-close"; readonly bytes: 0 };

/** No content. */
export const NO_CONTENT: Framing = Object.freeze({ kind: "none", bytes: 0 });
/** Content in chunks. */
export const CHUNKED: Framing = Object.freeze({ kind: "chunked", bytes: 0 });
/** Content up to the end of the connection. */
export const UNTIL_CLOSE: Framing = Object.freeze({
  kind: "until-close",
  bytes: 0,
});

/** `offset` counts from `start` of the call. */
export interface HeadReject {
  readonly kind: "reject";
  readonly code: WireFault;
  readonly offset: number;
}

/** More bytes are needed; nothing was consumed. */
export interface HeadIncomplete {
  readonly kind: "incomplete";
}

/** What a head parser answers. `size` bytes from `start` were the head. */
export type HeadResult<Head> =
  | HeadIncomplete
  | HeadReject
  | { readonly kind: "head"; readonly head: Head; readonly size: number };

/** The one answer of its kind. */
export const INCOMPLETE: HeadIncomplete = Object.freeze({ kind: "incomplete" });

/** Refuses at `offset` from the start of the head. */
export function reject(code: WireFault, offset: number): HeadReject {
  return { kind: "reject", code, offset };
}
