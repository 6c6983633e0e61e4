/**
 * This client beside others, each in a process of its own: `zookeeper` (native),
 * `node-zookeeper-client` (pure JavaScript) and a bare socket loop, the floor.
 * Against Apache ZooKeeper on core 0, and against canned replies, where the
 * client is the limit; clients on core 1. The peers are installed below the
 * temporary folder.
 *
 * Unit: operations a second and microseconds of the client's CPU an operation;
 * 100 bytes of data; medians of BENCH_ROUNDS (3) interleaved rounds. `mirror` is
 * the time to read 10,000 nodes with a watch on each, and the CPU for each node;
 * the clients without a mirror read the children, then every node.
 */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../../test/support/apache-zookeeper.ts";

const run = promisify(execFile);
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);
const PEERS_FOLDER = join(tmpdir(), "zoogate-bench-peers");
const PEERS = [
  "node-zookeeper-client@1.1.3",
  "zookeeper@7.3.0",
  // The native client does not run on later versions.
  `node-linux-${process.arch}@22`,
];
const OLD_NODE_FOLDER = join(
  PEERS_FOLDER,
  "node_modules",
  `node-linux-${process.arch}`,
);
const OLD_NODE = join(OLD_NODE_FOLDER, "bin/node");
const CONTENDERS = ["bare", "zoogate", "pure", "native"] as const;
type Contender = (typeof CONTENDERS)[number];

interface Result {
  readonly perSecond?: number;
  readonly cpuUs?: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
}

interface Workload {
  readonly name: string;
  readonly apache: number;
  readonly canned?: number;
}

const WORKLOADS: readonly Workload[] = [
  { name: "get", apache: 60_000, canned: 300_000 },
  { name: "set", apache: 30_000, canned: 200_000 },
  { name: "ephemerals", apache: 20_000 },
  { name: "sequential", apache: 5_000 },
  { name: "watches", apache: 10_000 },
  { name: "mirror", apache: 10_000 },
];
/** Slow clients need fewer of the canned replies for the same accuracy. */
const SLOW_SHARE = 0.2;

async function installPeers(): Promise<readonly Contender[]> {
  await mkdir(PEERS_FOLDER, { recursive: true });
  const manifest = join(PEERS_FOLDER, "package.json");
  if (!existsSync(manifest)) await writeFile(manifest, '{"private":true}\n');
  if (!existsSync(join(PEERS_FOLDER, "node_modules/node-zookeeper-client")))
    try {
      await npm(
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        ...PEERS,
      );
      // Built for the Node that will run it, whose headers come with it.
      await npm("rebuild", "zookeeper", `--nodedir=${OLD_NODE_FOLDER}`);
    } catch (error) {
      console.log(`Left out: the peers cannot be installed (${String(error)})`);
      return ["bare", "zoogate"];
    }
  return CONTENDERS;
}

function npm(...arguments_: readonly string[]): Promise<unknown> {
  const path = [join(OLD_NODE_FOLDER, "bin"), process.env["PATH"]].join(":");
  return run("npm", [...arguments_], {
    cwd: PEERS_FOLDER,
    timeout: 300_000,
    env: { ...process.env, PATH: path },
  });
}

/** Runs a program on one core where that can be asked for. */
function pinned(core: number, program: string): readonly [string, ...string[]] {
  return existsSync("/usr/bin/taskset") && cpus().length > 1
    ? ["/usr/bin/taskset", "-c", String(core), program]
    : [program];
}

async function measure(
  contender: Contender,
  port: number,
  workload: string,
  count: number,
): Promise<Result> {
  const node = contender === "native" ? OLD_NODE : process.execPath;
  const [program, ...before] = pinned(1, node);
  const script = join(import.meta.dirname, "contender.mjs");
  const parts = [
    script,
    contender,
    String(port),
    workload,
    String(count),
    PEERS_FOLDER,
  ];
  const { stdout } = await run(program, [...before, ...parts], {
    timeout: 120_000,
  });
  const line = stdout
    .trim()
    .split("\n")
    .findLast((text) => text.startsWith("{"));
  return JSON.parse(line ?? "{}") as Result; // contender.mjs prints it
}

