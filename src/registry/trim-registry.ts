import { type Journal, silentJournal } from "../base/index.ts";
import {
  type MultiOp,
  op,
  type ZooKeeper,
  ZooKeeperError,
} from "../zookeeper/index.ts";
import { wholeNumber } from "./count-reader.ts";
import { hasCode, type NodeAcl } from "./folders.ts";
import {
  countPath,
  LEDGER,
  ledgerPath,
  releasePath,
  REQUESTS,
  requestsPath,
} from "./layout.ts";
import { decodeName } from "./names.ts";
import { readRegistry } from "./read-registry.ts";

/** Where the counts of targets that are long gone are summed up. */
export const RETIRED = "_retired";

export interface TrimOptions {
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** Counts and ledgers untouched for so long belong to nobody. */
  readonly absentMs?: number;
  /** Newest releases of each service that stay although no target has them. */
  readonly keptReleases?: number;
  readonly acl?: NodeAcl;
  readonly journal?: Journal;
  readonly signal?: AbortSignal | undefined;
}

export interface Trimmed {
  readonly releases: number;
  readonly counts: number;
  readonly ledgers: number;
}

const ABSENT_MS = 30 * 24 * 3_600_000;
const KEPT_RELEASES = 20;

/**
 * Removes what nobody needs any more: releases without targets but for the last
 * few, ledgers of proxies long gone; counts of targets long gone are added to
 * `_retired`. Every proxy may do it at any time: what changes meanwhile stays.
 */
export async function trimRegistry(
  zk: ZooKeeper,
  options: TrimOptions,
): Promise<Trimmed> {
  const { signal, journal = silentJournal } = options;
  const report = await readRegistry(zk, { signal });
  const targets = new Set<string>();
  let releases = 0;
  for (const service of report.services) {
    const used = new Set<string | undefined>();
    for (const { name, release } of service.targets) {
      used.add(release);
      targets.add(`${service.name}/${name}`);
    }
    const old = service.releases.slice(
      0,
      -(options.keptReleases ?? KEPT_RELEASES),
    );
    for (const release of old)
      if (!used.has(release) && release !== service.currentRelease)
        releases += await attempt(() =>
          zk.delete(releasePath(service.name, release), { signal }),
        );
  }
  const trimmed = {
    releases,
    counts: await retireCounts(zk, targets, options),
    ledgers: await trimLedgers(zk, options),
  };
  if (trimmed.releases + trimmed.counts + trimmed.ledgers > 0)
    journal({
      level: "info",
      room: "registry",
      event: "trimmed",
      message: `Removed ${trimmed.releases} releases, ${trimmed.counts} counts and ${trimmed.ledgers} ledgers that nobody needs`,
      ...trimmed,
    });
  return trimmed;
}

async function retireCounts(
  zk: ZooKeeper,
  targets: ReadonlySet<string>,
  options: TrimOptions,
): Promise<number> {
  let retired = 0;
  for (const service of await namesBelow(zk, REQUESTS))
    for (const target of await namesBelow(zk, requestsPath(service))) {
      if (target === RETIRED || targets.has(`${service}/${target}`)) continue;
      retired += await attempt(() =>
        retireCount(zk, { service, target }, options),
      );
    }
  return retired;
}

/** In one step with its deletion, so that the sum over a service stays the same. */
async function retireCount(
  zk: ZooKeeper,
  { service, target }: { readonly service: string; readonly target: string },
  options: TrimOptions,
): Promise<boolean> {
  const { signal, acl } = options;
  const path = countPath(service, target);
  const { data, stat } = await zk.getData(path, { signal });
  if (!isAbsent(stat.mtime, options)) return false;
  const sumPath = countPath(service, RETIRED);
  const requests = wholeNumber(data);
  let add: MultiOp;
  try {
    const sum = await zk.getData(sumPath, { signal });
    add = op.setData(sumPath, String(wholeNumber(sum.data) + requests), {
      version: sum.stat.version,
    });
  } catch (error) {
    if (!hasCode(error, "no-node")) throw error;
    add = op.create(sumPath, String(requests), { acl });
  }
  await zk.multi([add, op.delete(path, { version: stat.version })], { signal });
  return true;
}

async function trimLedgers(
  zk: ZooKeeper,
  options: TrimOptions,
): Promise<number> {
  const { signal } = options;
  let trimmed = 0;
  for (const name of await namesBelow(zk, LEDGER)) {
    const path = ledgerPath(name);
    trimmed += await attempt(async () => {
      const { stat } = await zk.getData(path, { signal });
      if (!isAbsent(stat.mtime, options)) return false;
      await zk.delete(path, { version: stat.version, signal });
      return true;
    });
  }
  return trimmed;
}

function isAbsent(mtime: bigint, options: TrimOptions): boolean {
  return options.nowMs - Number(mtime) > (options.absentMs ?? ABSENT_MS);
}

/** Somebody else's change wins. */
async function attempt(action: () => Promise<boolean | void>): Promise<0 | 1> {
  try {
    return (await action()) === false ? 0 : 1;
  } catch (error) {
    if (error instanceof ZooKeeperError && OTHERS_CHANGE.has(error.code))
      return 0;
    throw error;
  }
}

const OTHERS_CHANGE: ReadonlySet<string> = new Set([
  "bad-version",
  "no-node",
  "node-exists",
  "not-empty",
]);

async function namesBelow(zk: ZooKeeper, path: string): Promise<string[]> {
  try {
    const { children } = await zk.getChildren(path);
    return children
      .map((child) => decodeName(child))
      .filter((name) => name !== undefined);
  } catch (error) {
    if (hasCode(error, "no-node")) return [];
    throw error;
  }
}
