/**
 * Requests a second of a server that speaks ZooKeeper's protocol, by a client
 * that does nothing but write request bytes ahead and count reply frames.
 *
 *     node bench/keeper/requests.bench.ts keeper          in memory
 *     node bench/keeper/requests.bench.ts keeper FILE     durable
 *     node bench/keeper/requests.bench.ts 127.0.0.1:2181  any server
 *
 * Unit: operations a second and microseconds of the server's CPU an operation;
 * 100 bytes of data; the server on core 0 and this client on core 1.
 */
import { cpus } from "node:os";
import {
  CreateRequest,
  DeleteRequest,
  GetDataRequest,
  OpCode,
  SetDataRequest,
} from "../../src/jute/index.ts";
import { OPEN } from "../../src/keeper/raw-client.fixture.ts";
import {
  cpuUs,
  drive,
  type Driven,
  fill,
  frame,
  open,
  startTarget,
} from "./pipe.ts";

const DATA = Buffer.alloc(100, 0x78);
const NODES = 1_000;
const MEASURE_MS = Number(process.env["BENCH_MS"] ?? 2_000);

const path = (index: number) => `/bench/n${index % NODES}`;

function of(frames: readonly Buffer[]): (index: number) => Buffer {
  return (index) => frames[index % frames.length] as Buffer; // within its length
}

async function main(): Promise<void> {
  const [target = "keeper", dataFile] = process.argv.slice(2);
  const server = await startTarget(target, dataFile);
  const { host, port, pid } = server;
  console.log(`${cpus()[0]?.model}, node ${process.version}`);
  const first = await open(host, port);
  const creates = [
    frame(OpCode.create, CreateRequest, {
      path: "/bench",
      data: null,
      acl: OPEN,
      flags: 0,
    }),
  ];
  for (let index = 0; index < NODES; index++)
    creates.push(
      frame(OpCode.create, CreateRequest, {
        path: path(index),
        data: DATA,
        acl: OPEN,
        flags: 0,
      }),
    );
  await fill(first, creates);
  const gets = Array.from({ length: NODES }, (_, index) =>
    frame(OpCode.getData, GetDataRequest, { path: path(index), watch: false }),
  );
  const sets = Array.from({ length: NODES }, (_, index) =>
    frame(OpCode.setData, SetDataRequest, {
      path: path(index),
      data: DATA,
      version: -1,
    }),
  );
  const ephemerals = Array.from({ length: NODES }, (_, index) => [
    frame(OpCode.create, CreateRequest, {
      path: `/bench/e${index}`,
      data: DATA,
      acl: OPEN,
      flags: 1,
    }),
    frame(OpCode.delete, DeleteRequest, {
      path: `/bench/e${index}`,
      version: -1,
    }),
  ]).flat();
  const many = [first];
  for (let index = 1; index < 10; index++) many.push(await open(host, port));
  await drive([first], 100, of(sets), MEASURE_MS / 2);
  await drive([first], 1_000, of(gets), MEASURE_MS / 2);
  const rows = [
    ["get", 1, 1, gets],
    ["get", 1, 1_000, gets],
    ["get", 10, 100, gets],
    ["set", 1, 1, sets],
    ["set", 1, 100, sets],
    ["set", 1, 1_000, sets],
    ["set", 10, 100, sets],
    ["create and delete ephemeral", 1, 100, ephemerals],
  ] as const;
  for (const [what, clients, inFlight, frames] of rows)
    await report(
      `${what}, ${clients} clients, ${inFlight} in flight`,
      pid,
      () => drive(many.slice(0, clients), inFlight, of(frames), MEASURE_MS),
    );
  for (const pipe of many) pipe.end();
  server.stop();
}

async function report(
  name: string,
  pid: number,
  action: () => Promise<Driven>,
): Promise<void> {
  const startMs = performance.now();
  const startUs = cpuUs(pid);
  const { done, p99Ms } = await action();
  const seconds = (performance.now() - startMs) / 1_000;
  const us = (cpuUs(pid) - startUs) / done;
  console.log(
    `${name.padEnd(42)} ${Math.round(done / seconds)
      .toString()
      .padStart(8)}/s  ${us.toFixed(1)} us  p99 ${p99Ms.toFixed(2)} ms`,
  );
}

await main();
