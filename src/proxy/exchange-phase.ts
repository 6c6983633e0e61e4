import type { OwnAnswer } from "./own-answer.ts";

/*
 *            ┌─► waiting ─┐   (no target, or all refuse: up to 5 s)
 *            │     ▲      ▼
 *   start ─► choosing ─► connecting ─► sent ─► answering ─► over
 *            ▲  ▲            │          │ ▲        │
 *            │  └── retry ───┴──────────┤ └─ cut ──┤ while nothing has gone out
 *            └───── no target ──────────┘          ├─ cut: the client is cut too
 *                                                  tunnel ─► over
 */

/** Where an exchange stands. */
export type Phase =
  | "choosing"
  | "waiting"
  | "connecting"
  | "sent"
  | "answering"
  | "tunnel"
  | "over";

/** How long a request is patient, and what it is told when that was in vain. */
export interface Wait {
  readonly untilMs: number;
  readonly answer: OwnAnswer;
}
