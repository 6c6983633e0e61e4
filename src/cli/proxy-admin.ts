import { AdminServer } from "../admin/index.ts";
import { formatAddress, type Journal } from "../base/index.ts";
import {
  DEFAULT_ADMIN,
  NO_ZOOKEEPER,
  parseAddress,
  type ProxySettings,
} from "../config/index.ts";
import type { ListenAddress } from "../proxy/index.ts";
import type { AccessLog } from "./access-log.ts";
import type { PassedListener } from "./inheritance.ts";
import {
  accessLogMetrics,
  proxyMetrics,
  registryMetrics,
} from "./proxy-metrics.ts";
import type { Proxy } from "./start-proxy.ts";

/** Opens a proxy's admin server, on a socket that is open already if there is one. */
export async function openAdmin(
  { main }: ProxySettings,
  parts: {
    readonly proxy: Proxy;
    readonly accessLog: AccessLog | undefined;
    readonly passed: PassedListener | undefined;
    readonly journal: Journal;
  },
): Promise<AdminServer> {
  const { proxy, accessLog, passed, journal } = parts;
  const admin = await AdminServer.open({
    ...parseAddress(main.admin ?? DEFAULT_ADMIN, "--admin"),
    orFreePort: main.admin === undefined,
    descriptor: passed?.sockets[0]?.[0],
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

/** What the line says that tells where a proxy serves. */
export function readyLine(
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
  if (address.socketPath !== undefined) return formatAddress(address);
  return `http${address.tls === true ? "s" : ""}://${formatAddress(address)}`;
}
