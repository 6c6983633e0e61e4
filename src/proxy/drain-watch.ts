import type { PlaneTarget } from "./plane-state.ts";

const TICK_MS = 10;

export interface DrainWatchOptions {
  readonly targets: () => Iterable<PlaneTarget>;
  /** The last change that every worker has applied. */
  readonly acknowledged: () => number;
  readonly inFlight: (slot: number) => number;
  readonly onDrained: (registration: string) => void;
}

/** Tells when a draining target has nothing in flight; looks only while one drains. */
export class DrainWatch {
  readonly #options: DrainWatchOptions;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: DrainWatchOptions) {
    this.#options = options;
  }

  /** To be called after each change. */
  watch(): void {
    if (this.#timer !== undefined || !this.#isPending()) return;
    this.#timer = setInterval(() => {
      this.#look();
      if (!this.#isPending()) this.close();
    }, TICK_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #isPending(): boolean {
    for (const { drainingSince } of this.#options.targets())
      if (drainingSince !== undefined) return true;
    return false;
  }

  #look(): void {
    const { targets, acknowledged, inFlight, onDrained } = this.#options;
    const known = acknowledged();
    for (const target of targets()) {
      const { drainingSince, slot, view } = target;
      if (drainingSince === undefined || drainingSince > known) continue;
      if (inFlight(slot) > 0) continue;
      target.drainingSince = undefined;
      onDrained(view.registration);
    }
  }
}
