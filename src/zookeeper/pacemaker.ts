import type { Clock, Timer } from "../base/index.ts";

/**
 * Keeps one connection alive and notices when its peer is not: asks for a ping
 * when nothing was sent for a third of the session timeout, and reports silence
 * when nothing came for two thirds, so that a frozen server costs one third
 * less than the session.
 */
export class Pacemaker {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #pingMs: number;
  readonly #onPing: () => void;
  readonly #onSilent: () => void;
  #timer: Timer | undefined;
  #recheck: NodeJS.Immediate | undefined;
  #heardMs: number;
  #sentMs: number;

  constructor(
    clock: Clock,
    options: {
      readonly sessionTimeoutMs: number;
      readonly onPing: () => void;
      readonly onSilent: () => void;
    },
  ) {
    this.#clock = clock;
    this.#silenceMs = (options.sessionTimeoutMs * 2) / 3;
    this.#pingMs = options.sessionTimeoutMs / 3;
    this.#onPing = options.onPing;
    this.#onSilent = options.onSilent;
    this.#heardMs = clock.nowMs();
    this.#sentMs = this.#heardMs;
    this.#plan(this.#heardMs);
  }

  heard(nowMs: number): void {
    this.#heardMs = nowMs;
  }

  sent(nowMs: number): void {
    this.#sentMs = nowMs;
  }

  stop(): void {
    this.#timer?.cancel();
    clearImmediate(this.#recheck);
  }

  /** One timer for both; calls to `heard` and `sent` do not touch it. */
  #plan(nowMs: number): void {
    const dueMs = Math.min(
      this.#heardMs + this.#silenceMs,
      this.#sentMs + this.#pingMs,
    );
    this.#timer = this.#clock.after(
      Math.max(1, dueMs - nowMs),
      () => this.#onDue(),
      { keepAlive: true },
    );
  }

  #onDue(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#heardMs >= this.#silenceMs) {
      // Timers run before sockets are read: after a stall of this process the
      // peer's words may be waiting, so it is judged one round later.
      this.#recheck = setImmediate(() => this.#judge());
      return;
    }
    if (nowMs - this.#sentMs >= this.#pingMs) {
      this.#sentMs = nowMs;
      this.#onPing();
    }
    this.#plan(nowMs);
  }

  #judge(): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#heardMs >= this.#silenceMs) this.#onSilent();
    else this.#plan(nowMs);
  }
}
