import { trimWhiteSpace } from "./white-space.ts";

/** RFC 9110 section 8.8.3. */
export interface EntityTag {
  readonly weak: boolean;
  /** With its quotes, without `W/`. */
  readonly opaque: string;
}

/** What `If-Match` and `If-None-Match` hold (RFC 9110 section 13.1). */
export type EntityTags =
  | { readonly kind: "any" }
  | { readonly kind: "tags"; readonly tags: readonly EntityTag[] }
  | { readonly kind: "malformed" };

const MALFORMED: EntityTags = Object.freeze({ kind: "malformed" });
const ANY: EntityTags = Object.freeze({ kind: "any" });

/** Index after the entity tag at `from`, or -1. There is no escape in an entity tag. */
function tagEnd(text: string, from: number): number {
  const open = text.startsWith("W/", from) ? from + 2 : from;
  if (text.charCodeAt(open) !== 0x22) return -1;
  for (let i = open + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i + 1;
    // etagc: %x21 / %x23-7E / obs-text
    if (code <= 0x20 || code === 0x7f) return -1;
  }
  return -1;
}

function tagAt(text: string, from: number, to: number): EntityTag {
  const weak = text.startsWith("W/", from);
  return { weak, opaque: text.slice(weak ? from + 2 : from, to) };
}

/** Reads one entity tag, as in `ETag` or `If-Range`; undefined when bad. */
export function parseEntityTag(text: string): EntityTag | undefined {
  const end = tagEnd(text, 0);
  return end > 0 && end === text.length ? tagAt(text, 0, end) : undefined;
}

/** Reads `*` or a list of entity tags. */
export function parseEntityTags(value: string): EntityTags {
  const text = trimWhiteSpace(value);
  if (text === "*") return ANY;
  const tags: EntityTag[] = [];
  let at = 0;
  let separated = true;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x20 || code === 0x09) at++;
    else if (code === 0x2c) {
      separated = true;
      at++;
    } else {
      const end = separated ? tagEnd(text, at) : -1;
      if (end < 0) return MALFORMED;
      tags.push(tagAt(text, at, end));
      separated = false;
      at = end;
    }
  }
  return tags.length === 0 ? MALFORMED : { kind: "tags", tags };
}

/** RFC 9110 section 8.8.3.2: neither is weak and both are equal. */
export function matchStrong(a: EntityTag, b: EntityTag): boolean {
  return !a.weak && !b.weak && a.opaque === b.opaque;
}

/** RFC 9110 section 8.8.3.2: equal whether weak or not. */
export function matchWeak(a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque;
}
