import assert from "node:assert/strict";
import { test } from "node:test";
import { toSessionId } from "../jute/index.ts";
import {
  nextSessionState,
  type SessionEvent,
  type SessionState,
} from "./session-state.ts";

const id = toSessionId(1n);
const states: Readonly<Record<SessionState["kind"], SessionState>> = {
  connecting: { kind: "connecting" },
  live: { kind: "live", id, timeoutMs: 10, readOnly: false, newTree: false },
  suspended: { kind: "suspended", id, untilMs: 5 },
  lost: { kind: "lost", id },
  expired: { kind: "expired" },
  closed: { kind: "closed" },
};
const events: Readonly<Record<SessionEvent["kind"], SessionEvent>> = {
  connected: {
    kind: "connected",
    id,
    timeoutMs: 10,
    readOnly: false,
    newTree: false,
  },
  disconnected: { kind: "disconnected", untilMs: 5 },
  "timed-out": { kind: "timed-out" },
  refused: { kind: "refused" },
  renew: { kind: "renew" },
  closed: { kind: "closed" },
};

/** The arrows of the drawing; every other pair stays where it is. */
const arrows: Readonly<
  Record<
    SessionState["kind"],
    Partial<Record<SessionEvent["kind"], SessionState["kind"]>>
  >
> = {
  connecting: { connected: "live", refused: "expired", closed: "closed" },
  live: { disconnected: "suspended", closed: "closed" },
  suspended: {
    connected: "live",
    "timed-out": "lost",
    refused: "expired",
    closed: "closed",
  },
  lost: { connected: "live", refused: "expired", closed: "closed" },
  expired: { refused: "expired", renew: "connecting", closed: "closed" },
  closed: {},
};

test("nextSessionState() has exactly the arrows of the drawing", () => {
  for (const state of Object.values(states))
    for (const event of Object.values(events)) {
      const expected = arrows[state.kind][event.kind] ?? state.kind;
      assert.deepEqual(
        nextSessionState(state, event),
        states[expected],
        `${state.kind} + ${event.kind}`,
      );
    }
});
