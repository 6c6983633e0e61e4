/**
 * How long a mirror takes to read a subtree, and to follow changes of it: against
 * the keeper in a process of its own and, where it is installed, Apache ZooKeeper.
 *
 * Unit: milliseconds, and microseconds of this process's CPU for each znode;
 * 10,000 znodes of 100 bytes under one parent; medians of 9 rounds after 3 that
 * do not count. `getData` is the same number of bare reads, 256 at once: what a
 * mirror cannot beat.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { join } from "node:path";
import { connect, Mirror, type ZooKeeper } from "../../src/zookeeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../../test/support/apache-zookeeper.ts";

const NODES = 10_000;
const ROUNDS = 12;
const WARM_UP = 3;
const DATA = Buffer.alloc(100, "x");
const ROOT = "/bench";

interface Sample {
  readonly ms: number;
  readonly cpuUs: number;
}

const WORKLOADS: Readonly<Record<string, (zk: ZooKeeper) => Promise<Sample>>> =
  {
    "read by a mirror": async (zk) => {
      const mirror = new Mirror(zk, ROOT);
      const sample = await measure(() => mirror.ready());
      if (mirror.nodes.size !== NODES + 1) throw new Error("nodes are missing");
      await mirror.close();
      return sample;
    },
    "getData, bare": (zk) =>
      measure(async () => {
        const paths = Array.from({ length: NODES }, (_, at) => `${ROOT}/${at}`);
        for (let at = 0; at < NODES; at += 256)
          await Promise.all(
            paths.slice(at, at + 256).map((path) => zk.getData(path)),
          );
      }),
    "each changed once, followed": async (zk) => {
      await using mirror = new Mirror(zk, ROOT);
      await mirror.ready();
      return await measure(async () => {
        const changes = Array.from({ length: NODES }, (_, at) =>
          zk.setData(`${ROOT}/${at}`, DATA),
        );
        const stats = await Promise.all(changes);
        await mirror.reached(stats.at(-1)?.mzxid ?? 0n);
      });
    },
  };

async function measure(work: () => Promise<void>): Promise<Sample> {
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await work();
  const { user, system } = process.cpuUsage(before);
  return { ms: performance.now() - startedMs, cpuUs: (user + system) / NODES };
}

async function run(server: string, connectString: string): Promise<void> {
  await using zk = await connect(connectString, { sessionTimeoutMs: 30_000 });
  await zk.create(ROOT);
  for (let at = 0; at < NODES; at += 500)
    await Promise.all(
      Array.from({ length: 500 }, (_, n) =>
        zk.create(`${ROOT}/${at + n}`, DATA),
      ),
    );
  for (const [workload, once] of Object.entries(WORKLOADS)) {
    const samples: Sample[] = [];
    for (let round = 0; round < ROUNDS; round++) samples.push(await once(zk));
    const counted = samples.slice(WARM_UP);
    const ms = median(counted.map((sample) => sample.ms));
    const cpuUs = median(counted.map((sample) => sample.cpuUs));
    console.log(
      [
        server.padEnd(18),
        workload.padEnd(28),
        `${ms.toFixed(0).padStart(6)} ms`,
        `${cpuUs.toFixed(1).padStart(6)} µs/znode`,
      ].join(" "),
    );
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

console.log(
  `${NODES} znodes of ${DATA.length} bytes; Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model}`,
);
const keeper = spawn(
  process.execPath,
  [join(import.meta.dirname, "keeper-process.ts")],
  { stdio: ["pipe", "pipe", "inherit"] },
);
keeper.on("error", (error) => console.error(error));
const [line] = await once(keeper.stdout, "data");
await run("keeper", String(line).trim());
keeper.stdin.end();
if (apacheZooKeeperMissing === false) {
  await using apache = await startApacheZooKeeper();
  await run("Apache ZooKeeper", apache.connectString);
}
