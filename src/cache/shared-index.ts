/*
 * Which answer lies where, for all threads. A record is found by the hash of its
 * key, through its bucket; whatever happens to a record of a bucket changes the
 * bucket's version, and with it every thread's note of that bucket's keys.
 *
 * A record that is removed is not given away while somebody copies or writes
 * from it (pin-table.ts): a pinned one is freed by the thread that takes its last
 * pin back, one that is only guarded when the next one looks for room.
 */
import { BlockAllocator, type BlockLink, unitsFor } from "./block-allocator.ts";
import type { KeyHasher } from "./key-hash.ts";
import type { PinTable } from "./pin-table.ts";
import { RECORD, RecordTable, STATE } from "./record-table.ts";
import {
  HEADER,
  RECORD_WORDS,
  type StoreMemory,
  UNIT_BYTES,
} from "./store-layout.ts";
import type { CacheSize } from "./types.ts";

/** Records of one bucket that are looked at without the lock: keys cannot be aimed at one. */
const MAX_STEPS = 32;

/** Buckets, records and blocks put together. All but `mayHave` and the figures need the lock. */
export class SharedIndex {
  readonly records: RecordTable;
  readonly blocks: BlockAllocator;
  readonly #header: Int32Array;
  readonly #arena: Buffer;
  readonly #first: Int32Array;
  readonly versions: Int32Array;
  readonly #mask: number;
  readonly #units: number;
  readonly #maxBytes: number;
  readonly #pins: PinTable;

  constructor(memory: StoreMemory, pins: PinTable) {
    this.records = new RecordTable(memory);
    this.blocks = new BlockAllocator(memory);
    this.#header = new Int32Array(memory.header);
    this.#arena = Buffer.from(memory.arena);
    this.#first = new Int32Array(memory.bucketFirst);
    this.versions = new Int32Array(memory.bucketVersions);
    this.#mask = memory.buckets - 1;
    this.#units = memory.units;
    this.#maxBytes = memory.maxBytes;
    this.#pins = pins;
  }

  get size(): CacheSize {
    return {
      entries: this.entries,
      bytes: this.usedBytes,
      pinnedBytes: this.pinnedBytes,
      maxBytes: this.#maxBytes,
      evicted: this.evicted,
    };
  }

  get entries(): number {
    return this.#header[HEADER.entries] ?? 0;
  }