function median(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined);
  return present.toSorted((a, b) => a - b)[Math.floor(present.length / 2)];
}

async function compare(
  server: string,
  port: number,
  contenders: readonly Contender[],
): Promise<void> {
  console.log(`\n## ${server}\n`);
  console.log(`| workload | ${contenders.join(" | ")} |`);
  console.log(`| --- | ${contenders.map(() => "---").join(" | ")} |`);
  for (const workload of WORKLOADS) {
    const total =
      server === "canned replies" ? workload.canned : workload.apache;
    if (total === undefined) continue;
    const results = new Map<Contender, Result[]>();
    for (let round = 0; round < ROUNDS; round++)
      for (const contender of contenders) {
        const slow = contender === "pure" || contender === "native";
        const share = slow && workload.canned === total ? SLOW_SHARE : 1;
        const result = await measure(
          contender,
          port,
          workload.name,
          Math.round(total * share),
        ).catch((error: unknown): Result => {
          console.error(String(error));
          return {};
        });
        results.set(contender, [...(results.get(contender) ?? []), result]);
      }
    const cells = contenders.map((contender) => {
      const measured = results.get(contender) ?? [];
      return workload.name === "mirror"
        ? treeCell(measured, total)
        : cell(measured);
    });
    console.log(`| ${workload.name} | ${cells.join(" | ")} |`);
  }
}

function cell(results: readonly Result[]): string {
  const perSecond = median(results.map((result) => result.perSecond));
  const cpuUs = median(results.map((result) => result.cpuUs));
  const p50Us = median(results.map((result) => result.p50Us));
  const p99Us = median(results.map((result) => result.p99Us));
  if (perSecond === undefined || cpuUs === undefined) return "-";
  if (p50Us !== undefined && p99Us !== undefined)
    return `p50 ${p50Us.toFixed(0)} µs, p99 ${p99Us.toFixed(0)} µs`;
  return `${Math.round(perSecond).toLocaleString("en")}/s, ${cpuUs.toFixed(1)} µs`;
}

/** The time for the whole tree, and the CPU for each node. */
function treeCell(results: readonly Result[], nodes: number): string {
  const perSecond = median(results.map((result) => result.perSecond));
  const cpuUs = median(results.map((result) => result.cpuUs));
  if (perSecond === undefined || cpuUs === undefined) return "-";
  return `${((nodes / perSecond) * 1_000).toFixed(0)} ms, ${cpuUs.toFixed(1)} µs`;
}

const contenders = await installPeers();
console.log(
  `${cpus()[0]?.model ?? "?"} x ${cpus().length}, Node ${process.version}, ${ROUNDS} rounds`,
);
if (apacheZooKeeperMissing === false) {
  await using server = await startApacheZooKeeper();
  if (existsSync("/usr/bin/taskset"))
    await run("/usr/bin/taskset", ["-a", "-c", "-p", "0", String(server.pid)]);
  // A fresh JVM runs at half speed.
  await measure("bare", server.port, "set", 30_000);
  await measure("bare", server.port, "get", 30_000);
  await compare("Apache ZooKeeper", server.port, contenders);
} else console.log(`Left out: ${apacheZooKeeperMissing}`);

const [program, ...before] = pinned(0, process.execPath);
const canned = spawn(
  program,
  [...before, join(import.meta.dirname, "canned-server.ts")],
  { stdio: ["ignore", "pipe", "inherit"] },
);
try {
  const [line] = (await once(canned.stdout, "data")) as [Buffer]; // the port
  await compare("canned replies", Number(line.toString()), contenders);
} finally {
  canned.kill();
}
