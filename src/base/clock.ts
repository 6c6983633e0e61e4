/** A timer that was started by a {@link Clock}. */
export interface Timer {
  /** Stops it; a timer that has fired or was stopped is left alone. */
  cancel(): void;
}

/**
 * Where time comes from. Only the outermost shell of a part reads it; decisions
 * take `nowMs` as an argument.
 */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start. Never steps back. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch. May step in either direction. */
  wallMs(): number;
  /**
   * Calls `action` once, `delayMs` from now. A timer keeps the process alive
   * only when `keepAlive` says so.
   */
  after(
    delayMs: number,
    action: () => void,
    options?: { readonly keepAlive?: boolean },
  ): Timer;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, action, options) {
    const timer = setTimeout(action, delayMs);
    if (options?.keepAlive !== true) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
