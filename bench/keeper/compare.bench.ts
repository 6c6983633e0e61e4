/**
 * The keeper beside Apache ZooKeeper, interleaved: each round measures every
 * server on every workload, so that a busy minute of the machine meets all of
 * them. Each server on core 0, alone at its time; the client on core 1.
 *
 *     taskset -c 1 node bench/keeper/compare.bench.ts
 *
 * Unit: operations a second (median of the rounds), 100 bytes of data, 100
 * requests under way over all clients; p99 of the answers' delay.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateRequest,
  GetDataRequest,
  OpCode,
  SetDataRequest,
} from "../../src/jute/index.ts";
import { OPEN } from "../../src/keeper/raw-client.fixture.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../../test/support/apache-zookeeper.ts";
import {
  drive,
  type Driven,
  fill,
  frame,
  open,
  type Pipe,
  startTarget,
} from "./pipe.ts";

const DATA = Buffer.alloc(100, 0x78);
const NODES = 1_000;
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 3);
const MEASURE_MS = Number(process.env["BENCH_MS"] ?? 1_000);
const CLIENTS = [1, 10, 100];
const IN_FLIGHT = 100;

interface Contender {
  readonly name: string;
  readonly pid: number;
  readonly readyMs: number;
  readonly port: number;
  readonly stop: () => Promise<void> | void;
}

const path = (index: number) => `/bench/n${index % NODES}`;
const indexes = Array.from({ length: NODES }, (_, index) => index);
const FRAMES = {
  get: indexes.map((index) =>
    frame(OpCode.getData, GetDataRequest, { path: path(index), watch: false }),
  ),
  set: indexes.map((index) =>
    frame(OpCode.setData, SetDataRequest, {
      path: path(index),
      data: DATA,
      version: -1,
    }),
  ),
};

/** Sessions without requests would expire: each measurement has its own. */
async function connectAll(
  { port }: Contender,
  clients: number,
): Promise<readonly Pipe[]> {
  const pipes: Pipe[] = [];
  for (let index = 0; index < clients; index++)
    pipes.push(await open("127.0.0.1", port));
  return pipes;
}

async function makeNodes(contender: Contender): Promise<void> {
  const creates = ["/bench", ...indexes.map(path)].map((created) =>
    frame(OpCode.create, CreateRequest, {
      path: created,
      data: DATA,
      acl: OPEN,
      flags: 0,
    }),
  );
  for (const pipe of await connectAll(contender, 1)) {
    await fill(pipe, creates);
    pipe.end();
  }
}

async function keeper(name: string, file?: string): Promise<Contender> {
  const startMs = performance.now();
  const server = await startTarget("keeper", file);
  const readyMs = performance.now() - startMs;
  const { pid, port } = server;
  return { name, pid, port, readyMs, stop: () => server.stop() };
}

async function apache(): Promise<Contender> {
  const startMs = performance.now();
  const server = await startApacheZooKeeper();
  const readyMs = performance.now() - startMs;
  const { pid, port } = server;
  spawnSync("taskset", ["-acp", "0", String(pid)]);
  const stop = () => server.stop();
  return { name: "Apache ZooKeeper", pid, port, readyMs, stop };
}

/** One measurement of one server. */
async function measure(
  contender: Contender,
  workload: { readonly frames: readonly Buffer[]; readonly clients: number },
  durationMs: number,
): Promise<Driven> {
  const { frames, clients } = workload;
  const pipes = await connectAll(contender, clients);
  const driven = await drive(
    pipes,
    IN_FLIGHT / clients,
    (number) => frames[number % NODES] ?? DATA,
    durationMs,
  );
  for (const pipe of pipes) pipe.end();
  return driven;
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1] ?? 0) / 1_024;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function main(): Promise<void> {
  console.log(`${cpus()[0]?.model}, node ${process.version}`);
  const folder = mkdtempSync(join(tmpdir(), "keeper-bench-"));
  const contenders = [
    await keeper("keeper, in memory"),
    await keeper("keeper, durable", join(folder, "keeper.db")),
  ];
  if (apacheZooKeeperMissing === false) contenders.push(await apache());
  try {
    for (const { name, pid, readyMs } of contenders)
      console.log(
        `${name.padEnd(20)} ready after ${readyMs.toFixed(0)} ms, ${residentMb(pid).toFixed(0)} MB resident`,
      );
    // Compilers warm up before anything counts.
    for (const contender of contenders) {
      await makeNodes(contender);
      for (const frames of Object.values(FRAMES))
        await measure(contender, { frames, clients: 1 }, MEASURE_MS * 2);
    }
    for (const [what, frames] of Object.entries(FRAMES))
      for (const clients of CLIENTS)
        await row(contenders, { what, frames, clients });
    for (const { name, pid } of contenders)
      console.log(
        `${name.padEnd(20)} ${residentMb(pid).toFixed(0)} MB resident after it`,
      );
  } finally {
    for (const { stop } of contenders) await stop();
    rmSync(folder, { recursive: true });
  }
}

async function row(
  contenders: readonly Contender[],
  workload: {
    readonly what: string;
    readonly frames: readonly Buffer[];
    readonly clients: number;
  },
): Promise<void> {
  const { what, clients } = workload;
  const rates = contenders.map((): number[] => []);
  const delays = contenders.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, contender] of contenders.entries()) {
      const driven = await measure(contender, workload, MEASURE_MS);
      rates[index]?.push((driven.done / MEASURE_MS) * 1_000);
      delays[index]?.push(driven.p99Ms);
    }
  const cells = contenders.map(
    ({ name }, index) =>
      `${name} ${Math.round(median(rates[index] ?? []))}/s p99 ${median(delays[index] ?? []).toFixed(2)} ms`,
  );
  console.log(`${what}, ${clients} clients: ${cells.join(" | ")}`);
}

await main();
