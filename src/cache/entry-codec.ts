import type { EntryParts } from "./entry.ts";
import { ANY_REQUEST, type Selector } from "./vary.ts";

/** Everything but the key, in this order; `null` for what is undefined. */
type Row = readonly [
  service: string,
  release: string | null,
  status: number,
  fields: readonly string[],
  targetedControl: string | null,
  etag: string | null,
  lastModifiedMs: number | null,
  dateMs: number,
  storedAtMs: number,
  terms: readonly [number, number, number, number, number, number],
  selector:
    | readonly [
        names: readonly string[],
        sent: readonly (string | null)[],
        values: readonly (string | null)[],
      ]
    | null,
];

/** Bits of the last of the terms. */
const NEVER_STALE = 1;
const SERVES_COOKIE = 2;
const SERVES_AUTHORIZATION = 4;

/** An answer's head as it lies in the memory of all threads: its key, and behind it all else. */
export function encodeHead(parts: EntryParts): Buffer {
  const { terms, selector } = parts;
  const row: Row = [
    parts.service,
    parts.release ?? null,
    parts.status,
    parts.fields,
    parts.targetedControl ?? null,
    parts.etag ?? null,
    parts.lastModifiedMs ?? null,
    parts.dateMs,
    parts.storedAtMs,
    [
      terms.bornAtMs,
      terms.freshUntilMs,
      terms.whileRevalidatingUntilMs,
      terms.onErrorUntilMs,
      terms.whileDownUntilMs,
      (terms.neverStale ? NEVER_STALE : 0) |
        (terms.servesCookie ? SERVES_COOKIE : 0) |
        (terms.servesAuthorization ? SERVES_AUTHORIZATION : 0),
    ],
    selector.names.length === 0
      ? null
      : [
          selector.names,
          selector.sent.map((text) => text ?? null),
          selector.values.map((text) => text ?? null),
        ],
  ];
  return Buffer.from(parts.key + inLatin1(JSON.stringify(row)), "latin1");
}

/** Reads what {@link encodeHead} wrote behind the key. */
export function decodeHead(key: string, text: string): EntryParts {
  const row = JSON.parse(text) as Row; // written by encodeHead
  const [born, fresh, revalidating, onError, whileDown, flags] = row[9];
  return {
    key,
    service: row[0],
    release: row[1] ?? undefined,
    status: row[2],
    fields: row[3],
    targetedControl: row[4] ?? undefined,
    etag: row[5] ?? undefined,
    lastModifiedMs: row[6] ?? undefined,
    dateMs: row[7],
    storedAtMs: row[8],
    terms: {
      bornAtMs: born,
      freshUntilMs: fresh,
      whileRevalidatingUntilMs: revalidating,
      onErrorUntilMs: onError,
      whileDownUntilMs: whileDown,
      neverStale: (flags & NEVER_STALE) !== 0,
      servesCookie: (flags & SERVES_COOKIE) !== 0,
      servesAuthorization: (flags & SERVES_AUTHORIZATION) !== 0,
    },
    selector: selectorFrom(row[10]),
  };
}

function selectorFrom(written: Row[10]): Selector {
  if (written === null) return ANY_REQUEST;
  const [names, sent, values] = written;
  return {
    names,
    sent: sent.map((text) => text ?? undefined),
    values: values.map((text) => text ?? undefined),
  };
}

/** Heads are latin1; what is not (a service's name, perhaps) is escaped. */
function inLatin1(text: string): string {
  return text.replace(
    /[^\0-\xff]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
