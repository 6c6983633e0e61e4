/**
 * Resident memory of fresh servers, idle and with 100,000 znodes of 100 bytes,
 * and the time from their start to the first answer. Of `zoogate keeper` the
 * built package is taken where `npm run build` made one, else the sources.
 *
 * Unit: megabytes; milliseconds (median of 7 starts, least and most).
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { CreateRequest, OpCode } from "../../src/jute/index.ts";
import { OPEN } from "../../src/keeper/raw-client.fixture.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../../test/support/apache-zookeeper.ts";
import { freePort } from "../../test/support/free-port.ts";
import { type Contender, median, residentMb } from "./contenders.ts";
import { fill, frame, open } from "./pipe.ts";

const DATA = Buffer.alloc(100, 0x78);
const NODES = 100_000;
/** Requests written at a time. */
const BATCH = 1_000;
const STARTS = 7;
const ROOT = join(import.meta.dirname, "..", "..");
const BUILT = join(ROOT, "dist", "cli", "bin.js");
const PROGRAM = existsSync(BUILT) ? BUILT : join(ROOT, "src", "cli", "bin.ts");

async function fillTree({ port }: Contender): Promise<void> {
  const pipe = await open("127.0.0.1", port);
  const create = (path: string) =>
    frame(OpCode.create, CreateRequest, {
      path,
      data: DATA,
      acl: OPEN,
      flags: 0,
    });
  await fill(pipe, [create("/many")]);
  for (let start = 0; start < NODES; start += BATCH)
    await fill(
      pipe,
      Array.from({ length: BATCH }, (_, index) =>
        create(`/many/n${start + index}`),
      ),
    );
  pipe.end();
}

/** `zoogate keeper` in a process of its own, once it has answered. */
async function startKeeper(
  name: string,
  args: readonly string[],
): Promise<Contender & { readonly startMs: number }> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [
      PROGRAM,
      "keeper",
      "--listen",
      `127.0.0.1:${port}`,
      "--log-level",
      "warn",
      ...args,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const ended = new Promise<void>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => resolve());
  });
  await new Promise<void>((resolve) => {
    child.stdout.once("data", () => resolve());
  });
  const pipe = await open("127.0.0.1", port);
  const startMs = performance.now() - began;
  pipe.end();
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  return { name, pid: child.pid ?? 0, port, startMs, stop };
}

async function startApache(): Promise<
  Contender & { readonly startMs: number }
> {
  const began = performance.now();
  const server = await startApacheZooKeeper();
  const startMs = performance.now() - began;
  const { pid, port } = server;
  const stop = async () => {
    await server[Symbol.asyncDispose]();
  };
  return { name: "Apache ZooKeeper", pid, port, startMs, stop };
}

async function main(): Promise<void> {
  const from = PROGRAM === BUILT ? "built package" : "sources";
  console.log(`${cpus()[0]?.model}, node ${process.version}, ${from}`);
  const state = await mkdtemp(join(tmpdir(), "keeper-footprint-"));
  const kinds = [
    () => startKeeper("keeper, in memory", ["--ephemeral"]),
    () => startKeeper("keeper, durable", ["--data", state]),
    ...(apacheZooKeeperMissing === false ? [startApache] : []),
  ];
  const times = kinds.map((): number[] => []);
  try {
    for (let round = 0; round < STARTS; round++)
      for (const [index, start] of kinds.entries()) {
        const { startMs, stop } = await start();
        times[index]?.push(startMs);
        await stop();
      }
    for (const [index, start] of kinds.entries()) {
      const contender = await start();
      const idle = residentMb(contender.pid).toFixed(0);
      await fillTree(contender);
      const filled = residentMb(contender.pid).toFixed(0);
      await contender.stop();
      const of = times[index] ?? [];
      console.log(
        `${contender.name}: first answer after ${median(of).toFixed(0)} ms (${Math.min(...of).toFixed(0)}–${Math.max(...of).toFixed(0)}); ${idle} MB idle, ${filled} MB with ${NODES} znodes`,
      );
    }
  } finally {
    await rm(state, { recursive: true, force: true });
  }
}

await main();
