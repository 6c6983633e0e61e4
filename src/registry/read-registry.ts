import { type Journal, silentJournal } from "../base/index.ts";
import { op, type ZooKeeper } from "../zookeeper/index.ts";
import { CountReader } from "./count-reader.ts";
import { hasCode } from "./folders.ts";
import { PROXIES, requestsPath, SERVICES } from "./layout.ts";
import { decodeName } from "./names.ts";
import type { Problem } from "./problems.ts";
import { parseProxyRecord, type ProxyRecord } from "./proxy-record.ts";
import { type BookChange, ServiceBook } from "./service-book.ts";
import {
  applyChanges,
  emptySnapshot,
  type ServiceHead,
  type TargetView,
} from "./snapshot.ts";

/** One target as its nodes say. */
export interface TargetReport extends TargetView {
  /** Answered by it, over all proxies and times. */
  readonly requests: number;
}

export interface ServiceReport extends ServiceHead {
  readonly targets: readonly TargetReport[];
  /** All releases that have a node, the oldest first. */
  readonly releases: readonly string[];
  /** Requests of targets that are no longer there. */
  readonly retiredRequests: number;
}

export interface ProxyReport extends ProxyRecord {
  readonly id: string;
}

/** Everything that stands in a registry at one moment. */
export interface RegistryReport {
  readonly services: readonly ServiceReport[];
  readonly proxies: readonly ProxyReport[];
  readonly problems: readonly Problem[];
  readonly unknownKeys: number;
}

/** Paths in one request; the answers stay well below a frame's limit. */
const MAX_PATHS = 500;

/** Reads the whole registry once, for `zoogate status`. */
export async function readRegistry(
  zk: ZooKeeper,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly journal?: Journal;
  } = {},
): Promise<RegistryReport> {
  const { signal, journal = silentJournal } = options;
  await zk.sync("/", { signal });
  const nodes = await readSubtree(zk, SERVICES, signal);
  const book = new ServiceBook({ journal });
  const releases = new Map<string, { name: string; czxid: bigint }[]>();
  const changes: BookChange[] = [];
  for (const { path, data, stat } of nodes) {
    changes.push({ kind: "set", path, node: { data, stat } });
    const [service = "", folder, release] = path.split("/");
    if (folder !== "releases" || release === undefined) continue;
    const list = releases.get(service) ?? [];
    list.push({ name: decodeName(release) ?? release, czxid: stat.czxid });
    releases.set(service, list);
  }
  changes.push({ kind: "synced", newTree: false });
  const snapshot = applyChanges(emptySnapshot, book.apply(changes, 0));
  const services: ServiceReport[] = [];
  for (const { targets, ...head } of snapshot.services.values())
    services.push({
      ...head,
      ...(await readCounts(zk, head.name, [...targets.values()])),
      releases: (releases.get(head.name) ?? [])
        .sort((a, b) => (a.czxid < b.czxid ? -1 : 1))
        .map(({ name }) => name),
    });
  return {
    services,
    proxies: await readProxies(zk, signal),
    problems: book.problems.all,
    unknownKeys: book.problems.unknownKeys,
  };
}

async function readCounts(
  zk: ZooKeeper,
  service: string,
  targets: readonly TargetView[],
): Promise<Pick<ServiceReport, "targets" | "retiredRequests">> {
  const present = new Set(targets.map(({ name }) => name));
  const gone = (await childrenOf(zk, requestsPath(service)))
    .map((name) => decodeName(name))
    .filter((name) => name !== undefined && !present.has(name));
  const names = [...present, ...gone].filter((name) => name !== undefined);
  const { counts } = await new CountReader(zk, "status").read(
    names.map((target) => ({ service, target })),
  );
  const requests = (name: string) =>
    counts.get(`${service}/${name}`)?.requests ?? 0;
  return {
    targets: targets.map((target) => ({
      ...target,
      requests: requests(target.name),
    })),
    retiredRequests: gone.reduce(
      (sum, name) => sum + (name === undefined ? 0 : requests(name)),
      0,
    ),
  };
}

async function readProxies(
  zk: ZooKeeper,
  signal: AbortSignal | undefined,
): Promise<ProxyReport[]> {
  const proxies: ProxyReport[] = [];
  for (const { path, data } of await readSubtree(zk, PROXIES, signal)) {
    const record = parseProxyRecord(data);
    if (path !== "" && record.kind === "value")
      proxies.push({ ...record.value, id: decodeName(path) ?? path });
  }
  return proxies;
}

interface ReadNode {
  /** Relative to the root; "" is the root. */
  readonly path: string;
  readonly data: Buffer | null;
  readonly stat: {
    readonly czxid: bigint;
    readonly mzxid: bigint;
    readonly version: number;
    readonly numChildren: number;
  };
}

/** Level by level, many nodes in one request; what vanishes meanwhile is left out. */
async function readSubtree(
  zk: ZooKeeper,
  root: string,
  signal: AbortSignal | undefined,
): Promise<ReadNode[]> {
  const nodes: ReadNode[] = [];
  let level = [""];
  while (level.length > 0) {
    const next: string[] = [];
    for (let start = 0; start < level.length; start += MAX_PATHS) {
      const paths = level.slice(start, start + MAX_PATHS);
      const read = await zk.multiRead(
        paths.flatMap((path) => {
          const absolute = path === "" ? root : `${root}/${path}`;
          return [op.getData(absolute), op.getChildren(absolute)];
        }),
        { signal },
      );
      for (const [index, path] of paths.entries()) {
        const value = read[index * 2];
        const list = read[index * 2 + 1];
        if (value?.kind === "data")
          nodes.push({ path, data: value.data, stat: value.stat });
        if (list?.kind === "children")
          for (const name of list.children)
            next.push(path === "" ? name : `${path}/${name}`);
      }
    }
    level = next;
  }
  return nodes;
}

async function childrenOf(
  zk: ZooKeeper,
  path: string,
): Promise<readonly string[]> {
  try {
    return (await zk.getChildren(path)).children;
  } catch (error) {
    if (hasCode(error, "no-node")) return [];
    throw error;
  }
}
