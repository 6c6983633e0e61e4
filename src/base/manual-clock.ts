import type { Clock, Timer } from "./clock.ts";

interface Pending {
  readonly dueMs: number;
  readonly action: () => void;
}

/** A clock for tests that moves only when it is told to. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #wallMs: number;
  readonly #pending = new Set<Pending>();

  constructor(options: { readonly wallMs?: number } = {}) {
    this.#wallMs = options.wallMs ?? Date.UTC(2026, 0, 1);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const pending = { dueMs: this.#nowMs + Math.max(0, delayMs), action };
    this.#pending.add(pending);
    return { cancel: () => void this.#pending.delete(pending) };
  }

  /** How many timers are waiting. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Moves time on and fires what falls due, in order of due time. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs;
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.dueMs > untilMs) break;
      this.#pending.delete(next);
      this.#wallMs += next.dueMs - this.#nowMs;
      this.#nowMs = next.dueMs;
      next.action();
    }
    this.#wallMs += untilMs - this.#nowMs;
    this.#nowMs = untilMs;
  }

  /** Steps the wall clock alone, as an operator or NTP would. */
  stepWall(byMs: number): void {
    this.#wallMs += byMs;
  }

  #earliest(): Pending | undefined {
    let earliest: Pending | undefined;
    for (const pending of this.#pending) {
      if (earliest === undefined || pending.dueMs < earliest.dueMs)
        earliest = pending;
    }
    return earliest;
  }
}
