import {
  type CapacityMemory,
  createCapacityMemory,
} from "./shared-capacity.ts";

/**
 * What all threads of one proxy know of each target, in shared memory.
 *
 * Every thread has a column and is the only one that writes to it; a figure is
 * the sum over the columns. So no atomic operation is needed where requests
 * pass, and the sums are exact. (An aligned double is read and written whole on
 * every platform Node runs on.) Only the health words, which many threads write
 * and only when something failed, are atomic.
 *
 * A slot belongs to one registration. The main thread hands slots out; memory
 * is never cleared, a new owner's figures start at what the columns show.
 */

/** Doubles for each slot in a column. */
const STRIDE = 5;
const SCORE = 0;
const ANSWERED = 1;
const IN_FLIGHT = 2;
const FAILED = 3;
const TUNNELS = 4;

/** Health words for each slot. */
const HEALTH_STRIDE = 2;
const FAILURES_IN_ROW = 0;
const EJECTED = 1;

/** Column 0 is the main thread's. */
export const MAIN_COLUMN = 0;

/** Why a target is out of rotation; `none` while it is in. */
export type EjectionCause = "none" | "failing" | "refused";
const CAUSES: readonly EjectionCause[] = ["none", "failing", "refused"];

/** The memory itself: made by the main thread, given to workers as it is. */
export interface CountersMemory {
  readonly slots: number;
  readonly columns: readonly SharedArrayBuffer[];
  readonly health: SharedArrayBuffer;
  /** Doubles: [0] live proxies, then for each column the last change applied. */
  readonly control: SharedArrayBuffer;
  readonly capacity: CapacityMemory;
}

/** Memory that is not touched costs nothing, so `slots` may be generous. */
export function createCountersMemory(options: {
  readonly slots: number;
  readonly workers: number;
}): CountersMemory {
  const { slots, workers } = options;
  return {
    slots,
    columns: Array.from(
      { length: workers + 1 },
      () => new SharedArrayBuffer(slots * STRIDE * 8),
    ),
    health: new SharedArrayBuffer(slots * HEALTH_STRIDE * 4),
    control: new SharedArrayBuffer((workers + 2) * 8),
    capacity: createCapacityMemory({ slots, columns: workers + 1 }),
  };
}

/** One thread's view: writes its own column, reads all. */
export class SharedCounters {
  readonly #columns: readonly Float64Array[];
  readonly #own: Float64Array;
  readonly #health: Int32Array;
  readonly #control: Float64Array;
  readonly #column: number;

  constructor(memory: CountersMemory, column: number) {
    this.#columns = memory.columns.map((bytes) => new Float64Array(bytes));
    const own = this.#columns[column];
    if (own === undefined)
      throw new RangeError(`Cannot use column ${column}: there is none`);
    this.#own = own;
    this.#column = column;
    this.#health = new Int32Array(memory.health);
    this.#control = new Float64Array(memory.control);
  }

  /** A request leaves for the target: counts in its score and in flight. */
  sent(slot: number, weight: number): void {
    const at = slot * STRIDE;
    const own = this.#own;
    const others = this.#control[0] ?? 1;
    own[at + SCORE] =
      (own[at + SCORE] ?? 0) + (others > 1 ? others : 1) / weight;
    own[at + IN_FLIGHT] = (own[at + IN_FLIGHT] ?? 0) + 1;
  }

  /** The request is over, however it ended. */
  settled(slot: number): void {
    const at = slot * STRIDE + IN_FLIGHT;
    this.#own[at] = (this.#own[at] ?? 0) - 1;
  }

  /** A request became a tunnel: in flight, but nothing waits for its answer. */
  upgraded(slot: number): void {
    const at = slot * STRIDE + TUNNELS;
    this.#own[at] = (this.#own[at] ?? 0) + 1;
  }

  tunnelEnded(slot: number): void {
    const at = slot * STRIDE + TUNNELS;
    this.#own[at] = (this.#own[at] ?? 0) - 1;
  }

