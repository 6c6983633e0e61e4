import type { FieldList } from "../http/index.ts";
import type { Terms } from "./policy.ts";
import type { SharedBody } from "./stored-body.ts";
import type { StoredResponse } from "./types.ts";
import type { Selector } from "./vary.ts";

/** What is stored of an answer beside its body. */
export interface EntryParts {
  readonly key: string;
  readonly service: string;
  readonly selector: Selector;
  readonly release: string | undefined;
  readonly status: number;
  readonly fields: FieldList;
  /** `Zoogate-Cache-Control`, which is not among the fields: a 304 may leave it out. */
  readonly targetedControl: string | undefined;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly dateMs: number;
  readonly storedAtMs: number;
  readonly terms: Terms;
}

/** What a thread's note of an answer costs beside the characters it holds, views and head included. */
const NOTE_BYTES = 1536;
/** Two strings of the heap. */
const NOTE_BYTES_PER_LINE = 48;

/** One thread's note of a stored answer. What it says never changes; whether it still holds does. */
export class Entry implements StoredResponse {
  readonly key: string;
  readonly service: string;
  readonly selector: Selector;
  readonly varies: boolean;
  readonly release: string | undefined;
  readonly status: number;
  readonly fields: FieldList;
  readonly targetedControl: string | undefined;
  readonly body: SharedBody;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
  readonly dateMs: number;
  readonly storedAtMs: number;
  readonly bornAtMs: number;
  readonly freshUntilMs: number;
  readonly terms: Terms;
  readonly slot: number;
  /** Which of the heads that this slot's answer has had. */
  readonly edition: number;
  prepared: Buffer | undefined = undefined;
  preparedFor: object | undefined = undefined;

  // The store's own: its bucket, as it was when this note was right, and the next answer of this key.
  bucket = 0;
  version = 0;
  nextVariant: Entry | undefined = undefined;

  constructor(parts: EntryParts, body: SharedBody, edition: number) {
    this.key = parts.key;
    this.service = parts.service;
    this.selector = parts.selector;
    this.varies = parts.selector.names.length > 0;
    this.release = parts.release;
    this.status = parts.status;
    this.fields = parts.fields;
    this.targetedControl = parts.targetedControl;
    this.body = body;
    this.etag = parts.etag;
    this.lastModifiedMs = parts.lastModifiedMs;
    this.dateMs = parts.dateMs;
    this.storedAtMs = parts.storedAtMs;
    this.bornAtMs = parts.terms.bornAtMs;
    this.freshUntilMs = parts.terms.freshUntilMs;
    this.terms = parts.terms;
    this.slot = body.slot;
    this.edition = edition;
  }

  /** What this note takes of the thread's own memory. */
  get noteBytes(): number {
    // The fields are counted twice: once more for the prepared head.
    return (
      NOTE_BYTES +
      (NOTE_BYTES_PER_LINE * this.fields.length) / 2 +
      this.key.length +
      2 * characters(this.fields)
    );
  }
}

/** Characters of all names and values, with 4 for each line's punctuation. */
export function characters(fields: FieldList): number {
  let sum = 0;
  for (const text of fields) sum += text.length + 2;
  return sum;
}
