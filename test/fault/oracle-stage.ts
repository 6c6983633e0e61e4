/** The servers of the oracle test: each behind a proxy that can cut, and each can be killed. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startKeeper } from "../../src/keeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
  startEnsemble,
} from "../support/apache-zookeeper.ts";
import {
  type CuttingProxy,
  startCuttingProxy,
} from "../support/cutting-proxy.ts";

export interface Stage extends AsyncDisposable {
  /** By the proxies. */
  readonly connectString: string;
  /** Past the proxies. */
  readonly directConnectString: string;
  readonly proxies: readonly CuttingProxy[];
  /** How many servers there are to kill. */
  readonly servers: number;
  /** Ends a server without warning and starts it again on the same data. */
  killAndRestart(index: number, downMs: number): Promise<void>;
}

export interface StageKind {
  readonly name: string;
  readonly missing: string | false;
  open(): Promise<Stage>;
}

interface Killable {
  readonly port: number;
  kill(): Promise<void>;
  restart(): Promise<void>;
}

async function stageOf(
  servers: readonly Killable[],
  dispose: () => Promise<void>,
): Promise<Stage> {
  const proxies = await Promise.all(
    servers.map(({ port }) => startCuttingProxy(port)),
  );
  return {
    connectString: proxies.map((proxy) => proxy.connectString).join(","),
    directConnectString: servers
      .map(({ port }) => `127.0.0.1:${port}`)
      .join(","),
    proxies,
    servers: servers.length,
    async killAndRestart(index, downMs) {
      const server = servers[index];
      if (server === undefined) return;
      await server.kill();
      await new Promise((resolve) => setTimeout(resolve, downMs));
      await server.restart();
    },
    async [Symbol.asyncDispose]() {
      for (const proxy of proxies) await proxy[Symbol.asyncDispose]();
      await dispose();
    },
  };
}

/** The keeper keeps its data in a file and its port over a restart. */
async function openKeeper(): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-oracle-"));
  const options = { dataFile: join(folder, "keeper.db"), tickTimeMs: 200 };
  let keeper = await startKeeper(options);
  const { port } = keeper;
  const server: Killable = {
    port,
    kill: () => keeper.close(),
    async restart() {
      keeper = await startKeeper({ ...options, port });
    },
  };
  return stageOf([server], async () => {
    await keeper.close();
    await rm(folder, { recursive: true, force: true });
  });
}

export const stageKinds: readonly StageKind[] = [
  { name: "the keeper", missing: false, open: openKeeper },
  {
    name: "Apache ZooKeeper",
    missing: apacheZooKeeperMissing,
    async open() {
      const server = await startApacheZooKeeper({ tickTimeMs: 200 });
      return stageOf([server], async () => server[Symbol.asyncDispose]());
    },
  },
  {
    name: "an ensemble of three",
    missing: apacheZooKeeperMissing,
    async open() {
      const ensemble = await startEnsemble({ tickTimeMs: 200 });
      return stageOf(ensemble.servers, async () =>
        ensemble[Symbol.asyncDispose](),
      );
    },
  },
];
