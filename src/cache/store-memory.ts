import { randomFillSync } from "node:crypto";
import { BlockAllocator } from "./block-allocator.ts";
import {
  CLAIMS,
  GUARD_STRIDE,
  HEADER_WORDS,
  RECORD_WORDS,
  STAMPS,
  type StoreMemory,
  UNIT_BYTES,
} from "./store-layout.ts";

/** An answer of common size takes two units or more; there are records for that. */
const UNITS_PER_RECORD = 2;
/** What the tables take for each unit, pins of eight threads included. */
const TABLE_BYTES_PER_UNIT =
  9 + (RECORD_WORDS * 4 + 1 + 16 + 8 * 4) / UNITS_PER_RECORD;
/** The rest is what the threads note for themselves of answers they gave lately. */
const SHARED_PART = 7 / 8;

/**
 * Memory for stored answers of `maxBytes`, tables and threads' notes included.
 * @throws RangeError when the system does not give that much
 */
export function createStoreMemory(options: {
  readonly maxBytes: number;
  /** Threads that store and look up, beside the one that makes the memory. */
  readonly workers: number;
}): StoreMemory {
  const { maxBytes, workers } = options;
  const units = Math.floor(
    (maxBytes * SHARED_PART) / (UNIT_BYTES + TABLE_BYTES_PER_UNIT),
  );
  const records = Math.ceil(units / UNITS_PER_RECORD);
  const buckets = 2 ** Math.ceil(Math.log2(Math.max(16, records)));
  const columns = workers + 1;
  try {
    const words = (count: number) => new SharedArrayBuffer(count * 4);
    const [k0 = 0, k1 = 0] = randomFillSync(new Int32Array(2));
    const memory: StoreMemory = {
      maxBytes,
      columns,
      units,
      records,
      buckets,
      localBytes: (maxBytes * (1 - SHARED_PART)) / Math.max(1, workers),
      seed: [k0, k1],
      arena: new SharedArrayBuffer(units * UNIT_BYTES),
      header: words(HEADER_WORDS),
      blockNext: words(units),
      blockPrevious: words(units),
      blockOrders: new SharedArrayBuffer(units),
      recordWords: words(records * RECORD_WORDS),
      visited: new SharedArrayBuffer(records),
      bucketFirst: words(buckets),
      bucketVersions: words(buckets),
      guards: words(columns * GUARD_STRIDE),
      pins: Array.from({ length: columns }, () => words(records)),
      claims: words(CLAIMS),
      stamps: words(STAMPS),
    };
    new BlockAllocator(memory).format([]);
    return memory;
  } catch (cause) {
    throw new RangeError(
      `Cannot take ${maxBytes} bytes for the cache: the system does not give them`,
      { cause },
    );
  }
}
