import assert from "node:assert/strict";
import {
  DEFAULT_HEAD_LIMITS,
  type FieldList,
  parseRequestHead,
  type RequestHead,
} from "../http/index.ts";
import { HttpCache } from "./http-cache.ts";
import type {
  CacheContext,
  Fill,
  FillHead,
  FillListener,
  HitLookup,
  Lookup,
  MissLookup,
  StaleLookup,
  StoredResponse,
} from "./types.ts";

/** Monday, 2026-01-05 00:00:00 GMT. */
export const T0 = Date.UTC(2026, 0, 5);
export const SECOND = 1000;

/** A parsed head: `request("GET /a", { Cookie: "x" })`. */
export function request(
  line = "GET /",
  fields: Readonly<Record<string, string>> = {},
): RequestHead {
  const lines = Object.entries(fields).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const bytes = Buffer.from(
    `${line} HTTP/1.1\r\nHost: www\r\n${lines.join("")}\r\n`,
    "latin1",
  );
  const result = parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
  assert.equal(result.kind, "head");
  return result.head;
}

export function context(
  changes: Partial<Omit<CacheContext, "rules">> & {
    readonly rules?: Partial<CacheContext["rules"]>;
  } = {},
): CacheContext {
  return {
    service: "www",
    scheme: "http",
    host: "www",
    currentRelease: "r1",
    allTargetsDown: false,
    ...changes,
    rules: {
      enabled: true,
      defaultTtlMs: 120 * SECOND,
      heuristic: "last-modified",
      ...changes.rules,
    },
  };
}

/** Fields of an answer as a flat list, a name to several values where given. */
export function fieldList(
  fields: Readonly<Record<string, string | readonly string[]>>,
): FieldList {
  return Object.entries(fields).flatMap(([name, value]) =>
    [value].flat().flatMap((line) => [name, line]),
  );
}

export interface Answer {
  readonly status?: number;
  readonly fields?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
  readonly release?: string | undefined;
}

/** A cache with a clock, and the steps that a proxy takes with it. */
export class CacheBench {
  readonly cache: HttpCache;
  nowMs = T0;

  constructor(options: ConstructorParameters<typeof HttpCache>[0] = {}) {
    this.cache = new HttpCache(options);
  }

  after(seconds: number): this {
    this.nowMs += seconds * SECOND;
    return this;
  }

  lookup(asked = request(), where = context()): Lookup {
    return this.cache.lookup(asked, where, this.nowMs);
  }

  /** Begins a fill for a look-up that is a miss or stale. */
  begin(asked = request(), where = context()): Fill {
    const fill = this.cache.beginFill(
      asked,
      where,
      forwarded(this.lookup(asked, where)),
    );
    assert.ok(fill !== undefined);
    return fill;
  }

  /** Asks, gets this answer, and says what was stored of it, or why not. */
  exchange(
    answer: Answer,
    asked = request(),
    where = context(),
  ): StoredResponse | string {
    const fill = this.begin(asked, where);
    return complete(fill, answer, this.nowMs);
  }

  /** The age of the hit, or the kind and reason of anything else. */
  ask(asked = request(), where = context()): string {
    const lookup = this.lookup(asked, where);
    return lookup.kind === "hit"
      ? `${lookup.because} ${lookup.ageS}`
      : `${lookup.kind} ${lookup.because}`;
  }
}

/** Gives a fill its whole answer. */
export function complete(
  fill: Fill,
  answer: Answer,
  nowMs: number,
): StoredResponse | string {
  const { status = 200, fields = {}, body = "body", release = "r1" } = answer;
  const storable = fill.head(status, fieldList(fields), release, nowMs);
  if (!storable.store) return storable.because;
  fill.data(Buffer.from(body));
  return fill.end() ?? "not stored";
}

export function forwarded(lookup: Lookup): MissLookup | StaleLookup {
  assert.ok(lookup.kind === "miss" || lookup.kind === "stale", lookup.kind);
  return lookup;
}

export function hit(lookup: Lookup): HitLookup {
  assert.equal(lookup.kind, "hit");
  return lookup;
}

export function stale(lookup: Lookup): StaleLookup {
  assert.equal(lookup.kind, "stale");
  return lookup;
}

/** Writes down what a waiter is told. */
export class Recorder implements FillListener {
  readonly events: string[] = [];
  onHead(head: FillHead): void {
    this.events.push(`head ${head.status}`);
  }
  onData(): void {
    this.events.push("data");
  }
  onEnd(stored: StoredResponse | undefined): void {
    this.events.push(stored === undefined ? "end" : "end stored");
  }
  onRefused(): void {
    this.events.push("refused");
  }
  onAborted(): void {
    this.events.push("aborted");
  }
}
