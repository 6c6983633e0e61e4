/**
 * How many requests each target has been given by all threads of one proxy, and
 * who waits for it, in shared memory; used for services with a cap alone.
 *
 * The sums of `shared-counters.ts` are exact but not a lock: two threads could
 * both see one place left. Here a place is taken by compare-and-exchange.
 *
 * Requests that wait have tickets, in the order of their arrival over all
 * threads. A thread shows at each target the ticket of its own first request
 * that waits for it. A free place is for the oldest ticket shown there, so that
 * neither a new request nor a quicker thread overtakes. Whoever shows a ticket
 * looks at the places afterwards, and whoever frees a place looks at the tickets
 * afterwards; so one of the two sees the other, and no place stays unused.
 */
export interface CapacityMemory {
  /** For each slot: requests that all threads together have given the target. */
  readonly given: SharedArrayBuffer;
  /** The same for one thread, which alone writes it: what it leaves when it dies. */
  readonly givenBy: readonly SharedArrayBuffer[];
  /** For each slot and thread: the oldest ticket; 0 when none waits. */
  readonly tickets: SharedArrayBuffer;
  /** [0] the last ticket, then a word for each thread that changes to wake it. */
  readonly control: SharedArrayBuffer;
}

export function createCapacityMemory(options: {
  readonly slots: number;
  readonly columns: number;
}): CapacityMemory {
  const { slots, columns } = options;
  return {
    given: new SharedArrayBuffer(slots * 4),
    givenBy: Array.from(
      { length: columns },
      () => new SharedArrayBuffer(slots * 4),
    ),
    tickets: new SharedArrayBuffer(slots * columns * 4),
    control: new SharedArrayBuffer((columns + 1) * 4),
  };
}

/** One thread's view. */
export class SharedCapacity {
  readonly #given: Int32Array;
  readonly #givenByUs: Int32Array;
  readonly #tickets: Int32Array;
  readonly #control: Int32Array;
  readonly #columns: number;
  readonly #column: number;

  constructor(memory: CapacityMemory, column: number) {
    const own = memory.givenBy[column];
    if (own === undefined)
      throw new RangeError(`Cannot use column ${column}: there is none`);
    this.#given = new Int32Array(memory.given);
    this.#givenByUs = new Int32Array(own);
    this.#tickets = new Int32Array(memory.tickets);
    this.#control = new Int32Array(memory.control);
    this.#columns = memory.givenBy.length;
    this.#column = column;
  }

  /** This column's thread starts anew: its places are free, nothing of it waits. */
  forget(): void {
    for (const [slot, count] of this.#givenByUs.entries()) {
      if (count !== 0) Atomics.sub(this.#given, slot, count);
      this.#givenByUs[slot] = 0;
      this.show(slot, 0);
    }
  }

  given(slot: number): number {
    return Atomics.load(this.#given, slot);
  }

  /** Takes a place; false when all `cap` are taken. */
  take(slot: number, cap: number): boolean {
    for (;;) {
      const given = Atomics.load(this.#given, slot);
      if (given >= cap) return false;
      if (
        Atomics.compareExchange(this.#given, slot, given, given + 1) === given
      ) {
        this.#givenByUs[slot] = (this.#givenByUs[slot] ?? 0) + 1;
        return true;
      }
    }
  }

  /** Gives a place back. */
  free(slot: number): void {
    this.#givenByUs[slot] = (this.#givenByUs[slot] ?? 0) - 1;
    Atomics.sub(this.#given, slot, 1);
  }

  /** Not 0, and later than all before; it wraps around. */
  newTicket(): number {
    let ticket = 0;
    while (ticket === 0) ticket = (Atomics.add(this.#control, 0, 1) + 1) | 0;
    return ticket;
  }

  /** Our oldest ticket at a target; 0: none. */
  show(slot: number, ticket: number): void {
    const at = slot * this.#columns + this.#column;
    if (Atomics.load(this.#tickets, at) !== ticket)
      Atomics.store(this.#tickets, at, ticket);
  }

  /**
   * Whether somebody waits there with a better right: with ticket 0, anybody;
   * else an older ticket of another thread.
   */
  isAwaited(slot: number, ticket: number): boolean {
    const from = slot * this.#columns;
    for (let column = 0; column < this.#columns; column++) {
      const other = Atomics.load(this.#tickets, from + column);
      if (other === 0) continue;
      if (ticket === 0) return true;
      if (column !== this.#column && isOlder(other, ticket)) return true;
    }
    return false;
  }

  /** The thread with the oldest ticket at a target; undefined when none waits. */
  firstInLine(slot: number): number | undefined {
    const from = slot * this.#columns;
    let first: number | undefined;
    let oldest = 0;
    for (let column = 0; column < this.#columns; column++) {
      const ticket = Atomics.load(this.#tickets, from + column);
      if (ticket === 0 || (oldest !== 0 && !isOlder(ticket, oldest))) continue;
      oldest = ticket;
      first = column;
    }
    return first;
  }

  get column(): number {
    return this.#column;
  }

  wake(column: number): void {
    Atomics.add(this.#control, column + 1, 1);
    Atomics.notify(this.#control, column + 1);
  }

  /** What the next {@link woken} is to compare with. */
  wakeWord(): number {
    return Atomics.load(this.#control, this.#column + 1);
  }

  /** Resolves when this thread is woken after `word` was read. */
  async woken(word: number): Promise<void> {
    const at = this.#column + 1;
    await Atomics.waitAsync(this.#control, at, word).value;
  }
}

/** Of two tickets; they wrap around. */
function isOlder(ticket: number, other: number): boolean {
  return ((ticket - other) | 0) < 0;
}
