import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import {
  type Address,
  formatAddress,
  isLoopback,
  type Journal,
} from "../base/index.ts";
import {
  ConfigError,
  parseAddress,
  readAuthFile,
  readText,
} from "../config/index.ts";
import type { Metric } from "../admin/index.ts";
import {
  type Keeper,
  type KeeperOptions,
  type KeeperStats,
  type KeeperTls,
  startKeeper,
} from "../keeper/index.ts";

/** What {@link openKeeper} wants to know. */
export interface KeeperSettings {
  readonly listen: Address;
  readonly dataFile: string | undefined;
  readonly authFile: string | undefined;
  readonly open: boolean;
  readonly numbers?: Omit<
    KeeperOptions,
    "host" | "port" | "dataFile" | "users" | "open" | "tls"
  >;
  readonly tls?: KeeperTls | undefined;
  readonly journal: Journal;
}

/**
 * Starts a keeper.
 * @throws KeeperError when it cannot listen or its file cannot be used
 */
export async function openKeeper(settings: KeeperSettings): Promise<Keeper> {
  const { listen, authFile, tls } = settings;
  if (!isLoopback(listen.host) && authFile === undefined && !settings.open)
    throw new ConfigError(
      "missing-option",
      `Cannot listen on ${formatAddress(listen)}: other machines reach it and anybody could change everything; give --zookeeper-auth FILE, or --open to allow just that`,
    );
  const users =
    authFile === undefined ? [] : [userOf((await readAuthFile(authFile)).auth)];
  if (settings.dataFile !== undefined)
    await mkdir(dirname(settings.dataFile), { recursive: true, mode: 0o700 });
  return startKeeper({
    ...settings.numbers,
    host: listen.host,
    port: listen.port,
    dataFile: settings.dataFile,
    users,
    open: settings.open,
    ...(tls === undefined ? {} : { tls }),
    journal: settings.journal,
  });
}

/** The flags of a keeper's TLS port; commander's names. */
export interface KeeperTlsFlags {
  readonly tlsListen?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

/**
 * Reads what the TLS port takes; undefined without one.
 * @throws ConfigError
 */
export async function readKeeperTls(
  flags: KeeperTlsFlags,
): Promise<KeeperTls | undefined> {
  const { tlsListen, tlsCert, tlsKey, tlsCa } = flags;
  if (tlsListen === undefined) {
    const lost = Object.values({ tlsCert, tlsKey, tlsCa });
    if (lost.every((file) => file === undefined)) return undefined;
    throw new ConfigError(
      "missing-option",
      "Cannot speak TLS: it is not said where; give --tls-listen, too",
    );
  }
  if (tlsCert === undefined || tlsKey === undefined)
    throw new ConfigError(
      "missing-option",
      `Cannot listen on ${tlsListen}: TLS needs a certificate and its key; give --tls-cert and --tls-key`,
    );
  return {
    ...parseAddress(tlsListen, "--tls-listen"),
    cert: await readText(tlsCert, "the certificate"),
    key: await readText(tlsKey, "the key"),
    ...(tlsCa === undefined
      ? {}
      : { ca: await readText(tlsCa, "the authorities") }),
  };
}

function userOf(auth: string): {
  readonly user: string;
  readonly password: string;
} {
  const colon = auth.indexOf(":");
  return { user: auth.slice(0, colon), password: auth.slice(colon + 1) };
}

const GAUGES = [
  ["nodes", "Znodes."],
  ["ephemerals", "Ephemeral znodes."],
  ["watches", "Watches set."],
  ["sessions", "Sessions, connected or not."],
  ["connections", "Open connections."],
  ["treeBytes", "Estimated bytes of all znodes."],
  ["watchBytes", "Estimated bytes of all watches."],
  ["zxid", "Number of the last change."],
] as const satisfies readonly (readonly [keyof KeeperStats, string])[];

const COUNTERS = [
  ["packetsReceived", "Requests received."],
  ["packetsSent", "Answers and events sent."],
  ["sessionsExpired", "Sessions that ended by their timeout."],
  ["connectionsRefused", "Connections refused for a limit."],
  ["connectionsCut", "Connections closed by the keeper."],
  ["commits", "Groups of changes written to disk."],
  ["commitSeconds", "Time spent writing them."],
] as const satisfies readonly (readonly [keyof KeeperStats, string])[];

/** A keeper's numbers, for `/metrics`. */
export function keeperMetrics(stats: KeeperStats): readonly Metric[] {
  return [
    ...GAUGES.map(([name, help]) => ({
      kind: "gauge" as const,
      name: `zoogate_keeper_${snakeCase(name)}`,
      help,
      samples: [{ value: stats[name] }],
    })),
    ...COUNTERS.map(([name, help]) => ({
      kind: "counter" as const,
      name: `zoogate_keeper_${snakeCase(name)}_total`,
      help,
      samples: [{ value: stats[name] }],
    })),
  ];
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}
