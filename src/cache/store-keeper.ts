/*
 * What the main thread does for the memory that its workers share: it tells what
 * is in it, and puts it in order when a worker has ended.
 *
 * A thread that ends leaves pins, a guard, claims, and answers that it was
 * receiving; all of these stand in its column or under its name, and are taken
 * back. Where it ended in the middle of a change, with the lock in its hand, the
 * tables may say anything. Then everything stored is dropped, and the tables are
 * written anew from the only things that no change of another thread alters:
 * which records somebody pins or is receiving, and the chains of their blocks.
 */
import { forgetClaims } from "./fill-claims.ts";
import { PinTable } from "./pin-table.ts";
import { RECORD, STATE } from "./record-table.ts";
import { SharedIndex } from "./shared-index.ts";
import { HEADER, type StoreMemory } from "./store-layout.ts";
import { StoreLock } from "./store-lock.ts";
import type { CacheSize } from "./types.ts";

/** The main thread's column. */
const COLUMN = 0;
/** How long one attempt waits for the lock. */
const PATIENCE_MS = 5;

/** What a repair came to; `busy`: try again. */
export type Repair = "busy" | "repaired" | "cleared";

export class StoreKeeper {
  readonly #memory: StoreMemory;
  readonly #header: Int32Array;
  readonly #lock: StoreLock;
  readonly #pins: PinTable;
  readonly #index: SharedIndex;

  constructor(memory: StoreMemory) {
    this.#memory = memory;
    this.#header = new Int32Array(memory.header);
    this.#lock = new StoreLock(this.#header, COLUMN);
    this.#pins = new PinTable(memory, COLUMN);
    this.#index = new SharedIndex(memory, this.#pins);
  }

  get size(): CacheSize {
    return this.#index.size;
  }

  /**
   * Takes back what the thread of a column left. Called when it has ended and
   * before another gets its column; again, until it is no longer `busy`.
   */
  repair(column: number): Repair {
    const wasHeld = this.#lock.takeOver(column);
    if (!wasHeld && !this.#lock.tryAcquire(PATIENCE_MS)) return "busy";
    try {
      this.#pins.forget(column);
      if (wasHeld) this.#rebuild(column);
      else this.#takeBack(column);
    } finally {
      this.#lock.release();
    }
    forgetClaims(this.#memory, column);
    return wasHeld ? "cleared" : "repaired";
  }

  /** Removes everything that is stored; what is being received goes on. */
  clear(): void {
    this.#lock.acquire();
    try {
      for (const slot of this.#index.records.queue()) this.#index.remove(slot);
      this.#index.freeGuarded();
    } finally {
      this.#lock.release();
    }
  }

  /** Whether the tables agree with each other; for tests. */
  check(): void {
    this.#lock.acquire();
    try {
      this.#check();
    } finally {
      this.#lock.release();
    }
  }

  /** Drops what it was receiving, and what only it kept. */
  #takeBack(column: number): void {
    const { records } = this.#index;
    for (let slot = 0; slot < records.touched; slot++) {
      const state = records.state(slot);
      if (
        state === STATE.receiving &&
        records.get(slot, RECORD.owner) === column
      )
        this.#index.discard(slot);
      else if (state === STATE.leaving) this.#index.free(slot);
    }
    this.#index.freeGuarded();
  }

  #rebuild(column: number): void {
    const memory = this.#memory;
    const header = this.#header;
    const { records, blocks } = this.#index;
    const chains: number[] = [];
    let receivingUnits = 0;
    let leavingUnits = 0;
    header.fill(0, HEADER.freeRecord, HEADER.freeRecord + 1);
    header.fill(0, HEADER.newest, HEADER.guarded + 1);
    new Int32Array(memory.bucketFirst).fill(0);
    for (let slot = 0; slot < records.touched; slot++) {
      const state = records.state(slot);
      const isReceived =
        state === STATE.receiving && records.get(slot, RECORD.owner) !== column;
      const isKept = state !== STATE.free && this.#pins.isKept(slot);
      records.set(slot, RECORD.listed, 0);
      if (!isReceived && !isKept) {
        records.release(slot);
        continue;
      }
      chains.push(
        records.get(slot, RECORD.firstBlock),
        records.get(slot, RECORD.metaBlock),
      );
      const units = records.get(slot, RECORD.units);
      if (isReceived) receivingUnits += units;
      else {
        leavingUnits += units;
        records.setState(slot, STATE.leaving);
      }
    }
    blocks.format(chains.filter((first) => first > 0));
    header[HEADER.receivingUnits] = receivingUnits;
    header[HEADER.leavingUnits] = leavingUnits;
    // Every thread's notes are wrong from here on.
    const versions = new Int32Array(memory.bucketVersions);
    for (let bucket = 0; bucket < versions.length; bucket++)
      Atomics.add(versions, bucket, 1);
    for (let slot = 0; slot < records.touched; slot++) this.#index.free(slot);
  }

  #check(): void {
    const { records, blocks } = this.#index;
    blocks.check();
    const owners = new Map<number, number>();
    let used = 0;
    let stored = 0;
    for (let slot = 0; slot < records.touched; slot++) {
      const state = records.state(slot);
      if (state === STATE.free) continue;
      if (state === STATE.stored) stored += 1;
      let units = 0;
      for (const word of [RECORD.firstBlock, RECORD.metaBlock])
        for (const run of blocks.runs(records.get(slot, word)))
          for (let unit = run.unit; unit < run.unit + run.units; unit++) {
            if (owners.has(unit))
              throw new Error(
                `Unit ${unit} is of slots ${slot} and ${owners.get(unit)}`,
              );
            owners.set(unit, slot);
            units += 1;
          }
      if (units !== records.get(slot, RECORD.units))
        throw new Error(`Slot ${slot} has ${units} units`);
      used += units;
    }
    if (used + blocks.freeUnits !== this.#memory.units)
      throw new Error(`${used} units used, ${blocks.freeUnits} free`);
    const queued = [...records.queue()].length;
    if (stored !== queued || stored !== this.#index.entries)
      throw new Error(`${stored} stored, ${queued} in the queue`);
  }
}
