/**
 * The keeper beside Apache ZooKeeper, interleaved: each round measures every
 * server on every workload, so that a busy minute of the machine meets all of
 * them. Each server on core 0, alone at its time; the client on core 1.
 *
 * Unit: operations a second (median of the rounds), 100 bytes of data, 100
 * requests under way over all clients; microseconds of the server's CPU for
 * each, which other work on the machine disturbs least; p99 of the answers'
 * delay. Watch events a second: one client sets 10,000 one-shot watches, another one changes the
 * nodes; from the first change to the last event.
 */
import { cpus } from "node:os";
import {
  CreateRequest,
  GetDataRequest,
  OpCode,
  SetDataRequest,
} from "../../src/jute/index.ts";
import { OPEN } from "../../src/keeper/raw-client.fixture.ts";
import { type Contender, median, pin, withContenders } from "./contenders.ts";
import {
  cpuUs,
  drive,
  type Driven,
  fill,
  frame,
  open,
  type Pipe,
} from "./pipe.ts";

const DATA = Buffer.alloc(100, 0x78);
/** Read and written. */
const NODES = 1_000;
const WATCHED = 10_000;
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 5);
const MEASURE_MS = Number(process.env["BENCH_MS"] ?? 1_000);
const CLIENTS = [1, 10, 100];
const IN_FLIGHT = 100;

const path = (index: number) => `/bench/n${index}`;
const indexes = Array.from({ length: WATCHED }, (_, index) => index);
const get = (index: number, watch: boolean) =>
  frame(OpCode.getData, GetDataRequest, { path: path(index), watch });
const SETS = indexes.map((index) =>
  frame(OpCode.setData, SetDataRequest, {
    path: path(index),
    data: DATA,
    version: -1,
  }),
);
const WATCHING_GETS = indexes.map((index) => get(index, true));
const FRAMES = {
  get: indexes.slice(0, NODES).map((index) => get(index, false)),
  set: SETS.slice(0, NODES),
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

async function makeNodes({ port }: Contender): Promise<void> {
  const pipe = await open("127.0.0.1", port);
  await fill(
    pipe,
    ["/bench", ...indexes.map(path)].map((created) =>
      frame(OpCode.create, CreateRequest, {
        path: created,
        data: DATA,
        acl: OPEN,
        flags: 0,
      }),
    ),
  );
  pipe.end();
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

/** Watch events a second. */
async function measureWatches({ port }: Contender): Promise<number> {
  const watcher = await open("127.0.0.1", port);
  const writer = await open("127.0.0.1", port);
  await fill(watcher, WATCHING_GETS);
  writer.onReplies = () => {};
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    let left = WATCHED;
    watcher.onReplies = (count) => {
      left -= count;
      if (left === 0) resolve();
    };
    writer.write(Buffer.concat(SETS));
  });
  const seconds = (performance.now() - startMs) / 1_000;
  watcher.end();
  writer.end();
  return WATCHED / seconds;
}

async function main(): Promise<void> {
  pin(process.pid, 1);
  console.log(`${cpus()[0]?.model}, node ${process.version}`);
  await withContenders(async (contenders) => {
    // Compilers warm up before anything counts.
    for (const contender of contenders) {
      await makeNodes(contender);
      for (const frames of Object.values(FRAMES))
        await measure(contender, { frames, clients: 1 }, MEASURE_MS * 2);
      await measureWatches(contender);
    }
    for (const [what, frames] of Object.entries(FRAMES))
      for (const clients of CLIENTS)
        await row(contenders, { what, frames, clients });
    await watchRow(contenders);
  });
}

/** What is seen of one server in the rounds of one workload. */
interface Samples {
  readonly rates: number[];
  readonly us: number[];
  readonly delays: number[];
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
  const samples = contenders.map((): Samples => ({
    rates: [],
    us: [],
    delays: [],
  }));
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, contender] of contenders.entries()) {
      const startUs = cpuUs(contender.pid);
      const driven = await measure(contender, workload, MEASURE_MS);
      const usedUs = cpuUs(contender.pid) - startUs;
      samples[index]?.rates.push((driven.done / MEASURE_MS) * 1_000);
      samples[index]?.us.push(usedUs / driven.done);
      samples[index]?.delays.push(driven.p99Ms);
    }
  const cells = samples.map(
    ({ rates, us, delays }, index) =>
      `${contenders[index]?.name} ${Math.round(median(rates))}/s (most ${Math.round(Math.max(...rates))}), ${median(us).toFixed(1)} us, p99 ${median(delays).toFixed(2)} ms`,
  );
  console.log(`${what}, ${clients} clients: ${cells.join(" | ")}`);
}

async function watchRow(contenders: readonly Contender[]): Promise<void> {
  const rates = contenders.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [index, contender] of contenders.entries())
      rates[index]?.push(await measureWatches(contender));
  const cells = contenders.map(
    ({ name }, index) =>
      `${name} ${Math.round(median(rates[index] ?? []))}/s (most ${Math.round(Math.max(...(rates[index] ?? [])))})`,
  );
  console.log(`watch events: ${cells.join(" | ")}`);
}

await main();
