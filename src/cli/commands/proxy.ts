import { Command, Option } from "commander";
import { join } from "node:path";
import { AdminServer } from "../../admin/index.ts";
import { formatAddress, type Journal } from "../../base/index.ts";
import {
  DEFAULT_ADMIN,
  DEFAULT_ZOOKEEPER,
  EMBEDDED,
  NO_ZOOKEEPER,
  parseAddress,
  proxySettings,
  type ProxySettings,
  stateFolder,
} from "../../config/index.ts";
import type { ListenAddress } from "../../proxy/index.ts";
import { registryConnectString } from "../../registry/index.ts";
import { parseConnectString, type ZooKeeper } from "../../zookeeper/index.ts";
import { AccessLog } from "../access-log.ts";
import { openKeeper } from "../keeper-flags.ts";
import { Lifetime, printReady } from "../lifetime.ts";
import { openLog } from "../log.ts";
import { packageVersion } from "../package-version.ts";
import { refusePortInUse } from "../port-in-use.ts";
import {
  configPath,
  expectsProxyProtocol,
  formatConfig,
  loadProxyConfig,
  type ProxyConfig,
} from "../proxy-config.ts";
import {
  accessLogMetrics,
  proxyMetrics,
  registryMetrics,
} from "../proxy-metrics.ts";
import { ConfigReloader } from "../reload.ts";
import { gather, type ParsedFlags, settingOptions } from "../setting-flags.ts";
import { Proxy } from "../start-proxy.ts";
import { openZooKeeper, registryAcl } from "../zookeeper-flags.ts";

/** `zoogate proxy` */
export function proxyCommand(): Command {
  const command = new Command("proxy")
    .addOption(
      new Option(
        "--config <file>",
        "Configuration file (YAML), read again on SIGHUP. (default: none, env: ZOOGATE_CONFIG)",
      ),
    )
    .addOption(
      new Option(
        "--check-config",
        "Print the settings in force and where each comes from, and exit: 0, or 1 when something is wrong.",
      ),
    );
  for (const option of settingOptions(proxySettings)) command.addOption(option);
  return command
    .addOption(
      new Option(
        "--set <name=value>",
        "Any other setting by its name in the file, as in limits.headTimeout=10s. Repeatable.",
      ).argParser(gather),
    )
    .addHelpText(
      "after",
      `
Answers for every service that is registered: by host name and path, each
request by the target that has served the fewest, by the next one when that
fails. Without ZooKeeper it serves by the last routing table it knew.

  zoogate proxy --zookeeper zk1:2181,zk2:2181,zk3:2181 --listen :80
  zoogate proxy --config /etc/zoogate.yaml --check-config
  zoogate proxy --listen :80 --redirect-http --tls-listen :443 \\
    --tls-cert site.pem --tls-key site.key

Limits, static services and all else that can be set: docs/configuration.md`,
    )
    .action(runProxy);
}

async function runProxy(flags: ParsedFlags): Promise<void> {
  const sources = { flags, env: process.env };
  const config = await loadProxyConfig(sources);
  const { settings } = config;
  const connectString = registryString(settings.main.zookeeper);
  if (flags["checkConfig"] === true) {
    process.stdout.write(`${formatConfig(config)}\n`);
    return;
  }
  const listen = listenersOf(settings);
  // Told now, not when ZooKeeper has come.
  for (const address of listen) await refusePortInUse(address);
  const { journal, setLevel } = await openLog({
    logFormat: settings.log.format,
    logLevel: settings.log.level,
  });
  using lifetime = new Lifetime();
  await using resources = new AsyncDisposableStack();
  if (settings.main.zookeeper === EMBEDDED)
    resources.use(await openEmbedded(settings, journal));
  const accessLog = resources.use(await openAccessLog(settings, journal));
  const zookeeper = resources.use(await openClient(settings, journal));
  const proxy = resources.use(
    new Proxy({
      zookeeper,
      connectString,
      listen,
      certificates: settings.tls.cert.map((certFile, index) => ({
        certFile,
        keyFile: settings.tls.key[index] ?? "",
      })),
      workers: settings.main.workers,
      cacheBytes: settings.main.cacheBytes,
      cache: settings.cache,
      dataFolder: stateFolder(settings.main.data, [
        connectString,
        ...listen.slice(0, 1).map(formatAddress),
      ]),
      version: await packageVersion(),
      trusted: settings.main.trust,
      proxyPeers: settings.proxyProtocol.from,
      limits: limitsOf(settings),
      services: config.services,
      journal,
      ...registryAcl(settings.main),
    }),
  );
  const admin = resources.use(
    await openAdmin(settings, { proxy, accessLog, journal }),
  );
  try {
    using _signals = onSignals({
      SIGUSR1: () => accessLog?.reopen(),
      ...(configPath(sources) === undefined && settings.tls.listen.length === 0
        ? {}
        : { SIGHUP: reloader(config, { sources, proxy, setLevel, journal }) }),
    });
    const addresses = await proxy.start({ signal: lifetime.signal });
    const { plane } = proxy;
    if (plane !== undefined)
      accessLog?.start(() => plane.accessLines(settings.accessLog.format));
    printReady(readyLine(addresses, admin, proxy));
    await lifetime.ended();
    await proxy.close();
  } catch (error) {
    if (!lifetime.signal.aborted) throw error;
  }
}

