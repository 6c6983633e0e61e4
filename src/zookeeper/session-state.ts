/**
 * The states of a session and the one function that moves between them.
 *
 *                    connected
 *   ┌────────────┐ ──────────────▶ ┌──────┐ ◀─────────────┐
 *   │ connecting │                 │ live │ ◀──┐          │
 *   └────────────┘                 └──────┘    │connected │connected
 *      ▲      │                        │disconnected      │
 *      │      │refused                 ▼       │          │
 *      │      │                 ┌───────────┐ ─┘       ┌──────┐
 *      │renew │                 │ suspended │ ───────▶ │ lost │
 *      │      ▼                 └───────────┘ timed-out└──────┘
 *   ┌─────────┐      refused          │                   │
 *   │ expired │ ◀─────────────────────┴───────────────────┘
 *   └─────────┘
 *                     closed, from anywhere, for ever
 *
 * `refused` is the server's word that the session is gone; `lost` is only our
 * own estimate, made by our own clock while no server can be asked.
 */
import type { SessionId } from "../jute/index.ts";

/** Where a session stands, and what its user may assume. */
export type SessionState =
  /** No session yet, or none any more and a new one is sought. */
  | { readonly kind: "connecting" }
  | {
      readonly kind: "live";
      readonly id: SessionId;
      /** As negotiated with the server. */
      readonly timeoutMs: number;
      /** The server has no quorum and answers reads only. */
      readonly readOnly: boolean;
      /**
       * The servers refused everything that we had seen and now show an older
       * tree: they were rebuilt or restored. Zxids seen before mean nothing.
       */
      readonly newTree: boolean;
    }
  /** Disconnected. Ephemerals may still exist: act on nothing new until live or expired. */
  | {
      readonly kind: "suspended";
      readonly id: SessionId;
      /** When it becomes `lost`, by the client's monotonic clock. */
      readonly untilMs: number;
    }
  /** The timeout has passed by our own clock: treat ephemerals as gone. Still tries to resume; ends live or expired. */
  | { readonly kind: "lost"; readonly id: SessionId }
  /** The server has said so: ephemerals and watches are gone. */
  | { readonly kind: "expired" }
  | { readonly kind: "closed" };

/** What moves a session from one state to the next. */
export type SessionEvent =
  | {
      readonly kind: "connected";
      readonly id: SessionId;
      readonly timeoutMs: number;
      readonly readOnly: boolean;
      readonly newTree: boolean;
    }
  | { readonly kind: "disconnected"; readonly untilMs: number }
  | { readonly kind: "timed-out" }
  | { readonly kind: "refused" }
  | { readonly kind: "renew" }
  | { readonly kind: "closed" };

/**
 * The state after an event. An event that has no arrow in the drawing leaves
 * the state as it is (the same object).
 */
export function nextSessionState(
  state: SessionState,
  event: SessionEvent,
): SessionState {
  if (state.kind === "closed") return state;
  switch (event.kind) {
    case "connected": {
      if (state.kind === "expired" || state.kind === "live") return state;
      const { id, timeoutMs, readOnly, newTree } = event;
      return { kind: "live", id, timeoutMs, readOnly, newTree };
    }
    case "disconnected":
      if (state.kind !== "live") return state;
      return { kind: "suspended", id: state.id, untilMs: event.untilMs };
    case "timed-out":
      if (state.kind !== "suspended") return state;
      return { kind: "lost", id: state.id };
    case "refused":
      return state.kind === "live" ? state : { kind: "expired" };
    case "renew":
      return state.kind === "expired" ? { kind: "connecting" } : state;
    case "closed":
      return { kind: "closed" };
    default:
      return event satisfies never;
  }
}
