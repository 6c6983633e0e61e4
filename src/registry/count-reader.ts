import {
  type MultiReadResult,
  op,
  type ZooKeeper,
  ZooKeeperError,
} from "../zookeeper/index.ts";
import type { Count, CountKey, LedgerValue } from "./count-book.ts";
import { hasCode } from "./folders.ts";
import { countPath, ledgerPath, PROXIES } from "./layout.ts";

/** The counts, the ledger and the number of proxies at one moment. */
export interface CountsRead {
  readonly ledger: LedgerValue;
  /** By {@link keyOf}; a target without a node has none. */
  readonly counts: ReadonlyMap<string, Count & { readonly version: number }>;
  readonly liveProxies: number;
}

/** So many paths of the longest names stay within one frame. */
const MAX_PATHS = 1_000;

type ReadResult =
  Exclude<MultiReadResult, { readonly kind: "children" }> | undefined;

/** Reads all that a flush needs, in one request. */
export class CountReader {
  readonly #zk: ZooKeeper;
  readonly #ledger: string;
  #multiRead = true;

  constructor(zk: ZooKeeper, proxyId: string) {
    this.#zk = zk;
    this.#ledger = ledgerPath(proxyId);
  }

  async read(targets: readonly CountKey[]): Promise<CountsRead> {
    const paths = [
      this.#ledger,
      PROXIES,
      ...targets.map(({ service, target }) => countPath(service, target)),
    ];
    const results: ReadResult[] = [];
    for (let start = 0; start < paths.length; start += MAX_PATHS)
      results.push(...(await this.#get(paths.slice(start, start + MAX_PATHS))));
    const [ledger, proxies, ...values] = results;
    const counts = new Map<string, Count & { readonly version: number }>();
    for (const [index, { service, target }] of targets.entries()) {
      const value = values[index];
      if (value?.kind !== "data") continue;
      const requests = wholeNumber(value.data);
      const { version } = value.stat;
      counts.set(`${service}/${target}`, {
        service,
        target,
        requests,
        version,
      });
    }
    return {
      ledger:
        ledger?.kind === "data"
          ? { number: wholeNumber(ledger.data), version: ledger.stat.version }
          : undefined,
      counts,
      liveProxies:
        proxies?.kind === "data" ? Math.max(1, proxies.stat.numChildren) : 1,
    };
  }

  async #get(paths: readonly string[]): Promise<readonly ReadResult[]> {
    if (this.#multiRead) {
      try {
        const read = await this.#zk.multiRead(
          paths.map((path) => op.getData(path)),
          { timeoutMs: 5_000 },
        );
        return read.map(checkResult);
      } catch (error) {
        if (!hasCode(error, "unimplemented")) throw error;
        this.#multiRead = false; // servers before 3.6
      }
    }
    return Promise.all(paths.map((path) => this.#getOne(path)));
  }

  async #getOne(path: string): Promise<ReadResult> {
    try {
      const { data, stat } = await this.#zk.getData(path, { timeoutMs: 5_000 });
      return { kind: "data", data, stat };
    } catch (error) {
      if (hasCode(error, "no-node")) return undefined;
      throw error;
    }
  }
}

/** Any other error than an absent node says nothing about the count. */
function checkResult(result: MultiReadResult): ReadResult {
  if (result.kind === "data") return result;
  if (result.kind === "error" && result.code === "no-node") return undefined;
  throw new ZooKeeperError(
    result.kind === "error" ? result.code : "bad-reply",
    { op: "read the counts" },
  );
}

/** A count that is none (an operator's, an empty node) begins anew at 0. */
export function wholeNumber(data: Buffer | null): number {
  const text = data?.toString("latin1") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