  /** The target answered; a good answer ends a row of failures. */
  answered(slot: number, good = true): void {
    const at = slot * STRIDE + ANSWERED;
    this.#own[at] = (this.#own[at] ?? 0) + 1;
    if (!good) return;
    // A plain look first: the atomic is paid only after a failure.
    const health = slot * HEALTH_STRIDE + FAILURES_IN_ROW;
    if (this.#health[health] !== 0) Atomics.store(this.#health, health, 0);
  }

  /** An attempt failed; answers how many did in a row. */
  failed(slot: number): number {
    const at = slot * STRIDE + FAILED;
    this.#own[at] = (this.#own[at] ?? 0) + 1;
    return (
      Atomics.add(this.#health, slot * HEALTH_STRIDE + FAILURES_IN_ROW, 1) + 1
    );
  }

  failuresInRow(slot: number): number {
    return this.#health[slot * HEALTH_STRIDE + FAILURES_IN_ROW] ?? 0;
  }

  /** Takes a target out of rotation; false where it already was, as firmly. */
  eject(slot: number, cause: "failing" | "refused"): boolean {
    const at = slot * HEALTH_STRIDE + EJECTED;
    const value = CAUSES.indexOf(cause);
    for (;;) {
      const before = Atomics.load(this.#health, at);
      if (before >= value) return false;
      if (Atomics.compareExchange(this.#health, at, before, value) === before)
        return true;
    }
  }

  /** Brings a target back, with its failures forgotten. */
  restore(slot: number): void {
    Atomics.store(this.#health, slot * HEALTH_STRIDE + FAILURES_IN_ROW, 0);
    Atomics.store(this.#health, slot * HEALTH_STRIDE + EJECTED, 0);
  }

  /** 0 in rotation, 1 failing, 2 refused: ordered by how late it is tried. */
  ejection(slot: number): number {
    return this.#health[slot * HEALTH_STRIDE + EJECTED] ?? 0;
  }

  ejectionCause(slot: number): EjectionCause {
    return CAUSES[this.ejection(slot)] ?? "none";
  }

  score(slot: number): number {
    return this.#sum(slot * STRIDE + SCORE);
  }

  /** The part of the score that workers counted: what was really sent. */
  workerScore(slot: number): number {
    const at = slot * STRIDE + SCORE;
    return this.#sum(at) - (this.#columns[MAIN_COLUMN]?.[at] ?? 0);
  }

  /** Tunnels included. */
  inFlight(slot: number): number {
    return this.#sum(slot * STRIDE + IN_FLIGHT);
  }

  tunnels(slot: number): number {
    return this.#sum(slot * STRIDE + TUNNELS);
  }

  answeredTotal(slot: number): number {
    return this.#sum(slot * STRIDE + ANSWERED);
  }

  failedTotal(slot: number): number {
    return this.#sum(slot * STRIDE + FAILED);
  }

  /** Moves a score by an amount kept in this thread's own column. */
  adjustScore(slot: number, by: number): void {
    const at = slot * STRIDE + SCORE;
    this.#own[at] = (this.#own[at] ?? 0) + by;
  }

  /** This column's thread starts anew: nothing it had in flight is. */
  forgetInFlight(): void {
    const own = this.#own;
    for (let at = 0; at < own.length; at += STRIDE) {
      if (own[at + IN_FLIGHT] !== 0) own[at + IN_FLIGHT] = 0;
      if (own[at + TUNNELS] !== 0) own[at + TUNNELS] = 0;
    }
  }

  /** How many proxies are assumed to send as this one does. */
  get liveProxies(): number {
    return Math.max(1, this.#control[0] ?? 1);
  }

  set liveProxies(count: number) {
    this.#control[0] = count;
  }

  /** This thread has applied all changes up to `sequence`. */
  acknowledge(sequence: number): void {
    this.#control[1 + this.#column] = sequence;
  }

  acknowledged(column: number): number {
    return this.#control[1 + column] ?? 0;
  }

  #sum(at: number): number {
    let sum = 0;
    for (const column of this.#columns) sum += column[at] ?? 0;
    return sum;
  }
}
