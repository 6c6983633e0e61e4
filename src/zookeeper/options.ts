import type { OptionsOf, OptionTable } from "../base/index.ts";

/** The options of a client that are numbers or flags. */
export const CLIENT_OPTIONS = {
  sessionTimeoutMs: {
    type: "number",
    default: 10_000,
    min: 100,
    max: 3_600_000,
    doc: "Asked of the server, which answers with 2 to 20 times its tick; the negotiated value wins.",
    danger:
      "Short ones expire sessions in every pause; long ones keep dead ephemerals.",
  },
  maxQueuedRequests: {
    type: "number",
    default: 100_000,
    min: 1,
    max: 10_000_000,
    doc: "Requests that may wait, in flight or for a connection; beyond it calls fail with queue-full.",
  },
  maxQueuedBytes: {
    type: "number",
    default: 67_108_864,
    min: 1_024,
    max: 4_294_967_296,
    doc: "Node data of the requests that may wait, in flight or for a connection; beyond it calls fail with queue-full.",
  },
  maxQueuedEvents: {
    type: "number",
    default: 10_000,
    min: 2,
    max: 10_000_000,
    doc: "Events that may wait for the reader of one watch; beyond it they become one re-synced.",
  },
  maxFrameBytes: {
    type: "number",
    default: 4_194_304,
    min: 1_024,
    max: 268_435_456,
    doc: "The largest frame of a server that is accepted. Replies with many children exceed the 1 MB that servers accept.",
  },
  maxRequestBytes: {
    type: "number",
    default: 1_048_575,
    min: 1_024,
    max: 268_435_456,
    doc: "The largest request that is sent; the servers' jute.maxbuffer.",
    danger: "Servers close the connection on a larger one, again and again.",
  },
  renewSession: {
    type: "flag",
    default: true,
    doc: "After an expiry, a new session by itself.",
  },
  readOnly: {
    type: "flag",
    default: false,
    doc: "Also be served by a server without quorum, read-only.",
  },
} as const satisfies OptionTable;

/** The checked values of {@link CLIENT_OPTIONS}. */
export type ClientOptions = OptionsOf<typeof CLIENT_OPTIONS>;
