/** Who takes part in the oracle test: those who change the tree, break things, and keep copies. */
import {
  connect,
  Mirror,
  op,
  PersistentNode,
  type ZooKeeper,
} from "../../src/zookeeper/index.ts";
import type { Stage } from "./oracle-stage.ts";

export type Random = () => number;

/** What happened, for the report. */
export interface Tally {
  changes: number;
  refused: number;
  cuts: number;
  expiries: number;
  kills: number;
}

export function upTo(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** Sends changes in bursts, without waiting for each. Failures are part of it. */
export async function changeTree(
  writer: ZooKeeper,
  options: {
    readonly root: string;
    readonly random: Random;
    readonly tally: Tally;
    readonly stop: AbortSignal;
  },
): Promise<void> {
  const { root, random, tally, stop } = options;
  const pick = () => {
    let path = root;
    do path += `/${"abcd"[upTo(random, 4)]}`;
    while (random() < 0.55);
    return path;
  };
  while (!stop.aborted) {
    const burst = Array.from({ length: 1 + upTo(random, 30) }, () =>
      changeOnce(writer, pick, random).then(
        () => void (tally.changes += 1),
        () => void (tally.refused += 1),
      ),
    );
    await Promise.all(burst);
    await pause(upTo(random, 20), stop);
  }
}

async function changeOnce(
  writer: ZooKeeper,
  pick: () => string,
  random: Random,
): Promise<unknown> {
  const dice = random();
  const path = pick();
  const data = String(upTo(random, 1e6));
  const timeoutMs = 5_000;
  if (dice < 0.5) return writer.create(path, data, { timeoutMs });
  if (dice < 0.75) return writer.setData(path, data, { timeoutMs });
  if (dice < 0.92) return writer.delete(path, { timeoutMs });
  if (dice < 0.98)
    return writer.multi(
      [op.create(path, data), op.create(`${path}/e`, data), op.delete(pick())],
      { timeoutMs },
    );
  return writer.deleteRecursive(path, { timeoutMs });
}

/** Cuts, blocks, expires and kills until it is told to stop; then everything works again. */
export async function breakThings(
  stage: Stage,
  options: {
    readonly random: Random;
    readonly tally: Tally;
    /** Whose sessions are ended. */
    readonly clients: readonly ZooKeeper[];
    /** The longest time without connections. Default 400. */
    readonly blockMs?: number;
    readonly stop: AbortSignal;
  },
): Promise<void> {
  const { random, tally, clients, stop, blockMs = 400 } = options;
  const { proxies } = stage;
  while (!stop.aborted) {
    await pause(30 + upTo(random, 250), stop);
    const dice = random();
    const proxy = proxies[upTo(random, proxies.length)];
    if (dice < 0.5) {
      tally.cuts += 1;
      proxy?.cut();
    } else if (dice < 0.65) {
      tally.cuts += 1;
      proxy?.cutAfterReceiving(upTo(random, 4_000));
    } else if (dice < 0.75) {
      tally.cuts += 1;
      proxy?.block();
      await pause(upTo(random, blockMs), stop);
      proxy?.open();
    } else if (dice < 0.85) {
      const client = clients[upTo(random, clients.length)];
      if (client !== undefined && (await endSession(client, stage)))
        tally.expiries += 1;
    } else {
      tally.kills += 1;
      const index = upTo(random, stage.servers);
      await stage.killAndRestart(index, upTo(random, 500));
    }
  }
  for (const proxy of proxies) proxy.open();
}

/** Resumes a session elsewhere and closes it, which is how a server ends one. */
async function endSession(client: ZooKeeper, stage: Stage): Promise<boolean> {
  const session = client.sessionCredentials;
  if (session === undefined) return false;
  try {
    const thief = await connect(stage.directConnectString, {
      session,
      renewSession: false,
      signal: AbortSignal.timeout(2_000),
    });
    await thief.close();
    return true;
  } catch {
    return false;
  }
}

/** A client with the copies that it keeps. */
export interface Keeping extends AsyncDisposable {
  readonly zk: ZooKeeper;
  readonly mirrors: readonly Mirror[];
  readonly nodes: readonly PersistentNode[];
}

export async function keepCopies(
  stage: Stage,
  options: { readonly root: string; readonly index: number },
): Promise<Keeping> {
  const { root, index } = options;
  const zk = await connect(stage.connectString, { sessionTimeoutMs: 4_000 });
  const mirrors = [
    new Mirror(zk, root, { maxReads: 4 ** index, resyncJitterMs: index * 20 }),
    new Mirror(zk, `${root}/a`),
  ];
  const nodes = [
    new PersistentNode(zk, `${root}/kept/fixed-${index}`, { data: "kept" }),
    new PersistentNode(zk, `${root}/kept/guarded-${index}-`, {
      data: "kept",
      mode: index % 2 === 0 ? "ephemeral-sequential" : "persistent-sequential",
    }),
  ];
  return {
    zk,
    mirrors,
    nodes,
    async [Symbol.asyncDispose]() {
      for (const each of [...nodes, ...mirrors])
        await each[Symbol.asyncDispose]();
      await zk.close();
    },
  };
}

/** Resolves at the end of the time, or at once when the signal fires. */
export function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stop.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
    if (stop.aborted) resolve();
  });
}
