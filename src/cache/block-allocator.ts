/*
 * Blocks of a power of two units (a buddy system). An answer gets one block
 * large enough, and what it does not need of it goes back at once, so that its
 * bytes lie in one piece and less than a unit is lost. Only where no block is
 * large enough are smaller ones put together: any free unit can be used, so
 * fragmentation costs pieces, never memory.
 */
import { HEADER, type StoreMemory, UNIT_BYTES } from "./store-layout.ts";

const FREE = 0x80;
const ORDERS = 31;

/** Links are one more than the unit they lead to: 0 is none. */
export type BlockLink = number;

/** A run of units. */
export interface UnitRun {
  readonly unit: number;
  readonly units: number;
}

/** Chains of blocks. Every method is called with the lock held. */
export class BlockAllocator {
  readonly #header: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  readonly #orders: Uint8Array;
  readonly #units: number;

  constructor(memory: StoreMemory) {
    this.#header = new Int32Array(memory.header);
    this.#next = new Int32Array(memory.blockNext);
    this.#previous = new Int32Array(memory.blockPrevious);
    this.#orders = new Uint8Array(memory.blockOrders);
    this.#units = memory.units;
  }

  get freeUnits(): number {
    return this.#header[HEADER.freeUnits] ?? 0;
  }

  /**
   * Takes units, in as few blocks as there are, behind `last` if that is given.
   * Answers the first and the last block taken; undefined when too few are free.
   */
  take(
    units: number,
    last: BlockLink = 0,
  ): { readonly first: BlockLink; readonly last: BlockLink } | undefined {
    if (units > this.freeUnits || units <= 0) return undefined;
    const chain = new Chain(this.#next, last);
    let missing = units;
    while (missing > 0) {
      const wanted = orderFor(missing);
      const order = this.#smallestFrom(wanted);
      if (order >= 0) {
        const unit = this.#pop(order);
        this.#keep(unit, order, missing, chain);
        missing = 0;
      } else {
        const largest = 31 - Math.clz32(this.#freeOrders);
        const unit = this.#pop(largest);
        this.#keep(unit, largest, 2 ** largest, chain);
        missing -= 2 ** largest;
      }
    }
    return { first: chain.first, last: chain.last };
  }

  /** Keeps the first `units` of a chain, at least one; answers its last block. */
  shorten(first: BlockLink, units: number): BlockLink {
    const chain = new Chain(this.#next, 0);
    let missing = units;
    let link = first;
    while (link > 0) {
      const unit = link - 1;
      const order = this.#order(unit);
      link = this.#next[unit] ?? 0;
      const kept = Math.min(missing, 2 ** order);
      missing -= kept;
      if (kept === 0) this.#free(unit, order);
      else this.#keep(unit, order, kept, chain);
    }
    return chain.last;
  }

  /** Gives a chain back. */
  release(first: BlockLink): void {
    let link = first;
    while (link > 0) {
      const unit = link - 1;
      link = this.#next[unit] ?? 0;
      this.#free(unit, this.#order(unit));
    }
  }

  /** A chain as runs of units that follow each other. */
  runs(first: BlockLink): UnitRun[] {
    const runs: { unit: number; units: number }[] = [];
    for (let link = first; link > 0; link = this.#next[link - 1] ?? 0) {
      const unit = link - 1;
      const units = 2 ** this.#order(unit);
      const last = runs.at(-1);
      if (last !== undefined && last.unit + last.units === unit)
        last.units += units;
      else runs.push({ unit, units });
    }
    return runs;
  }

  /** Whether nothing overlaps and the figures are right; for tests. */
  check(): void {
    let free = 0;
    for (let order = 0; order < ORDERS; order++) {
      let before = 0;
      let link = this.#header[HEADER.freeBlocks + order] ?? 0;
      if (link > 0 !== ((this.#freeOrders >>> order) & 1) > 0)
        throw new Error(`Order ${order}: its bit is wrong`);
      while (link > 0) {
        const unit = link - 1;
        if (this.#orders[unit] !== (FREE | order))
          throw new Error(`Unit ${unit} is not free as order ${order}`);
        if ((this.#previous[unit] ?? 0) !== before)
          throw new Error(`Unit ${unit}: its link back is wrong`);
        free += 2 ** order;
        before = link;
        link = this.#next[unit] ?? 0;
      }
    }
    if (free !== this.freeUnits)
      throw new Error(`${free} units are free, ${this.freeUnits} are said to`);
  }

  get #freeOrders(): number {
    return this.#header[HEADER.freeOrders] ?? 0;
  }

  #order(unit: number): number {
    return (this.#orders[unit] ?? 0) & ~FREE;
  }

  #smallestFrom(order: number): number {
    const there = (this.#freeOrders >>> order) << order;
    return there === 0 ? -1 : 31 - Math.clz32(there & -there);
  }

  /** Keeps the first units of a block that belongs to nobody, in as few blocks as they need. */
  // oxlint-disable-next-line eslint/max-params -- called for each block: no object for it
  #keep(unit: number, order: number, units: number, chain: Chain): void {
    let at = unit;
    let missing = units;
    let size = order;
    while (missing < 2 ** size) {
      // A freed neighbour must not take it for free as well.
      this.#orders[at] = size;
      size -= 1;
      const half = 2 ** size;
      if (missing <= half) this.#free(at + half, size);
      else {
        this.#orders[at] = size;
        chain.append(at);
        at += half;
        missing -= half;
      }
    }
    this.#orders[at] = size;
    chain.append(at);
  }

  #pop(order: number): number {
    const unit = (this.#header[HEADER.freeBlocks + order] ?? 0) - 1;
    this.#unlink(unit, order);
    return unit;
  }

  #free(unit: number, order: number): void {
    let at = unit;
    let size = order;
    for (; size < ORDERS - 1; size++) {
      const buddy = at ^ (2 ** size);
      if (buddy + 2 ** size > this.#units) break;
      if (this.#orders[buddy] !== (FREE | size)) break;
      this.#unlink(buddy, size);
      at = Math.min(at, buddy);
    }
    this.#link(at, size);
  }

  #link(unit: number, order: number): void {
    const head = HEADER.freeBlocks + order;
    const first = this.#header[head] ?? 0;
    this.#orders[unit] = FREE | order;
    this.#next[unit] = first;
    this.#previous[unit] = 0;
    if (first > 0) this.#previous[first - 1] = unit + 1;
    this.#header[head] = unit + 1;
    this.#header[HEADER.freeOrders] = this.#freeOrders | (2 ** order);
    this.#header[HEADER.freeUnits] = this.freeUnits + 2 ** order;
  }

  #unlink(unit: number, order: number): void {
    const head = HEADER.freeBlocks + order;
    const next = this.#next[unit] ?? 0;
    const previous = this.#previous[unit] ?? 0;
    if (previous > 0) this.#next[previous - 1] = next;
    else this.#header[head] = next;
    if (next > 0) this.#previous[next - 1] = previous;
    // Not its own: nobody shall take it for free.
    this.#orders[unit] = order;
    if (this.#header[head] === 0)
      this.#header[HEADER.freeOrders] = this.#freeOrders & ~(2 ** order);
    this.#header[HEADER.freeUnits] = this.freeUnits - 2 ** order;
  }

  /** Makes everything free but for the chains given. */
  format(chains: Iterable<BlockLink>): void {
    const taken = [...chains]
      .flatMap((first) => this.runs(first))
      .toSorted((a, b) => a.unit - b.unit);
    this.#header.fill(0, HEADER.freeBlocks, HEADER.freeBlocks + ORDERS + 1);
    this.#header[HEADER.freeOrders] = 0;
    this.#header[HEADER.freeUnits] = 0;
    let at = 0;
    for (const { unit, units } of [...taken, { unit: this.#units, units: 0 }]) {
      while (at < unit) {
        const aligned = at === 0 ? ORDERS - 1 : 31 - Math.clz32(at & -at);
        const order = Math.min(aligned, 31 - Math.clz32(unit - at));
        this.#link(at, order);
        at += 2 ** order;
      }
      at = unit + units;
    }
  }
}

/** Units that hold this many bytes. */
export function unitsFor(bytes: number): number {
  return Math.ceil(bytes / UNIT_BYTES);
}

/** The smallest order whose blocks hold this many units. */
function orderFor(units: number): number {
  return units <= 1 ? 0 : 32 - Math.clz32(units - 1);
}

/** Links blocks one behind the other. */
class Chain {
  readonly #next: Int32Array;
  first: BlockLink = 0;
  last: BlockLink;

  constructor(next: Int32Array, last: BlockLink) {
    this.#next = next;
    this.last = last;
  }

  append(unit: number): void {
    const link = unit + 1;
    if (this.last > 0) this.#next[this.last - 1] = link;
    if (this.first === 0) this.first = link;
    this.#next[unit] = 0;
    this.last = link;
  }
}