  get evicted(): number {
    return (this.#header[HEADER.evicted] ?? 0) >>> 0;
  }

  /** Of stored answers, of those being received, and of those that left and are still being written. */
  get usedBytes(): number {
    return (this.#units - this.blocks.freeUnits) * UNIT_BYTES;
  }

  /** What writes to clients need, by what is pinned at the moment. */
  get pinnedBytes(): number {
    const { records } = this;
    let units = 0;
    for (let slot = 0; slot < records.touched; slot++)
      if (records.state(slot) !== STATE.free && this.#pins.isPinned(slot))
        units += records.get(slot, RECORD.units);
    return units * UNIT_BYTES;
  }

  /** Whether something waits for guards to move on. */
  get hasGuarded(): boolean {
    return this.#header[HEADER.guarded] !== 0;
  }

  bucketOf(hash: KeyHasher): number {
    return hash.low & this.#mask;
  }

  /**
   * Whether there may be answers of the key that was hashed. Looks without the
   * lock, while others change what it looks at: what was stored or removed this
   * very moment may be missed, or seen.
   */
  mayHave(hash: KeyHasher): boolean {
    const { words } = this.records;
    let link = Atomics.load(this.#first, this.bucketOf(hash));
    for (let step = 0; link > 0; step++) {
      const at = (link - 1) * RECORD_WORDS;
      if (
        step === MAX_STEPS ||
        (Atomics.load(words, at + RECORD.hashLow) === hash.low &&
          Atomics.load(words, at + RECORD.hashHigh) === hash.high)
      )
        return true;
      link = Atomics.load(words, at + RECORD.chain);
    }
    return false;
  }

  /** The slots of a hash, the newest first. */
  slotsOf(hash: KeyHasher): number[] {
    const { records } = this;
    const slots: number[] = [];
    let link = this.#first[this.bucketOf(hash)] ?? 0;
    while (link > 0) {
      const slot = link - 1;
      if (
        records.get(slot, RECORD.hashLow) === hash.low &&
        records.get(slot, RECORD.hashHigh) === hash.high
      )
        slots.push(slot);
      link = records.get(slot, RECORD.chain);
    }
    return slots;
  }

  // ---- room

  /**
   * A record with room for an answer that is being received. Undefined when
   * there is none to be had; nothing is evicted when those being received would
   * take more than half of all: many large answers at once must not push
   * everything else out.
   */
  open(bytes: number, column: number): number | undefined {
    const units = unitsFor(bytes);
    if (this.#isTooMuch(units) || !this.makeRoom(units)) return undefined;
    const { records } = this;
    const slot = records.claim() ?? this.#evictFor(() => records.claim());
    if (slot === undefined) return undefined;
    const taken = this.blocks.take(units);
    if (taken === undefined) {
      records.release(slot);
      return undefined;
    }
    records.set(slot, RECORD.owner, column);
    records.set(slot, RECORD.firstBlock, taken.first);
    records.set(slot, RECORD.lastBlock, taken.last);
    records.set(slot, RECORD.units, units);
    this.#count(HEADER.receivingUnits, units);
    records.setState(slot, STATE.receiving);
    return slot;
  }

  /** More room for one that is being received; answers the first new block. */
  extend(slot: number, bytes: number): BlockLink | undefined {
    const units = unitsFor(bytes);
    if (this.#isTooMuch(units) || !this.makeRoom(units)) return undefined;
    const { records } = this;
    const taken = this.blocks.take(units, records.get(slot, RECORD.lastBlock));
    if (taken === undefined) return undefined;
    records.set(slot, RECORD.lastBlock, taken.last);
    this.#addUnits(slot, units);
    this.#count(HEADER.receivingUnits, units);
    return taken.first;
  }

  /** Gives back what lies behind the first `bytes`. */
  shorten(slot: number, bytes: number): void {
    const { records } = this;
    const units = unitsFor(bytes);
    const spare = records.get(slot, RECORD.units) - units;
    if (spare <= 0) return;
    const last = this.blocks.shorten(
      records.get(slot, RECORD.firstBlock),
      units,
    );
    records.set(slot, RECORD.lastBlock, last);
    this.#addUnits(slot, -spare);
    this.#count(HEADER.receivingUnits, -spare);
  }

  /** Evicts until so many units are free; false when that cannot be had. */
  makeRoom(units: number): boolean {
    if (this.hasGuarded) this.freeGuarded();
    while (this.blocks.freeUnits < units) if (!this.#evict()) return false;
    return true;
  }

  /** Frees those that no guard keeps any longer. */
  freeGuarded(): void {
    const { records } = this;
    let link = this.#header[HEADER.guarded] ?? 0;
    this.#header[HEADER.guarded] = 0;
    while (link > 0) {
      const slot = link - 1;
      link = records.get(slot, RECORD.chain);
      records.set(slot, RECORD.listed, 0);
      this.free(slot);
    }
  }

  /** Frees a record that has left, unless somebody needs its bytes. */
  free(slot: number): void {
    const { records } = this;
    if (records.state(slot) !== STATE.leaving) return;
    if (records.get(slot, RECORD.listed) === 1) return;
    if (this.#pins.isPinned(slot)) return; // the last to unpin comes again
    if (this.#pins.isGuarded(slot)) {
      records.set(slot, RECORD.listed, 1);
      records.set(slot, RECORD.chain, this.#header[HEADER.guarded] ?? 0);
      this.#header[HEADER.guarded] = slot + 1;
      return;
    }
    this.#count(HEADER.leavingUnits, -records.get(slot, RECORD.units));
    this.blocks.release(records.get(slot, RECORD.firstBlock));
    this.blocks.release(records.get(slot, RECORD.metaBlock));
    records.release(slot);
  }

  // ---- in and out

  /** An answer that is whole, as the newest of its key. */
  link(slot: number, hash: KeyHasher): void {
    const { records } = this;
    records.set(slot, RECORD.hashLow, hash.low);
    records.set(slot, RECORD.hashHigh, hash.high);
    this.#count(HEADER.receivingUnits, -records.get(slot, RECORD.units));
    records.enqueue(slot);
    records.setState(slot, STATE.stored);
    this.#chain(slot, this.bucketOf(hash));
  }

  /** It is the newest of its key again. */
  relink(slot: number): void {
    const bucket = this.#bucket(slot);
    this.#unchain(slot, bucket);
    this.#chain(slot, bucket);
    this.records.visited[slot] = 1;
  }

  /** Nobody finds it from here on. */
  remove(slot: number): boolean {
    const { records } = this;
    if (records.state(slot) !== STATE.stored) return false;
    const bucket = this.#bucket(slot);
    this.#unchain(slot, bucket);
    records.dequeue(slot);
    this.#leave(slot);
    // Said before it is looked whether somebody still reads: see pin-table.ts.
    Atomics.add(this.versions, bucket, 1);
    this.free(slot);
    return true;
  }

  /** An answer that was being received, and is not stored. */
  discard(slot: number): void {
    const { records } = this;
    if (records.state(slot) !== STATE.receiving) return;
    this.#count(HEADER.receivingUnits, -records.get(slot, RECORD.units));
    this.#leave(slot);
    this.free(slot);
  }

  countEvicted(): void {
    this.#count(HEADER.evicted, 1);
  }

  // ---- bytes

  /** The bytes of a chain of blocks, up to `length`; not a copy. */
  views(first: BlockLink, length: number): Buffer[] {
    const views: Buffer[] = [];
    let missing = length;
    for (const { unit, units } of this.blocks.runs(first)) {
      if (missing <= 0) break;
      const bytes = Math.min(missing, units * UNIT_BYTES);
      const start = unit * UNIT_BYTES;
      views.push(this.#arena.subarray(start, start + bytes));
      missing -= bytes;
    }
    return views;
  }

  /** The head of an answer: its key, and what lies behind that. */
  headOf(slot: number): { readonly key: string; readonly text: string } {
    const { records } = this;
    const keyBytes = records.get(slot, RECORD.keyBytes);
    const bytes = this.#headBytes(slot);
    return {
      key: bytes.toString("latin1", 0, keyBytes),
      text: bytes.toString("latin1", keyBytes),
    };
  }

  keyOf(slot: number): string {
    const keyBytes = this.records.get(slot, RECORD.keyBytes);
    return this.#headBytes(slot).toString("latin1", 0, keyBytes);
  }

  /** Whether the head holds these bytes anywhere. */
  headIncludes(slot: number, text: string): boolean {
    return this.#headBytes(slot).includes(text, 0, "latin1");
  }

  /** Puts another head in place of an answer's; false when there is no room for it. */
  replaceHead(slot: number, head: Buffer): boolean {
    const { records, blocks } = this;
    const old = records.get(slot, RECORD.metaBlock);
    const bodyBytes = records.get(slot, RECORD.bodyBytes);
    const behind = this.views(records.get(slot, RECORD.firstBlock), Infinity);
    const room = behind.reduce((sum, view) => sum + view.length, -bodyBytes);
    if (head.length <= room) {
      copyInto(behind, bodyBytes, head);
      records.set(slot, RECORD.metaBlock, 0);
    } else {
      const units = unitsFor(head.length);
      if (!this.makeRoom(units)) return false;
      const taken = blocks.take(units);
      if (taken === undefined) return false;
      copyInto(this.views(taken.first, Infinity), 0, head);
      records.set(slot, RECORD.metaBlock, taken.first);
      this.#addUnits(slot, units);
    }
    records.set(slot, RECORD.metaBytes, head.length);
    if (old > 0) {
      const spare = this.blocks
        .runs(old)
        .reduce((sum, { units }) => sum + units, 0);
      blocks.release(old);
      this.#addUnits(slot, -spare);
    }
    return true;
  }

  #headBytes(slot: number): Buffer {
    const { records } = this;
    const length = records.get(slot, RECORD.metaBytes);
    const metaBlock = records.get(slot, RECORD.metaBlock);
    if (metaBlock > 0) return whole(this.views(metaBlock, length), 0);
    const bodyBytes = records.get(slot, RECORD.bodyBytes);
    const first = records.get(slot, RECORD.firstBlock);
    return whole(this.views(first, bodyBytes + length), bodyBytes);
  }

  // ---- within

  #isTooMuch(units: number): boolean {
    const receiving = this.#header[HEADER.receivingUnits] ?? 0;
    return receiving + units > this.#units / 2;
  }

  #evict(): boolean {
    const slot = this.records.victim((one) => this.#pins.isKept(one));
    if (slot === undefined || !this.remove(slot)) return false;
    this.countEvicted();
    return true;
  }

  #evictFor<T>(attempt: () => T | undefined): T | undefined {
    return this.#evict() ? attempt() : undefined;
  }

  #leave(slot: number): void {
    const { records } = this;
    this.#count(HEADER.leavingUnits, records.get(slot, RECORD.units));
    records.setState(slot, STATE.leaving);
  }

  #bucket(slot: number): number {
    return this.records.get(slot, RECORD.hashLow) & this.#mask;
  }

  #chain(slot: number, bucket: number): void {
    this.records.set(slot, RECORD.chain, this.#first[bucket] ?? 0);
    Atomics.store(this.#first, bucket, slot + 1);
    Atomics.add(this.versions, bucket, 1);
  }

  #unchain(slot: number, bucket: number): void {
    const { records } = this;
    const next = records.get(slot, RECORD.chain);
    let link = this.#first[bucket] ?? 0;
    if (link === slot + 1) {
      Atomics.store(this.#first, bucket, next);
      return;
    }
    while (link > 0) {
      const before = link - 1;
      link = records.get(before, RECORD.chain);
      if (link === slot + 1) {
        records.set(before, RECORD.chain, next);
        return;
      }
    }
  }

  #addUnits(slot: number, units: number): void {
    const { records } = this;
    records.set(slot, RECORD.units, records.get(slot, RECORD.units) + units);
  }

  #count(word: number, by: number): void {
    this.#header[word] = (this.#header[word] ?? 0) + by;
  }
}

/** Views as one buffer, from an offset on; a copy only where there are several. */
function whole(views: readonly Buffer[], from: number): Buffer {
  const [first] = views;
  if (views.length === 1 && first !== undefined) return first.subarray(from);
  let skip = from;
  const parts: Buffer[] = [];
  for (const view of views) {
    if (skip < view.length) parts.push(view.subarray(skip));
    skip = Math.max(0, skip - view.length);
  }
  const [part] = parts;
  return parts.length === 1 && part !== undefined ? part : Buffer.concat(parts);
}

function copyInto(views: readonly Buffer[], from: number, bytes: Buffer): void {
  let skip = from;
  let at = 0;
  for (const view of views) {
    if (at === bytes.length) return;
    if (skip < view.length) {
      const part = Math.min(view.length - skip, bytes.length - at);
      bytes.copy(view, skip, at, at + part);
      at += part;
    }
    skip = Math.max(0, skip - view.length);
  }
}
