/*
 *            ┌─► waiting ─┐   (no target, all refuse, or all are full: up to 5 s)
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
