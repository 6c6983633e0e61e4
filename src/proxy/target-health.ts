import type { HealthDefinition } from "../registry/index.ts";
import type { EjectionCause } from "./shared-counters.ts";

/*
 * Passive health.
 *
 *                 5 failures in a row
 *   in rotation ──────────────────────► ejected (failing) ──┐
 *     ▲   │        refused connection                       │ refused
 *     │   └───────────────────────────► ejected (refused) ◄─┘
 *     │                                      │
 *     └── probe succeeds, time is over ◄─────┘
 *
 * Any worker may eject (through shared memory, at once). The main thread alone
 * times, probes and brings back. A new registration is a new target and starts
 * in rotation.
 */

/** Failures that count towards an ejection. */
export type TargetFailure = "refused" | "cut" | "timed-out" | "listed-status";

/** What ejecting depends on: the service as it stands. */
export interface RotationView {
  readonly targets: number;
  /** Out of rotation for any cause. */
  readonly ejected: number;
}

/**
 * Whether a target must leave rotation after a failure. A refused connection is
 * proof; other failures need a row of them, and may take away at most half of
 * the targets and never the last.
 */
export function ejectionAfter(
  failure: TargetFailure,
  failuresInRow: number,
  options: {
    readonly health: Pick<HealthDefinition, "failures">;
    readonly rotation: RotationView;
  },
): EjectionCause {
  if (failure === "refused") return "refused";
  const { health, rotation } = options;
  if (failuresInRow < health.failures) return "none";
  const left = rotation.targets - rotation.ejected - 1;
  return left >= 1 && left * 2 >= rotation.targets ? "failing" : "none";
}

/** The main thread's record of one target. */
export type HealthState =
  | {
      readonly kind: "in-rotation";
      /** Ejections so far; forgotten after a long good time. */
      readonly ejections: number;
      readonly sinceMs: number;
    }
  | {
      readonly kind: "ejected";
      readonly cause: Exclude<EjectionCause, "none">;
      readonly ejections: number;
      readonly sinceMs: number;
      readonly untilMs: number;
      readonly nextProbeMs: number;
    };

/** A target that has just registered. */
export function newHealth(nowMs: number): HealthState {
  return { kind: "in-rotation", ejections: 0, sinceMs: nowMs };
}

export const PROBE_INTERVAL_MS = 1000;
/** A server that restarts is back soon, and requests wait for it. */
export const SOON_PROBE_INTERVAL_MS = 250;
const SOON_MS = 10_000;

function nextProbeMs(
  cause: EjectionCause,
  sinceMs: number,
  nowMs: number,
): number {
  const isSoon = cause === "refused" && nowMs - sinceMs < SOON_MS;
  return nowMs + (isSoon ? SOON_PROBE_INTERVAL_MS : PROBE_INTERVAL_MS);
}

/** Steps of {@link nextHealth}. */
export type HealthEvent =
  | { readonly kind: "ejected"; readonly cause: "failing" | "refused" }
  | { readonly kind: "probe-started" }
  | { readonly kind: "probed"; readonly ok: boolean }
  | { readonly kind: "tick" };

/** The one place where {@link HealthState} changes. */
export function nextHealth(
  state: HealthState,
  event: HealthEvent,
  options: {
    readonly health: Pick<HealthDefinition, "ejectMs" | "maxEjectMs">;
    readonly nowMs: number;
  },
): HealthState {
  const { health, nowMs } = options;
  switch (event.kind) {
    case "ejected": {
      if (state.kind === "ejected") return { ...state, cause: event.cause };
      const forgiven = nowMs - state.sinceMs > health.maxEjectMs;
      const ejections = (forgiven ? 0 : state.ejections) + 1;
      return {
        kind: "ejected",
        cause: event.cause,
        ejections,
        sinceMs: nowMs,
        untilMs:
          nowMs + Math.min(health.ejectMs * ejections, health.maxEjectMs),
        nextProbeMs: nextProbeMs(event.cause, nowMs, nowMs),
      };
    }
    case "probe-started":
      return state.kind === "ejected"
        ? {
            ...state,
            nextProbeMs: nextProbeMs(state.cause, state.sinceMs, nowMs),
          }
        : state;
    case "probed":
      return state.kind === "ejected" && event.ok
        ? returned(state.ejections, nowMs)
        : state;
    case "tick":
      // A target that refused stays out until a probe gets through: its time
      // being over proves nothing, and it is tried last all the same.
      return state.kind === "ejected" &&
        state.cause === "failing" &&
        nowMs >= state.untilMs
        ? returned(state.ejections, nowMs)
        : state;
    default:
      return event satisfies never;
  }
}

function returned(ejections: number, nowMs: number): HealthState {
  return { kind: "in-rotation", ejections, sinceMs: nowMs };
}
