import type { OptionsOf, OptionTable } from "../base/index.ts";

/** The numbers and switches of a keeper; see docs/keeper.md. */
export const keeperOptionTable = {
  tickTimeMs: {
    type: "number",
    default: 2_000,
    min: 20,
    max: 60_000,
    doc: "The unit of time that clients' session timeouts are bounded by.",
  },
  minSessionTimeoutMs: {
    type: "number",
    default: 0,
    min: 0,
    max: 3_600_000,
    doc: "The shortest session timeout given; 0 means 2 ticks.",
  },
  maxSessionTimeoutMs: {
    type: "number",
    default: 0,
    min: 0,
    max: 86_400_000,
    doc: "The longest session timeout given; 0 means 20 ticks.",
  },
  containerCheckMs: {
    type: "number",
    default: 60_000,
    min: 10,
    max: 3_600_000,
    doc: "How often empty containers and nodes past their time to live are removed.",
  },
  firstRequestMs: {
    type: "number",
    default: 10_000,
    min: 100,
    max: 600_000,
    doc: "How long a new connection may stay without asking for a session.",
  },
  maxFrameBytes: {
    type: "number",
    default: 1_048_575,
    min: 1_024,
    max: 67_108_864,
    doc: "The largest request, and so about the largest node.",
    danger:
      "Clients refuse answers above their own bound (jute.maxbuffer), 1048575 unless configured.",
  },
  maxConnections: {
    type: "number",
    default: 10_000,
    min: 1,
    max: 1_000_000,
    doc: "Connections at one time; more are closed at once.",
  },
  maxConnectionsPerAddress: {
    type: "number",
    default: 1_000,
    min: 0,
    max: 1_000_000,
    doc: "Connections of one client address at one time; 0 means no bound.",
  },
  maxSessions: {
    type: "number",
    default: 100_000,
    min: 1,
    max: 10_000_000,
    doc: "Sessions that live at one time, connected or not.",
  },
  maxQueuedBytes: {
    type: "number",
    default: 16_777_216,
    min: 65_536,
    max: 1_073_741_824,
    doc: "Answers and watch events that wait for one client; one that reads too slowly is cut off.",
    danger:
      "Below the size of the largest list of children or node, clients that ask for it are cut off.",
  },
  maxUnfinishedBytes: {
    type: "number",
    default: 67_108_864,
    min: 1_048_576,
    max: 4_294_967_296,
    doc: "Bytes of unfinished requests of all clients together.",
  },
  maxMemoryBytes: {
    type: "number",
    default: 1_073_741_824,
    min: 1_048_576,
    max: 1_099_511_627_776,
    doc: "Nodes and watches together; beyond it creating, setting and watching are refused (error -125).",
    danger:
      "Above the heap of the process (node --max-old-space-size) the keeper dies instead.",
  },
  disableAddWatch: {
    type: "flag",
    default: false,
    doc: "Answers as servers before 3.6, which know no persistent watches; for tests.",
  },
  open: {
    type: "flag",
    default: false,
    doc: "Allows an address that other machines reach without asking clients who they are.",
    danger: "Whoever reaches the port can read and change everything.",
  },
} as const satisfies OptionTable;

/** The checked options. */
export type KeeperNumbers = OptionsOf<typeof keeperOptionTable>;
