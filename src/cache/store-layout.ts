/*
 * The memory that all threads of one process share as their cache: an arena for
 * what was answered, and tables that say what lies where.
 *
 *   arena      units of 1 KiB, in blocks of a power of two
 *   blocks     for each unit that begins a block: its order, and two links
 *   records    one for each stored answer, or answer being received
 *   buckets    by hash of the key: the first record, and a version that changes
 *              with whatever happens to a key of the bucket
 *   guards     one for each thread: the record whose bytes it is copying
 *   pins       for each thread and record: how many writes need its bytes
 *   claims     which keys are being fetched, and by which thread
 *   stamps     how often keys were invalidated
 *
 * Whatever is not touched takes no memory. One lock, held for microseconds,
 * covers every change of blocks, records and buckets; look-ups take none while a
 * thread's own notes are right (local-entries.ts).
 */
import type { HashSeed } from "./key-hash.ts";

/** The smallest piece of memory that is handed out. */
export const UNIT_BYTES = 1024;
/** Words of one record. */
export const RECORD_WORDS = 20;
/** Words from one guard to the next: a cache line each, since hits write them. */
export const GUARD_STRIDE = 16;
export const CLAIMS = 2 ** 14;
export const STAMPS = 2 ** 17;

/** Words of the header. */
export const HEADER = {
  lockHolder: 0,
  lockWaiters: 1,
  /** First of 32: the first free block of each order. */
  freeBlocks: 8,
  /** One bit for each order that has a free block. */
  freeOrders: 40,
  freeUnits: 41,
  freeRecord: 42,
  /** Records from this one on were never used. */
  untouchedRecord: 43,
  newest: 44,
  oldest: 45,
  hand: 46,
  entries: 47,
  receivingUnits: 48,
  /** Records that only a guard keeps, as a list. */
  guarded: 49,
  /** Units of records that left and are still being written from. */
  leavingUnits: 50,
  evicted: 51,
} as const;
export const HEADER_WORDS = 64;

/** Made by the main thread, given to workers as it is. */
export interface StoreMemory {
  readonly maxBytes: number;
  /** Threads that may use it; each has a column of its own. */
  readonly columns: number;
  readonly units: number;
  readonly records: number;
  /** A power of two. */
  readonly buckets: number;
  /** What each thread may note for itself. */
  readonly localBytes: number;
  readonly seed: HashSeed;
  readonly arena: SharedArrayBuffer;
  readonly header: SharedArrayBuffer;
  readonly blockNext: SharedArrayBuffer;
  readonly blockPrevious: SharedArrayBuffer;
  readonly blockOrders: SharedArrayBuffer;
  readonly recordWords: SharedArrayBuffer;
  readonly visited: SharedArrayBuffer;
  readonly bucketFirst: SharedArrayBuffer;
  readonly bucketVersions: SharedArrayBuffer;
  readonly guards: SharedArrayBuffer;
  readonly pins: readonly SharedArrayBuffer[];
  readonly claims: SharedArrayBuffer;
  readonly stamps: SharedArrayBuffer;
}
