/**
 * Apache ZooKeeper's plain-text commands, in its formats: scripts and monitoring
 * agents parse them.
 */
import type { Database } from "./database.ts";
import type { Session } from "./session-table.ts";
import type { KeeperStats } from "./stats.ts";

/** What the commands report on one connection. */
interface ReportedConnection {
  readonly address: string;
  readonly port: number;
  readonly openedMs: number;
  readonly received: number;
  readonly sent: number;
  readonly currentSession: Session | undefined;
  readonly watches: ReadonlyMap<string, unknown>;
}

/** What the commands report on. */
export interface FourLetterSubject {
  readonly database: Database;
  readonly connections: ReadonlySet<ReportedConnection>;
  readonly nowMs: number;
  readonly stats: KeeperStats;
  /** `name=value` lines of `conf`. */
  readonly configuration: Readonly<Record<string, string | number | boolean>>;
  resetConnectionStats(): void;
  resetServerStats(): void;
}

/** Clients take the first number for the version of the protocol's features. */
export const SERVER_VERSION = "3.8.0-zoogate, built on 2026-01-01 00:00 UTC";

const WORDS: Readonly<Record<string, (subject: FourLetterSubject) => string>> =
  {
    ruok: () => "imok",
    isro: () => "rw",
    srvr: (subject) => serverLines(subject),
    stat: (subject) =>
      `Zookeeper version: ${SERVER_VERSION}\nClients:\n${[...subject.connections].map(shortLine).join("")}\n${serverLines(subject).split("\n").slice(1).join("\n")}`,
    mntr: monitorLines,
    conf: (subject) =>
      Object.entries(subject.configuration)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(""),
    cons: (subject) =>
      `${[...subject.connections].map((connection) => fullLine(connection, subject)).join("")}\n`,
    envi: environmentLines,
    dump: dumpLines,
    dirs: ({ database }) =>
      `datadir_size: ${database.tree.bytes}\nlogdir_size: 0\n`,
    wchs: ({ database: { watches }, connections }) =>
      `${[...connections].filter((connection) => connection.watches.size > 0).length} connections watching ${watches.pathCount} paths\nTotal watches:${watches.count}\n`,
    wchc: watchesByConnection,
    wchp: watchesByPath,
    crst: (subject) => {
      subject.resetConnectionStats();
      return "Connection stats reset.\n";
    },
    srst: (subject) => {
      subject.resetServerStats();
      return "Server stats reset.\n";
    },
  };

/** Whether four bytes are a command. */
export function isFourLetterWord(word: string): boolean {
  return Object.hasOwn(WORDS, word);
}

/** The answer to a command; undefined when it is none. */
export function answerFourLetterWord(
  word: string,
  subject: FourLetterSubject,
): string | undefined {
  return isFourLetterWord(word) ? WORDS[word]?.(subject) : undefined;
}

function serverLines({ stats }: FourLetterSubject): string {
  return [
    `Zookeeper version: ${SERVER_VERSION}`,
    `Latency min/avg/max: ${latencyText(stats)}`,
    `Received: ${stats.packetsReceived}`,
    `Sent: ${stats.packetsSent}`,
    `Connections: ${stats.connections}`,
    "Outstanding: 0",
    `Zxid: 0x${stats.zxid.toString(16)}`,
    "Mode: standalone",
    `Node count: ${stats.nodes}`,
    "",
  ].join("\n");
}

function latencyText(stats: KeeperStats): string {
  return `${Math.round(stats.latencyMinMs)}/${stats.latencyAverageMs.toFixed(4)}/${Math.round(stats.latencyMaxMs)}`;
}

function monitorLines({ stats }: FourLetterSubject): string {
  const rows: readonly (readonly [string, string | number])[] = [
    ["zk_version", SERVER_VERSION],
    ["zk_server_state", "standalone"],
    ["zk_avg_latency", stats.latencyAverageMs.toFixed(4)],
    ["zk_max_latency", Math.round(stats.latencyMaxMs)],
    ["zk_min_latency", Math.round(stats.latencyMinMs)],
    ["zk_packets_received", stats.packetsReceived],
    ["zk_packets_sent", stats.packetsSent],
    ["zk_num_alive_connections", stats.connections],
    ["zk_outstanding_requests", 0],
    ["zk_znode_count", stats.nodes],
    ["zk_watch_count", stats.watches],
    ["zk_ephemerals_count", stats.ephemerals],
    ["zk_approximate_data_size", stats.treeBytes],
    ["zk_global_sessions", stats.sessions],
    ["zk_local_sessions", 0],
    ["zk_uptime", Math.round(stats.uptimeMs)],
    ["zk_connection_drop_count", stats.connectionsCut],
    ["zk_connection_rejected", stats.connectionsRefused],
    ["zk_stale_sessions_expired", stats.sessionsExpired],
  ];
  return rows.map(([name, value]) => `${name}\t${value}\n`).join("");
}

function environmentLines(): string {
  return [
    "Environment:",
    `zookeeper.version=${SERVER_VERSION}`,
    `node.version=${process.version}`,
    `os.name=${process.platform}`,
    `os.arch=${process.arch}`,
    `user.dir=${process.cwd()}`,
    "",
  ].join("\n");
}

function shortLine(connection: ReportedConnection): string {
  return ` /${connection.address}:${connection.port}[1](queued=0,recved=${connection.received},sent=${connection.sent})\n`;
}

function fullLine(
  connection: ReportedConnection,
  subject: FourLetterSubject,
): string {
  const session = connection.currentSession;
  const details =
    session === undefined
      ? ""
      : `,sid=${session.idText},est=${Math.round(subject.nowMs - connection.openedMs)},to=${session.timeoutMs}`;
  return ` /${connection.address}:${connection.port}[1](queued=0,recved=${connection.received},sent=${connection.sent}${details})\n`;
}

function dumpLines({
  database,
  connections,
  nowMs,
}: FourLetterSubject): string {
  const sessions = [...database.sessions.all()];
  const owners = sessions.filter((session) => session.ephemerals.size > 0);
  const lines = ["SessionTracker dump:", "Global Sessions:"];
  for (const session of sessions)
    lines.push(
      `${session.idText}\t${Math.max(0, Math.round(session.heardMs + session.timeoutMs - nowMs))}ms`,
    );
  lines.push(
    "ephemeral nodes dump:",
    `Sessions with Ephemerals (${owners.length}):`,
  );
  for (const owner of owners) {
    lines.push(`${owner.idText}:`);
    for (const node of owner.ephemerals) lines.push(`\t${node.path}`);
  }
  lines.push(
    "Connections dump:",
    `Connections Sets (1)/(${connections.size}):`,
  );
  for (const connection of connections)
    lines.push(
      `\tip: /${connection.address}:${connection.port} sessionId: ${connection.currentSession?.idText ?? "0x0"}`,
    );
  return `${lines.join("\n")}\n`;
}

function watchesByConnection({ connections }: FourLetterSubject): string {
  let text = "";
  for (const connection of connections) {
    if (connection.watches.size === 0) continue;
    text += `${connection.currentSession?.idText ?? "0x0"}\n`;
    for (const path of connection.watches.keys()) text += `\t${path}\n`;
  }
  return text;
}

function watchesByPath({ database, connections }: FourLetterSubject): string {
  const sessionOf = new Map<unknown, string>();
  for (const connection of connections)
    sessionOf.set(connection, connection.currentSession?.idText ?? "0x0");
  let text = "";
  for (const [path, watchers] of database.watches.entries()) {
    text += `${path}\n`;
    for (const watcher of watchers) text += `\t${sessionOf.get(watcher)}\n`;
  }
  return text;
}
