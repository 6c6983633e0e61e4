import { HEADER } from "./store-layout.ts";

/** Looks at the lock before the thread sleeps: most holders are done by then. */
const SPINS = 200;
/** A sleeper looks again after this, whether it was woken or not. */
const SLEEP_MS = 1;

/**
 * A lock over threads, which names its holder: when a thread ends while it
 * holds the lock, another can tell, and take it over (store-repair.ts).
 */
export class StoreLock {
  readonly #header: Int32Array;
  readonly #name: number;

  constructor(header: Int32Array, column: number) {
    this.#header = header;
    this.#name = column + 1;
  }

  acquire(): void {
    if (!this.#take()) this.#wait();
  }

  /** False when it cannot be had within this time. */
  tryAcquire(patienceMs: number): boolean {
    const untilMs = performance.now() + patienceMs;
    while (!this.#take()) {
      if (performance.now() >= untilMs) return false;
      this.#sleep();
    }
    return true;
  }

  release(): void {
    const header = this.#header;
    Atomics.store(header, HEADER.lockHolder, 0);
    if (Atomics.load(header, HEADER.lockWaiters) > 0)
      Atomics.notify(header, HEADER.lockHolder, 1);
  }

  /** The column of the present holder. */
  get holder(): number | undefined {
    const name = Atomics.load(this.#header, HEADER.lockHolder);
    return name === 0 ? undefined : name - 1;
  }

  /** Takes the lock from a thread that has ended. */
  takeOver(column: number): boolean {
    const taken = Atomics.compareExchange(
      this.#header,
      HEADER.lockHolder,
      column + 1,
      this.#name,
    );
    return taken === column + 1;
  }

  #take(): boolean {
    const at = HEADER.lockHolder;
    return Atomics.compareExchange(this.#header, at, 0, this.#name) === 0;
  }

  #wait(): void {
    for (;;) {
      for (let i = 0; i < SPINS; i++)
        if (Atomics.load(this.#header, HEADER.lockHolder) === 0 && this.#take())
          return;
      this.#sleep();
      if (this.#take()) return;
    }
  }

  #sleep(): void {
    const header = this.#header;
    const at = HEADER.lockHolder;
    const holder = Atomics.load(header, at);
    if (holder === 0) return;
    Atomics.add(header, HEADER.lockWaiters, 1);
    Atomics.wait(header, at, holder, SLEEP_MS);
    Atomics.sub(header, HEADER.lockWaiters, 1);
  }
}
