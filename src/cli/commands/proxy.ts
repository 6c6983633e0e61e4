import { Command, Option } from "commander";
import { join } from "node:path";
import type { AdminServer } from "../../admin/index.ts";
import { errorMessage, type Journal } from "../../base/index.ts";
import {
  DEFAULT_ZOOKEEPER,
  EMBEDDED,
  NO_ZOOKEEPER,
  parseAddress,
  proxySettings,
  type ProxySettings,
  stateFolder,
} from "../../config/index.ts";
import { type DataPlane, descriptorOf, SiteFiles } from "../../proxy/index.ts";
import { registryConnectString } from "../../registry/index.ts";
import { parseConnectString, type ZooKeeper } from "../../zookeeper/index.ts";
import { AccessLog } from "../access-log.ts";
import { ActivatedSockets } from "../activated-sockets.ts";
import { LateKeeper } from "../embedded-keeper.ts";
import { openKeeper } from "../keeper-flags.ts";
import { Lifetime, printReady } from "../lifetime.ts";
import { openLog } from "../log.ts";
import { packageVersion } from "../package-version.ts";
import { PidFile } from "../pid-file.ts";
import { Predecessor } from "../predecessor.ts";
import { openAdmin, readyLine } from "../proxy-admin.ts";
import {
  configPath,
  formatConfig,
  loadProxyConfig,
  type ProxyConfig,
} from "../proxy-config.ts";
import { openListeners, type ProxyListeners } from "../proxy-listeners.ts";
import { ConfigReloader } from "../reload.ts";
import { tellServiceManager } from "../service-manager.ts";
import { gather, type ParsedFlags, settingOptions } from "../setting-flags.ts";
import { sitePlaces } from "../site-places.ts";
import { Proxy } from "../start-proxy.ts";
import { type Legacy, TakeOver } from "../take-over.ts";
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
  const predecessor = await Predecessor.meet();
  try {
    await serve(flags, predecessor);
  } catch (error) {
    predecessor?.failed(errorMessage(error));
    throw error;
  }
}

async function serve(
  flags: ParsedFlags,
  predecessor: Predecessor | undefined,
): Promise<void> {
  const sources = { flags, env: process.env };
  const config = await loadProxyConfig(sources);
  const { settings } = config;
  registryString(settings.main.zookeeper); // told as a mistake of the settings
  if (flags["checkConfig"] === true) {
    process.stdout.write(`${formatConfig(config)}\n`);
    return;
  }
  const listeners = await openListeners(
    settings,
    predecessor ?? ActivatedSockets.read(process.env, process.pid),
  );
  const { journal, setLevel } = await openLog({
    logFormat: settings.log.format,
    logLevel: settings.log.level,
  });
  using lifetime = new Lifetime({ outlivesParent: predecessor !== undefined });
  await using resources = new AsyncDisposableStack();
  if (settings.main.zookeeper === EMBEDDED)
    resources.use(await openEmbedded(settings, { journal, predecessor }));
  const accessLog = resources.use(await openAccessLog(settings, journal));
  const zookeeper = resources.use(await openClient(settings, journal));
  const files = resources.use(
    await SiteFiles.open(sitePlaces(settings), {
      journal,
      onChange: (site) => proxy.configure({ site }),
    }),
  );
  const proxy = resources.use(
    new Proxy({
      ...(await proxyOptions(config, { listeners, predecessor })),
      zookeeper,
      site: files.material,
      journal,
    }),
  );
  const openTheAdmin = async () =>
    resources.use(
      await openAdmin(settings, {
        proxy,
        accessLog,
        passed: listeners.admin,
        journal,
      }),
    );
  // A predecessor answers until this process has something to say.
  const admin = predecessor === undefined ? await openTheAdmin() : undefined;
  await serveUntilEnd({
    settings,
    listeners,
    predecessor,
    lifetime,
    resources,
    proxy,
    accessLog,
    admin,
    openTheAdmin,
    journal,
    onSighup: readsFiles(config)
      ? reloader(config, { sources, proxy, files, setLevel, journal })
      : undefined,
  });
}

