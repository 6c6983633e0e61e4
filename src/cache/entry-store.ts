import { Entry, type EntryParts } from "./entry.ts";
import { decodeHead, encodeHead } from "./entry-codec.ts";
import { KeyHasher } from "./key-hash.ts";
import { LocalEntries } from "./local-entries.ts";
import { PinTable } from "./pin-table.ts";
import { ReceivingBody, type RoomGiver } from "./receiving-body.ts";
import { RECORD, STATE } from "./record-table.ts";
import { SharedIndex } from "./shared-index.ts";
import { SharedBody } from "./stored-body.ts";
import { STAMPS, type StoreMemory } from "./store-layout.ts";
import { StoreLock } from "./store-lock.ts";
import type { CacheSize } from "./types.ts";

/** Records that one hold of the lock looks at, where all are looked at. */
const BATCH = 64;

/** What a purge looks at of a stored answer; the fields are read only if asked for. */
export interface StoredHead {
  readonly key: string;
  readonly fields: readonly string[];
}

/** One thread's way to the answers that all threads store. */
export class EntryStore implements RoomGiver {
  readonly #column: number;
  readonly #maxVariants: number;
  readonly #lock: StoreLock;
  readonly #pins: PinTable;
  readonly #index: SharedIndex;
  readonly #hash: KeyHasher;
  readonly #serviceHash: KeyHasher;
  readonly #notes: LocalEntries;
  readonly #stamps: Int32Array;
  readonly #versions: Int32Array;
  readonly #visited: Uint8Array;
  /** Whether other threads store too. */
  readonly #isShared: boolean;

  constructor(
    memory: StoreMemory,
    options: { readonly column: number; readonly maxVariants: number },
  ) {
    this.#column = options.column;
    this.#isShared = memory.columns > 2;
    this.#maxVariants = options.maxVariants;
    this.#lock = new StoreLock(new Int32Array(memory.header), options.column);
    this.#pins = new PinTable(memory, options.column);
    this.#index = new SharedIndex(memory, this.#pins);
    this.#versions = this.#index.versions;
    this.#visited = this.#index.records.visited;
    this.#hash = new KeyHasher(memory.seed);
    this.#serviceHash = new KeyHasher(memory.seed);
    this.#notes = new LocalEntries(memory.localBytes);
    this.#stamps = new Int32Array(memory.stamps);
  }

  // ---- look-up

  /** The newest answer of a key as this thread knows it, the others behind it: to be guarded. */
  noted(key: string): Entry | undefined {
    return this.#notes.get(key);
  }

  /** The same as it is now. */
  renewed(key: string): Entry | undefined {
    const index = this.#index;
    const hash = this.#hash;
    if (index.entries > 0) {
      hash.hash(key);
      if (index.mayHave(hash)) return this.#locked(() => this.#note(key));
    }
    this.#notes.delete(key);
    return undefined;
  }

