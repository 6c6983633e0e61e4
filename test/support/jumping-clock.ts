import { type Clock, systemClock, type Timer } from "../../src/base/index.ts";

interface Pending {
  readonly dueMs: number;
  readonly action: () => void;
  readonly keepAlive: boolean;
  timer: Timer;
}

/** The clock of this machine, which can jump: for a suspended machine, or a hand on its clock. */
export class JumpingClock implements Clock {
  readonly #pending = new Set<Pending>();
  #aheadMs = 0;
  #wallAheadMs = 0;

  nowMs(): number {
    return systemClock.nowMs() + this.#aheadMs;
  }

  wallMs(): number {
    return systemClock.wallMs() + this.#wallAheadMs;
  }

  after(
    delayMs: number,
    action: () => void,
    options: { readonly keepAlive?: boolean } = {},
  ): Timer {
    const pending: Pending = {
      dueMs: this.nowMs() + delayMs,
      action,
      keepAlive: options.keepAlive === true,
      timer: { cancel() {} },
    };
    this.#pending.add(pending);
    this.#start(pending);
    return {
      cancel: () => {
        this.#pending.delete(pending);
        pending.timer.cancel();
      },
    };
  }

  /** Both times step forward; timers that are due by then fire at once. */
  jump(byMs: number): void {
    this.#aheadMs += byMs;
    this.#wallAheadMs += byMs;
    for (const pending of this.#pending) {
      pending.timer.cancel();
      this.#start(pending);
    }
  }

  /** Somebody sets the clock on the wall, forward or back. */
  setWall(byMs: number): void {
    this.#wallAheadMs += byMs;
  }

  #start(pending: Pending): void {
    const { keepAlive } = pending;
    pending.timer = systemClock.after(
      Math.max(0, pending.dueMs - this.nowMs()),
      () => {
        this.#pending.delete(pending);
        pending.action();
      },
      { keepAlive },
    );
  }
}
