import type { Clock, Journal } from "../base/index.ts";
import { Mirror, type ZooKeeper } from "../zookeeper/index.ts";
import { PROXIES } from "./layout.ts";
import {
  acknowledges,
  type DrainAcknowledgement,
  parseProxyRecord,
} from "./proxy-record.ts";

/** How far a target came in leaving. */
export type DrainResult =
  /** Every live proxy has let go. */
  | { readonly kind: "acknowledged"; readonly proxies: number }
  /** The limit passed while these proxies had not answered. */
  | { readonly kind: "limit"; readonly missing: readonly string[] }
  /** Nothing is known of what the proxies did. */
  | { readonly kind: "unconfirmed"; readonly because: string };

/**
 * Waits until every live proxy has acknowledged a drain. The list is read
 * after a `sync` that follows the state's own write: a proxy that is not in it
 * reads the registry later, and then sees the state.
 */
export async function waitForDrain(
  zk: ZooKeeper,
  options: {
    readonly drain: DrainAcknowledgement;
    /** The limit: it ends the waiting with what is missing. */
    readonly signal: AbortSignal;
    readonly journal: Journal;
    readonly clock: Clock;
  },
): Promise<DrainResult> {
  const { drain, signal, journal, clock } = options;
  await zk.sync(PROXIES, { signal });
  await using mirror = new Mirror(zk, PROXIES, { signal, clock, journal });
  let missing: string[] | undefined;
  try {
    for await (const batch of mirror.changes({ signal })) {
      if (batch.at(-1)?.kind !== "synced") continue;
      missing = [];
      let proxies = 0;
      for (const node of mirror.nodes.values()) {
        if (node.path === "") continue;
        proxies += 1;
        const record = parseProxyRecord(node.data);
        if (record.kind === "reject" || !acknowledges(record.value, drain))
          missing.push(node.path);
      }
      if (missing.length === 0) return { kind: "acknowledged", proxies };
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return missing === undefined
    ? { kind: "unconfirmed", because: "the proxies could not be listed" }
    : { kind: "limit", missing };
}