  /** Whether answers of a key have come, gone or changed since they were noted here. */
  hasNews(key: string): boolean {
    const noted = this.#notes.get(key);
    if (noted !== undefined)
      return Atomics.load(this.#versions, noted.bucket) !== noted.version;
    if (this.#index.entries === 0) return false;
    this.#hash.hash(key);
    return this.#index.mayHave(this.#hash);
  }

  /**
   * Keeps an entry's bytes as they are until the next one is guarded. False when
   * something happened to answers of its key since it was noted.
   */
  guard(entry: Entry): boolean {
    const { slot } = entry;
    if (slot !== this.#pins.guarded) this.#pins.guard(slot);
    if (Atomics.load(this.#versions, entry.bucket) === entry.version)
      return true;
    this.unguard();
    return false;
  }

  /** The same for one that is held, whatever has happened to it. */
  guardHeld(slot: number): void {
    this.#pins.guard(slot);
  }

  unguard(): void {
    this.#pins.unguard();
  }

  /** An entry was used: it shall stay. */
  visit(entry: Entry): void {
    const { slot } = entry;
    if (this.#visited[slot] === 0) this.#visited[slot] = 1;
  }

  // ---- pins

  hold(slot: number, generation: number): boolean {
    const { records } = this.#index;
    const isProtected = this.#pins.protects(slot);
    this.#pins.pin(slot);
    // The state first: a slot that has changed hands has another generation by then.
    const state = records.state(slot);
    const isThere =
      isProtected || state === STATE.stored || state === STATE.receiving;
    if (isThere && records.generation(slot) === generation) return true;
    this.release(slot);
    return false;
  }

  release(slot: number): void {
    this.#pins.unpin(slot);
    if (this.#index.records.state(slot) === STATE.leaving)
      this.#locked(() => this.#index.free(slot));
  }

  // ---- storing

  /** Room for an answer; undefined when there is none. */
  open(bytes: number): ReceivingBody | undefined {
    return this.#locked(() => {
      const index = this.#index;
      const slot = index.open(bytes, this.#column);
      if (slot === undefined) return undefined;
      const place = {
        giver: this,
        slot,
        generation: index.records.generation(slot),
      };
      const first = index.records.get(slot, RECORD.firstBlock);
      return new ReceivingBody(place, index.views(first, Infinity));
    });
  }

  extend(slot: number, bytes: number): readonly Buffer[] | undefined {
    return this.#locked(() => {
      const first = this.#index.extend(slot, bytes);
      return first === undefined
        ? undefined
        : this.#index.views(first, Infinity);
    });
  }

  discard(body: ReceivingBody): void {
    this.#locked(() => this.#index.discard(body.slot));
  }

  /** Changes when an answer of this key is invalidated, in whatever thread. */
  stampOf(key: string): number {
    // A thread alone knows of its own invalidations.
    if (!this.#isShared) return 0;
    return Atomics.load(this.#stamps, this.#stampAt(key));
  }

  /**
   * Stores an answer whose body, and head behind it, has been received, in place
   * of those that it `shadows`. Undefined, and the room given back, when its key
   * was invalidated since `stamp`.
   */
  publish(
    parts: EntryParts,
    received: ReceivingBody,
    how: {
      readonly body: SharedBody;
      readonly stamp: number;
      readonly shadows: (other: Entry) => boolean;
    },
  ): Entry | undefined {
    const { slot } = received;
    const bodyBytes = how.body.length;
    const hash = this.#hash;
    return this.#locked(() => {
      const index = this.#index;
      const { records } = index;
      if (this.stampOf(parts.key) !== how.stamp) {
        index.discard(slot);
        return undefined;
      }
      hash.hash(parts.key);
      index.shorten(slot, received.length);
      records.set(slot, RECORD.bodyBytes, bodyBytes);
      records.set(slot, RECORD.keyBytes, parts.key.length);
      records.set(slot, RECORD.metaBytes, received.length - bodyBytes);
      records.set(slot, RECORD.serviceHash, this.#hashOfService(parts.service));
      const entry = new Entry(
        parts,
        how.body,
        records.get(slot, RECORD.edition),
      );
      this.#removeShadowed(parts.key, how.shadows, undefined);
      this.#limitVariants();
      index.link(slot, hash);
      this.#note(parts.key, entry);
      return entry;
    });
  }

  /**
   * Gives a stored answer another head. Undefined when it is no longer stored,
   * or when there is no room.
   */
  refresh(
    previous: Entry,
    parts: EntryParts,
    shadows: (other: Entry) => boolean,
  ): Entry | undefined {
    const head = encodeHead(parts);
    return this.#locked(() => {
      const index = this.#index;
      const { records } = index;
      const { slot } = previous;
      if (!this.#isStored(previous)) return undefined;
      this.#hash.hash(parts.key);
      // Not to be evicted for its own head.
      this.#pins.pin(slot);
      const isDone = index.replaceHead(slot, head);
      this.#pins.unpin(slot);
      if (!isDone) return undefined;
      const edition = records.get(slot, RECORD.edition) + 1;
      records.set(slot, RECORD.edition, edition);
      const entry = new Entry(parts, previous.body, edition);
      this.#removeShadowed(parts.key, shadows, slot);
      index.relink(slot);
      this.#note(parts.key, entry);
      return entry;
    });
  }

  // ---- removing

  /** Removes an entry; one that is not there is left alone. */
  remove(entry: Entry): boolean {
    return this.#locked(
      () => this.#isStored(entry) && this.#index.remove(entry.slot),
    );
  }

  /**
   * Removes all answers of a key, and keeps out those being received in any
   * thread; answers how many it removed.
   */
  removeKey(key: string): number {
    return this.#locked(() => {
      Atomics.add(this.#stamps, this.#stampAt(key), 1);
      this.#hash.hash(key);
      const slots = this.#index.slotsOf(this.#hash);
      for (const slot of slots) this.#index.remove(slot);
      return slots.length;
    });
  }

  /** Removes what matches; with `word`, only those whose head holds it are looked at. */
  removeWhere(
    matches: (head: StoredHead) => boolean,
    only: { readonly service?: string; readonly word?: string } = {},
  ): number {
    const { service, word } = only;
    const serviceHash =
      service === undefined ? undefined : this.#hashOfService(service);
    const index = this.#index;
    const { records } = index;
    let removed = 0;
    for (let from = 0; from < records.touched; from += BATCH)
      this.#locked(() => {
        const to = Math.min(from + BATCH, records.touched);
        for (let slot = from; slot < to; slot++) {
          if (records.state(slot) !== STATE.stored) continue;
          if (
            serviceHash !== undefined &&
            records.get(slot, RECORD.serviceHash) !== serviceHash
          )
            continue;
          if (word !== undefined && !index.headIncludes(slot, word)) continue;
          if (matches(new LazyHead(index, slot)) && index.remove(slot))
            removed += 1;
        }
      });
    return removed;
  }