/** @throws ZooKeeperError `bad-connect-string` */
function registryString(zookeeper: string): string {
  if (zookeeper === NO_ZOOKEEPER) return NO_ZOOKEEPER;
  const connectString = registryConnectString(
    zookeeper === EMBEDDED ? DEFAULT_ZOOKEEPER : zookeeper,
  );
  parseConnectString(connectString);
  return connectString;
}

function listenersOf({
  main,
  tls,
  proxyProtocol,
}: ProxySettings): readonly ListenAddress[] {
  const { redirectHttp, redirectPort } = tls;
  const expects = (text: string) => ({
    proxyProtocol: expectsProxyProtocol(text, proxyProtocol),
  });
  return [
    ...main.listen.map((text) => ({
      ...parseAddress(text, "--listen"),
      ...(redirectHttp ? { redirectPort } : {}),
      ...expects(text),
    })),
    ...tls.listen.map((text) => ({
      ...parseAddress(text, "--tls-listen"),
      tls: true,
      ...expects(text),
    })),
  ];
}

function limitsOf({ limits, tls, accessLog }: ProxySettings) {
  return {
    ...limits,
    hstsSeconds: tls.hstsSeconds,
    accessRecords: accessLog.file === undefined ? 0 : accessLog.records,
  };
}

function reloader(
  started: ProxyConfig,
  parts: {
    readonly sources: Parameters<typeof loadProxyConfig>[0];
    readonly proxy: Proxy;
    readonly setLevel: (level: ProxySettings["log"]["level"]) => void;
    readonly journal: Journal;
  },
): () => void {
  const { sources, proxy, setLevel, journal } = parts;
  const reload = new ConfigReloader(started, {
    load: () => loadProxyConfig(sources),
    apply: ({ settings, services }) =>
      proxy.configure({
        limits: limitsOf({
          ...settings,
          accessLog: started.settings.accessLog,
        }),
        trusted: settings.main.trust,
        proxyPeers: settings.proxyProtocol.from,
        services,
      }),
    setLogLevel: setLevel,
    journal,
  });
  return () => {
    if (configPath(sources) !== undefined) void reload.reload();
    void proxy.reloadCertificates();
  };
}

/** Listens to signals until it is disposed of. */
function onSignals(
  handlers: Readonly<Partial<Record<NodeJS.Signals, () => void>>>,
): Disposable {
  const entries = Object.entries(handlers);
  for (const [name, handler] of entries) process.on(name, handler);
  return {
    [Symbol.dispose]: () => {
      for (const [name, handler] of entries) process.off(name, handler);
    },
  };
}

async function openClient(
  { main, client }: ProxySettings,
  journal: Journal,
): Promise<ZooKeeper | undefined> {
  const { zookeeper, zookeeperAuth } = main;
  if (zookeeper === NO_ZOOKEEPER) return undefined;
  return openZooKeeper(
    {
      zookeeper: zookeeper === EMBEDDED ? DEFAULT_ZOOKEEPER : zookeeper,
      zookeeperAuth,
    },
    { ...client, journal },
  );
}

async function openAccessLog(
  { accessLog: { file } }: ProxySettings,
  journal: Journal,
): Promise<AccessLog | undefined> {
  return file === undefined
    ? undefined
    : AccessLog.open({ path: file, journal });
}

async function openEmbedded(
  { main, keeper }: ProxySettings,
  journal: Journal,
): Promise<AsyncDisposable> {
  const listen = parseAddress(DEFAULT_ZOOKEEPER, "--zookeeper");
  return openKeeper({
    listen,
    // Where `zoogate keeper` keeps it, so that one can take the other's place.
    dataFile: join(
      stateFolder(main.data, ["keeper", DEFAULT_ZOOKEEPER]),
      "keeper.db",
    ),
    authFile: main.zookeeperAuth,
    open: false,
    numbers: keeper,
    journal,
  });
}

async function openAdmin(
  { main }: ProxySettings,
  parts: {
    readonly proxy: Proxy;
    readonly accessLog: AccessLog | undefined;
    readonly journal: Journal;
  },
): Promise<AdminServer> {
  const { proxy, accessLog, journal } = parts;
  const admin = await AdminServer.open({
    ...parseAddress(main.admin ?? DEFAULT_ADMIN, "--admin"),
    orFreePort: main.admin === undefined,
    sources: {
      readiness: () =>
        proxy.isComplete
          ? { ready: true }
          : { ready: false, because: "no routing table yet" },
      metrics: async () => [
        ...(main.zookeeper === NO_ZOOKEEPER
          ? []
          : registryMetrics(proxy.registry.status)),
        ...(accessLog === undefined ? [] : accessLogMetrics(accessLog)),
        ...(proxy.plane === undefined
          ? []
          : proxyMetrics(await proxy.plane.stats())),
      ],
      snapshot: () => ({
        status: proxy.registry.status,
        ...proxy.snapshot,
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
  addresses: readonly ListenAddress[],
  admin: AdminServer,
  proxy: Proxy,
): string {
  const { services } = proxy.snapshot;
  const targets = [...services.values()].reduce(
    (sum, service) => sum + service.targets.size,
    0,
  );
  const { source } = proxy.registry.status;
  const where = addresses.map(urlOf).join(" ");
  const from = source === "disk" ? " (from disk: ZooKeeper is away)" : "";
  return `${where}, ${services.size} services, ${targets} targets${from}, admin ${urlOf(admin)}`;
}

function urlOf(address: ListenAddress): string {
  return `http${address.tls === true ? "s" : ""}://${formatAddress(address)}`;
}
