/**
 * When a target's node vanishes without a word, nothing says that the server
 * is gone: its session may have expired behind a long pause, the ensemble may
 * have been rebuilt, somebody may have deleted the node by hand. Such a target
 * is a suspect, and the requests themselves decide:
 *
 *     vanished ──► suspect ──first refused or cut connection──► gone
 *                    │  └──limit (60 s) with others in rotation──► gone
 *                    │
 *                    └──half or more of 3 or more within a window──► held
 *                          held ──limit (5 min)──► gone
 *
 * A held suspect outlives refusals as well: when half a service vanishes at
 * once, ZooKeeper is the likelier cause, and a server that is briefly away
 * would be lost until ZooKeeper is back. It costs little, since the data plane
 * tries a refusing target last. Of a service's targets the last one that still
 * answers never goes by a limit.
 */

/** How long suspects stay. */
export interface SuspectLimits {
  readonly suspectMs: number;
  readonly heldMs: number;
  /** Those that vanish within this belong together; the session timeout. */
  readonly windowMs: number;
}

export const defaultSuspectLimits: SuspectLimits = {
  suspectMs: 60_000,
  heldMs: 300_000,
  windowMs: 10_000,
};

/** Fewest targets of a service for which vanishing together means anything. */
const MIN_TARGETS_TO_HOLD = 3;
/** When a suspect that may not go by its limit is looked at again. */
const RECHECK_MS = 5_000;

/** What the data plane saw of a target. */
export type TargetOutcome = "refused" | "cut" | "answered";

export interface Suspect {
  readonly sinceMs: number;
  readonly untilMs: number;
  readonly held: boolean;
  readonly answeredMs: number | undefined;
  /** Refused or cut after its last answer. */
  readonly failing: boolean;
}

/** The suspects of one service, by registration. Pure: time is an argument. */
export class SuspectTable {
  readonly #limits: SuspectLimits;
  readonly #suspects = new Map<string, Suspect>();

  constructor(limits: SuspectLimits = defaultSuspectLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#suspects.size;
  }

  get(registration: string): Suspect | undefined {
    return this.#suspects.get(registration);
  }

  add(registration: string, nowMs: number): void {
    if (this.#suspects.has(registration)) return;
    this.#suspects.set(registration, {
      sinceMs: nowMs,
      untilMs: nowMs + this.#limits.suspectMs,
      held: false,
      answeredMs: undefined,
      failing: false,
    });
  }

  delete(registration: string): void {
    this.#suspects.delete(registration);
  }

  /**
   * Called when all that vanished together has been added: holds them when
   * they are half or more of `targets`, the suspects included.
   * @returns those held from now on
   */
  hold(targets: number, nowMs: number): string[] {
    const recent = [...this.#suspects].filter(
      ([, suspect]) => suspect.sinceMs > nowMs - this.#limits.windowMs,
    );
    if (targets < MIN_TARGETS_TO_HOLD || recent.length * 2 < targets) return [];
    const held: string[] = [];
    for (const [registration, suspect] of recent) {
      if (suspect.held) continue;
      this.#suspects.set(registration, {
        ...suspect,
        held: true,
        untilMs: suspect.sinceMs + this.#limits.heldMs,
      });
      held.push(registration);
    }
    return held;
  }

  /** What an outcome means for a suspect; others are no matter of this table. */
  report(
    registration: string,
    outcome: TargetOutcome,
    nowMs: number,
  ): "stays" | "goes" {
    const suspect = this.#suspects.get(registration);
    if (suspect === undefined) return "stays";
    if (outcome !== "answered" && !suspect.held) return "goes";
    this.#suspects.set(
      registration,
      outcome === "answered"
        ? { ...suspect, answeredMs: nowMs, failing: false }
        : { ...suspect, failing: true },
    );
    return "stays";
  }

  /**
   * Those whose time is over.
   * @param others targets of the service in rotation that are no suspects
   */
  due(others: number, nowMs: number): string[] {
    const due = [...this.#suspects].filter(
      ([, suspect]) => suspect.untilMs <= nowMs,
    );
    const stay = others + this.#suspects.size - due.length;
    const kept = stay > 0 ? undefined : lastThatAnswers(due);
    if (kept !== undefined)
      this.#suspects.set(kept[0], { ...kept[1], untilMs: nowMs + RECHECK_MS });
    return due
      .map(([registration]) => registration)
      .filter((registration) => registration !== kept?.[0]);
  }

  /** When {@link SuspectTable.due} should be asked next. */
  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { untilMs } of this.#suspects.values())
      if (next === undefined || untilMs < next) next = untilMs;
    return next;
  }
}

function lastThatAnswers(
  suspects: readonly (readonly [string, Suspect])[],
): readonly [string, Suspect] | undefined {
  let last: readonly [string, Suspect] | undefined;
  for (const entry of suspects) {
    if (entry[1].failing) continue;
    if (
      last === undefined ||
      (entry[1].answeredMs ?? -1) > (last[1].answeredMs ?? -1)
    )
      last = entry;
  }
  return last;
}