  /** Now and then: an idle thread keeps nothing from being freed. */
  tidy(): void {
    this.unguard();
    if (this.#index.hasGuarded) this.#locked(() => this.#index.freeGuarded());
  }

  get size(): CacheSize {
    return this.#index.size;
  }

  // ---- with the lock held

  /** Notes the answers of the key that was hashed, as they are now. */
  #note(key: string, fresh?: Entry): Entry | undefined {
    const index = this.#index;
    const hash = this.#hash;
    const known = this.#notes.get(key);
    const bucket = index.bucketOf(hash);
    const version = Atomics.load(this.#versions, bucket);
    let first: Entry | undefined;
    let last: Entry | undefined;
    for (const slot of index.slotsOf(hash)) {
      const entry =
        fresh?.slot === slot ? fresh : this.#entryAt(slot, key, known);
      if (entry === undefined) continue;
      entry.bucket = bucket;
      entry.version = version;
      if (last === undefined) first = entry;
      else last.nextVariant = entry;
      last = entry;
    }
    if (last !== undefined) last.nextVariant = undefined;
    if (first === undefined) this.#notes.delete(key);
    else this.#notes.set(key, first);
    return first;
  }

  /** An answer as it was noted, or read now; undefined when it is another key's. */
  #entryAt(
    slot: number,
    key: string,
    known: Entry | undefined,
  ): Entry | undefined {
    const { records } = this.#index;
    const generation = records.generation(slot);
    const edition = records.get(slot, RECORD.edition);
    for (let entry = known; entry !== undefined; entry = entry.nextVariant)
      if (
        entry.slot === slot &&
        entry.body.generation === generation &&
        entry.edition === edition
      )
        return entry;
    const head = this.#index.headOf(slot);
    return head.key === key
      ? new Entry(decodeHead(key, head.text), this.#bodyOf(slot), edition)
      : undefined;
  }

  #bodyOf(slot: number): SharedBody {
    const index = this.#index;
    const { records } = index;
    return new SharedBody(
      { holder: this, slot, generation: records.generation(slot) },
      index.views(
        records.get(slot, RECORD.firstBlock),
        records.get(slot, RECORD.bodyBytes),
      ),
    );
  }

  #removeShadowed(
    key: string,
    shadows: (other: Entry) => boolean,
    butSlot: number | undefined,
  ): void {
    const known = this.#notes.get(key);
    for (const slot of this.#index.slotsOf(this.#hash)) {
      if (slot === butSlot) continue;
      const other = this.#entryAt(slot, key, known);
      if (other !== undefined && shadows(other)) this.#index.remove(slot);
    }
  }

  /** Keeps a key's answers few enough for one more. */
  #limitVariants(): void {
    const slots = this.#index.slotsOf(this.#hash);
    const last = slots.at(-1);
    if (slots.length < this.#maxVariants || last === undefined) return;
    if (this.#index.remove(last)) this.#index.countEvicted();
  }

  #isStored(entry: Entry): boolean {
    const { records } = this.#index;
    return (
      records.generation(entry.slot) === entry.body.generation &&
      records.state(entry.slot) === STATE.stored
    );
  }

  #stampAt(key: string): number {
    this.#hash.hash(key);
    return this.#hash.high & (STAMPS - 1);
  }

  #hashOfService(service: string): number {
    this.#serviceHash.hash(service);
    return this.#serviceHash.low;
  }

  #locked<T>(change: () => T): T {
    this.#lock.acquire();
    try {
      return change();
    } finally {
      this.#lock.release();
    }
  }
}

/** Reads of a stored head what is asked for. */
class LazyHead implements StoredHead {
  readonly key: string;
  readonly #index: SharedIndex;
  readonly #slot: number;

  constructor(index: SharedIndex, slot: number) {
    this.#index = index;
    this.#slot = slot;
    this.key = index.keyOf(slot);
  }

  get fields(): readonly string[] {
    return decodeHead(this.key, this.#index.headOf(this.#slot).text).fields;
  }
}
