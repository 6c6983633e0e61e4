/*
 * Who needs the bytes of a record, so that nobody takes them from under a
 * write. Each thread has a column and is the only one to write to it.
 *
 * - Its guard names the one record whose bytes it is copying: a hit costs one
 *   store into a cache line of its own, and the next hit takes it back.
 * - Its pins count, for each record, the writes that the kernel has not taken.
 *
 * A reader announces itself first and then looks whether the record is still
 * there; who removes a record says so first and then looks whether somebody has
 * announced himself. All of these are sequentially consistent: one of the two
 * sees the other.
 */
import { GUARD_STRIDE, type StoreMemory } from "./store-layout.ts";

export class PinTable {
  readonly #guards: Int32Array;
  readonly #pins: readonly Int32Array[];
  readonly #own: Int32Array;
  readonly #ownGuard: number;
  /** The guard as it was set last: a read from our own memory. */
  #guarded = -1;

  constructor(memory: StoreMemory, column: number) {
    this.#guards = new Int32Array(memory.guards);
    this.#pins = memory.pins.map((bytes) => new Int32Array(bytes));
    const own = this.#pins[column];
    if (own === undefined)
      throw new RangeError(`Cannot use column ${column}: there is none`);
    this.#own = own;
    this.#ownGuard = column * GUARD_STRIDE;
  }

  /** The slot that this thread guards; -1 without one. */
  get guarded(): number {
    return this.#guarded;
  }

  /** Instead of the one guarded before; whether it is still there must be looked at afterwards. */
  guard(slot: number): void {
    if (slot === this.#guarded) return;
    this.#guarded = slot;
    Atomics.store(this.#guards, this.#ownGuard, slot + 1);
  }

  unguard(): void {
    this.guard(-1);
  }

  /** Whether this thread has announced itself already. */
  protects(slot: number): boolean {
    return this.#guarded === slot || (this.#own[slot] ?? 0) > 0;
  }

  pin(slot: number): void {
    Atomics.store(this.#own, slot, (this.#own[slot] ?? 0) + 1);
  }

  unpin(slot: number): void {
    Atomics.store(this.#own, slot, (this.#own[slot] ?? 0) - 1);
  }

  isPinned(slot: number): boolean {
    for (const column of this.#pins)
      if (Atomics.load(column, slot) > 0) return true;
    return false;
  }

  isGuarded(slot: number): boolean {
    const guards = this.#guards;
    for (let at = 0; at < guards.length; at += GUARD_STRIDE)
      if (Atomics.load(guards, at) === slot + 1) return true;
    return false;
  }

  isKept(slot: number): boolean {
    return this.isGuarded(slot) || this.isPinned(slot);
  }

  /** Takes back everything of a thread that has ended. */
  forget(column: number): void {
    Atomics.store(this.#guards, column * GUARD_STRIDE, 0);
    const pins = this.#pins[column];
    // Written only where there is something: what was never touched stays so.
    for (let slot = 0; slot < (pins?.length ?? 0); slot++)
      if (pins !== undefined && pins[slot] !== 0) Atomics.store(pins, slot, 0);
  }
}