/** Serves, tells whoever waits for it, and goes when it is told to or relieved. */
async function serveUntilEnd(parts: {
  readonly settings: ProxySettings;
  readonly listeners: ProxyListeners;
  readonly predecessor: Predecessor | undefined;
  readonly lifetime: Lifetime;
  readonly resources: AsyncDisposableStack;
  readonly proxy: Proxy;
  readonly accessLog: AccessLog | undefined;
  /** Undefined: opened once the proxy serves. */
  readonly admin: AdminServer | undefined;
  readonly openTheAdmin: () => Promise<AdminServer>;
  readonly journal: Journal;
  readonly onSighup: (() => void) | undefined;
}): Promise<void> {
  const { settings, listeners, predecessor, lifetime, proxy, journal } = parts;
  const { accessLog, resources, onSighup } = parts;
  let { admin } = parts;
  using takeOver = new TakeOver({
    timeoutMs: settings.main.takeOverTimeoutMs,
    legacy: () => legacyOf(listeners, proxy.plane, admin),
    journal,
  });
  using _signals = onSignals({
    SIGUSR1: () => accessLog?.reopen(),
    SIGUSR2: () => takeOver.begin(),
    ...(onSighup === undefined ? {} : { SIGHUP: onSighup }),
  });
  try {
    const addresses = await proxy.start({ signal: lifetime.signal });
    admin ??= await parts.openTheAdmin();
    const { plane } = proxy;
    if (plane !== undefined)
      accessLog?.start(() => plane.accessLines(settings.accessLog.format));
    if (settings.main.pidFile !== undefined)
      resources.use(await PidFile.write(settings.main.pidFile));
    const where = readyLine(addresses, admin, proxy);
    // Before the old process may end: systemd follows the main one.
    await tellServiceManager({ env: process.env, status: where, journal });
    predecessor?.ready();
    printReady(where);
    takeOver.allow();
    if ((await lifetime.ended(takeOver.taken)) === "relieved") {
      admin.retire();
      await proxy.retire();
    }
    await proxy.close();
  } catch (error) {
    predecessor?.renounce();
    if (!lifetime.signal.aborted) throw error;
  }
}

async function proxyOptions(
  { settings, services }: ProxyConfig,
  parts: {
    readonly listeners: ProxyListeners;
    readonly predecessor: Predecessor | undefined;
  },
) {
  const { listeners, predecessor } = parts;
  const connectString = registryString(settings.main.zookeeper);
  return {
    connectString,
    listen: listeners.addresses,
    certificates: settings.tls.cert.map((certFile, index) => ({
      certFile,
      keyFile: settings.tls.key[index] ?? "",
    })),
    workers: settings.main.workers,
    cacheBytes: settings.main.cacheBytes,
    cache: settings.cache,
    dataFolder: stateFolder(settings.main.data, [
      connectString,
      ...listeners.asked.slice(0, 1),
    ]),
    version: await packageVersion(),
    trusted: settings.main.trust,
    proxyPeers: settings.proxyProtocol.from,
    access: settings.access,
    limits: limitsOf(settings),
    services,
    ...(predecessor === undefined
      ? {}
      : {
          ticketKeys: predecessor.ticketKeys,
          folderIsFree: predecessor.folderIsFree,
        }),
    ...registryAcl(settings.main),
  };
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
    readonly files: SiteFiles;
    readonly setLevel: (level: ProxySettings["log"]["level"]) => void;
    readonly journal: Journal;
  },
): () => void {
  const { sources, proxy, files, setLevel, journal } = parts;
  let places = sitePlaces(started.settings);
  const reload = new ConfigReloader(started, {
    load: () => loadProxyConfig(sources),
    apply: ({ settings, services }) => {
      places = sitePlaces(settings);
      proxy.configure({
        limits: limitsOf({
          ...settings,
          accessLog: started.settings.accessLog,
        }),
        trusted: settings.main.trust,
        proxyPeers: settings.proxyProtocol.from,
        access: settings.access,
        services,
      });
    },
    setLogLevel: setLevel,
    journal,
  });
  return () => {
    const read =
      configPath(sources) === undefined ? Promise.resolve() : reload.reload();
    void read.then(() => files.configure(places));
    void proxy.reloadCertificates();
  };
}

/** Whether there is anything that SIGHUP has read again. */
function readsFiles({ file, settings }: ProxyConfig): boolean {
  const { main, tls } = settings;
  return (
    file !== undefined ||
    tls.listen.length > 0 ||
    main.errorPages !== undefined ||
    main.targetCa !== undefined ||
    main.users.length > 0
  );
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
  parts: {
    readonly predecessor: Predecessor | undefined;
    readonly journal: Journal;
  },
): Promise<AsyncDisposable> {
  const { predecessor, journal } = parts;
  const listen = parseAddress(DEFAULT_ZOOKEEPER, "--zookeeper");
  const open = () =>
    openKeeper({
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
  return predecessor === undefined
    ? open()
    : new LateKeeper({ after: predecessor.gone, open, journal });
}

/** What a successor is given: each listener, and what makes TLS sessions resume. */
function legacyOf(
  listeners: ProxyListeners,
  plane: DataPlane | undefined,
  admin: AdminServer | undefined,
): Legacy {
  const descriptors = plane?.descriptors() ?? [];
  const data = (plane?.addresses ?? []).map((address, index) => ({
    role: "data" as const,
    asked: listeners.asked[index] ?? "",
    host: address.host,
    port: address.port,
    isSingle: address.isSingle === true,
    descriptors: descriptors[index] ?? [],
  }));
  const adminDescriptor = admin && descriptorOf(admin.server);
  return {
    listeners: [
      ...data,
      ...(admin === undefined || adminDescriptor === undefined
        ? []
        : [
            {
              role: "admin" as const,
              asked: listeners.askedAdmin,
              host: admin.host,
              port: admin.port,
              isSingle: true,
              descriptors: [adminDescriptor],
            },
          ]),
    ],
    ticketKeys: plane?.ticketKeys,
  };
}
