/**
 * Resident memory of fresh servers, idle and with 100,000 znodes of 100 bytes,
 * and the time from the start of `zoogate keeper` to its first answer: of the
 * built package where `npm run build` made one, else of the sources.
 *
 * Unit: megabytes; milliseconds (median of 11 starts, least and most).
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
import {
  type Contender,
  median,
  pin,
  residentMb,
  withContenders,
} from "./contenders.ts";
import { fill, frame, open } from "./pipe.ts";

const DATA = Buffer.alloc(100, 0x78);
const NODES = 100_000;
/** Requests written at a time. */
const BATCH = 1_000;
const STARTS = 11;
const ROOT = join(import.meta.dirname, "..", "..");
const BUILT = join(ROOT, "dist", "cli", "bin.js");

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

/** Milliseconds from the start of the process until a session is given. */
async function startMs(program: string, state: string): Promise<number> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(
    process.execPath,
    [program, "keeper", "--listen", `127.0.0.1:${port}`, "--data", state],
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
  const took = performance.now() - began;
  pipe.end();
  child.kill("SIGTERM");
  await ended;
  return took;
}

async function main(): Promise<void> {
  console.log(`${cpus()[0]?.model}, node ${process.version}`);
  const program = existsSync(BUILT) ? BUILT : join(ROOT, "src/cli/bin.ts");
  const state = await mkdtemp(join(tmpdir(), "keeper-start-"));
  const times: number[] = [];
  for (let round = 0; round < STARTS; round++)
    times.push(await startMs(program, state));
  await rm(state, { recursive: true });
  console.log(
    `zoogate keeper (${program === BUILT ? "built" : "sources"}), durable: first answer after ${median(times).toFixed(0)} ms (${Math.min(...times).toFixed(0)}–${Math.max(...times).toFixed(0)})`,
  );
  if (apacheZooKeeperMissing === false) {
    const began = performance.now();
    const server = await startApacheZooKeeper();
    const took = performance.now() - began;
    await server[Symbol.asyncDispose]();
    console.log(`Apache ZooKeeper: first answer after ${took.toFixed(0)} ms`);
  }
  pin(process.pid, 1);
  await withContenders(async (contenders) => {
    for (const contender of contenders) {
      const { name, pid } = contender;
      const idle = residentMb(pid).toFixed(0);
      await fillTree(contender);
      console.log(
        `${name}: ${idle} MB idle, ${residentMb(pid).toFixed(0)} MB with ${NODES} znodes`,
      );
    }
  });
}

await main();
