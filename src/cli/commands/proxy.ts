import { Command, InvalidArgumentError, Option } from "commander";
import { join } from "node:path";
import { availableParallelism } from "node:os";
import { AdminServer } from "../../admin/index.ts";
import type { Journal } from "../../base/index.ts";
import {
  type Address,
  defaultDataFolder,
  formatAddress,
  parseAddress,
  stateFolder,
} from "../../config/index.ts";
import { registryConnectString } from "../../registry/index.ts";
import { openKeeper } from "../keeper-flags.ts";
import { Lifetime, printReady } from "../lifetime.ts";
import { createLog, type LogFlags, logOptions } from "../log.ts";
import { packageVersion } from "../package-version.ts";
import { refusePortInUse } from "../port-in-use.ts";
import { proxyMetrics, registryMetrics } from "../proxy-metrics.ts";
import { Proxy } from "../start-proxy.ts";
import {
  DEFAULT_ZOOKEEPER,
  openZooKeeper,
  registryAcl,
  type ZooKeeperFlags,
  zooKeeperOptions,
} from "../zookeeper-flags.ts";

interface ProxyFlags extends ZooKeeperFlags, LogFlags {
  readonly listen: string;
  readonly admin?: string;
  readonly data: string;
  readonly workers: number;
  readonly cacheSize: number;
  readonly trust: readonly string[];
}

const EMBEDDED = "embedded";
const DEFAULT_ADMIN = "127.0.0.1:9180";
const DEFAULT_CACHE_MB = 256;
const MB = 1_000_000;

/** `zoogate proxy` */
export function proxyCommand(): Command {
  const command = new Command("proxy");
  for (const option of zooKeeperOptions(
    `, or "${EMBEDDED}": a keeper inside, on ${DEFAULT_ZOOKEEPER}`,
  ))
    command.addOption(option);
  command
    .addOption(
      new Option("--listen <address>", "where it answers HTTP").default(
        "0.0.0.0:8080",
      ),
    )
    .addOption(
      new Option(
        "--admin <address>",
        `where /healthz, /readyz, /metrics and /api/snapshot answer (default: "${DEFAULT_ADMIN}", or a free port when that is in use)`,
      ),
    )
    .addOption(
      new Option(
        "--data <dir>",
        "where the last routing table and unwritten counts are kept",
      ).default(defaultDataFolder(process.env)),
    )
    .addOption(
      new Option("--workers <number>", "threads that answer requests")
        .argParser(atLeastOne)
        .default(availableParallelism(), "one per core"),
    )
    .addOption(
      new Option("--cache-size <megabytes>", "memory for stored answers")
        .argParser(atLeastOne)
        .default(DEFAULT_CACHE_MB),
    )
    .addOption(
      new Option(
        "--trust <network>",
        "believe X-Forwarded-* and Forwarded from this address or network, repeatable",
      )
        .argParser((value, previous: readonly string[]) => [...previous, value])
        .default([], "none"),
    );
  for (const option of logOptions()) command.addOption(option);
  return command
    .addHelpText(
      "after",
      `
Answers for every service that is registered: by host name and path, each
request by the target that has served the fewest, by the next one when that
fails. Without ZooKeeper it serves by the last routing table it knew.

  zoogate proxy --zookeeper zk1:2181,zk2:2181,zk3:2181 --listen :80`,
    )
    .action(runProxy);
}

function atLeastOne(value: string): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 1 && number <= 1_000_000)
    return number;
  throw new InvalidArgumentError("It should be a whole number, 1 or more.");
}

async function runProxy(flags: ProxyFlags): Promise<void> {
  const listen = parseAddress(flags.listen, "--listen");
  // Told now, not when ZooKeeper has come.
  await refusePortInUse(listen);
  const journal = await createLog(flags);
  using lifetime = new Lifetime();
  await using resources = new AsyncDisposableStack();
  const embedded = flags.zookeeper === EMBEDDED;
  const zookeeperFlags = embedded
    ? { ...flags, zookeeper: DEFAULT_ZOOKEEPER }
    : flags;
  if (embedded) resources.use(await openEmbedded(flags, journal));
  const zookeeper = resources.use(await openZooKeeper(zookeeperFlags, journal));
  const connectString = registryConnectString(zookeeperFlags.zookeeper);
  const proxy = resources.use(
    new Proxy({
      zookeeper,
      connectString,
      listen: [listen],
      workers: flags.workers,
      cacheBytes: flags.cacheSize * MB,
      dataFolder: stateFolder(flags.data, [
        connectString,
        formatAddress(listen),
      ]),
      version: await packageVersion(),
      trusted: flags.trust,
      journal,
      ...registryAcl(flags),
    }),
  );
  const admin = resources.use(await openAdmin(flags, proxy, journal));
  try {
    const addresses = await proxy.start({ signal: lifetime.signal });
    printReady(readyLine(addresses, admin, proxy));
  } catch (error) {
    if (!lifetime.signal.aborted) throw error;
  }
  await lifetime.ended();
}

async function openEmbedded(
  flags: ProxyFlags,
  journal: Journal,
): Promise<AsyncDisposable> {
  const listen = parseAddress(DEFAULT_ZOOKEEPER, "--zookeeper");
  return openKeeper({
    listen,
    // Where `zoogate keeper` keeps it, so that one can take the other's place.
    dataFile: join(
      stateFolder(flags.data, ["keeper", DEFAULT_ZOOKEEPER]),
      "keeper.db",
    ),
    authFile: flags.zookeeperAuth,
    open: false,
    journal,
  });
}

async function openAdmin(
  flags: ProxyFlags,
  proxy: Proxy,
  journal: Journal,
): Promise<AdminServer> {
  const admin = await AdminServer.open({
    ...parseAddress(flags.admin ?? DEFAULT_ADMIN, "--admin"),
    orFreePort: flags.admin === undefined,
    sources: {
      readiness: () =>
        proxy.plane === undefined
          ? { ready: false, because: "no routing table yet" }
          : { ready: true },
      metrics: async () => [
        ...registryMetrics(proxy.registry.status),
        ...(proxy.plane === undefined
          ? []
          : proxyMetrics(await proxy.plane.stats())),
      ],
      snapshot: () => ({
        status: proxy.registry.status,
        ...proxy.registry.snapshot,
      }),
    },
    journal,
  });
  journal({
    level: "info",
    room: "admin",
    event: "listening",
    message: `The admin server answers on ${urlOf(admin)}`,
  });
  return admin;
}

function readyLine(
  addresses: readonly Address[],
  admin: AdminServer,
  proxy: Proxy,
): string {
  const { services } = proxy.registry.snapshot;
  const targets = [...services.values()].reduce(
    (sum, service) => sum + service.targets.size,
    0,
  );
  const { source } = proxy.registry.status;
  const where = addresses.map(urlOf).join(" ");
  const from = source === "disk" ? " (from disk: ZooKeeper is away)" : "";
  return `${where}, ${services.size} services, ${targets} targets${from}, admin ${urlOf(admin)}`;
}

function urlOf(address: Address): string {
  return `http://${formatAddress(address)}`;
}
