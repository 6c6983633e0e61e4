import type { FieldList } from "../http/index.ts";
import type { Terms } from "./policy.ts";
import type { StoredResponse } from "./types.ts";
import type { Selector } from "./vary.ts";

/**
 * What an entry costs beside the characters and bytes that it holds: objects,
 * two buffers with their backing stores, a slot in the map. With these two
 * numbers 100,000 entries of 100 bytes are charged 3.2 KB each and take 3.5 KB
 * of resident memory.
 */
const OVERHEAD_BYTES = 2304;
/** Two strings that point into the text of the received head. */
const OVERHEAD_BYTES_PER_LINE = 48;

/** What an entry is made from. */
export interface EntryParts {
  readonly key: string;
  readonly service: string;
  readonly selector: Selector;
  readonly release: string | undefined;
  readonly status: number;
  readonly fields: FieldList;
  /** `Zoogate-Cache-Control`, which is not among the fields: a 304 may leave it out. */
  readonly targetedControl: string | undefined;
  readonly body: Buffer;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly dateMs: number;
  readonly storedAtMs: number;
  readonly terms: Terms;
}

/** A stored answer with its place in the store. */
export class Entry implements StoredResponse {
  readonly key: string;
  readonly service: string;
  readonly selector: Selector;
  readonly varies: boolean;
  readonly release: string | undefined;
  readonly status: number;
  readonly fields: FieldList;
  readonly targetedControl: string | undefined;
  readonly body: Buffer;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly dateMs: number;
  readonly storedAtMs: number;
  readonly bornAtMs: number;
  readonly freshUntilMs: number;
  readonly terms: Terms;
  readonly chargedBytes: number;
  prepared: Buffer | undefined = undefined;
  preparedFor: object | undefined = undefined;

  // The store's own: the next answer of this key, and the eviction queue.
  nextVariant: Entry | undefined = undefined;
  newer: Entry | undefined = undefined;
  older: Entry | undefined = undefined;
  visited = false;
  stored = false;

  constructor(parts: EntryParts) {
    this.key = parts.key;
    this.service = parts.service;
    this.selector = parts.selector;
    this.varies = parts.selector.names.length > 0;
    this.release = parts.release;
    this.status = parts.status;
    this.fields = parts.fields;
    this.targetedControl = parts.targetedControl;
    this.body = parts.body;
    this.etag = parts.etag;
    this.lastModifiedMs = parts.lastModifiedMs;
    this.dateMs = parts.dateMs;
    this.storedAtMs = parts.storedAtMs;
    this.bornAtMs = parts.terms.bornAtMs;
    this.freshUntilMs = parts.terms.freshUntilMs;
    this.terms = parts.terms;
    this.chargedBytes =
      parts.body.length + headBytes(parts.key, parts.fields, parts.selector);
  }
}

/** What an entry costs without its body. */
export function headBytes(
  key: string,
  fields: FieldList,
  selector: Selector,
): number {
  // The fields are counted twice: once more for the prepared head.
  let bytes =
    OVERHEAD_BYTES +
    (OVERHEAD_BYTES_PER_LINE * fields.length) / 2 +
    key.length +
    2 * characters(fields);
  for (const value of selector.sent) bytes += 2 * (value?.length ?? 0);
  return bytes;
}

/** Characters of all names and values, with 4 for each line's punctuation. */
export function characters(fields: FieldList): number {
  let sum = 0;
  for (const text of fields) sum += text.length + 2;
  return sum;
}
