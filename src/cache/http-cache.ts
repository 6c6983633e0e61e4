import type { Journal } from "../base/index.ts";
import type { FieldList, RequestHead } from "../http/index.ts";
import type {
  CacheContext,
  CacheStats,
  Fill,
  Lookup,
  MissLookup,
  Purge,
  StaleLookup,
} from "./types.ts";

/** One private store; no I/O; every time is wall-clock milliseconds. */
export class HttpCache {
  constructor(_options: {
    readonly maxBytes?: number;
    readonly maxEntryBytes?: number;
    readonly maxVariants?: number;
    readonly staleWhileDownMs?: number;
    readonly journal?: Journal;
  }) {}
  /** What to do with this request. A `hit` is valid until the next call. */
  lookup(
    _request: RequestHead,
    _context: CacheContext,
    _nowMs: number,
  ): Lookup {
    return { kind: "bypass", because: "disabled" };
  }
  /**
   * Called before the request that may fill or refresh the cache is sent.
   * Undefined when its answer will not be stored.
   */
  beginFill(
    _request: RequestHead,
    _context: CacheContext,
    _lookup: MissLookup | StaleLookup,
  ): Fill | undefined {
    return undefined;
  }
  /** An answer on its way that this request may wait for. */
  inFlight(
    _request: RequestHead,
    _context: CacheContext,
    _lookup: MissLookup | StaleLookup,
  ): Fill | undefined {
    return undefined;
  }
  /** After the answer to a method that is not safe: removes what it may have changed (RFC 9111 section 4.4). */
  afterUnsafe(
    _request: RequestHead,
    _context: CacheContext,
    _answer: { readonly status: number; readonly fields: FieldList },
  ): void {}
  /** Removes at once; answers how many entries. */
  purge(_purge: Purge): number {
    return 0;
  }
  /** Removes everything, or everything of one service. */
  clear(_service?: string): void {}
  stats(): CacheStats {
    throw new TypeError("Cannot count: not there yet");
  }
  close(): void {}
}
