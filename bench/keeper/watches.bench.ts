/**
 * Watch events a second: one client sets 10,000 one-shot watches, another one
 * changes the nodes, again and again.
 *
 *     node bench/keeper/watches.bench.ts keeper [FILE]
 *     node bench/keeper/watches.bench.ts 127.0.0.1:2181
 *
 * Unit: events a second from the first change to the last event, and
 * milliseconds to set the watches; the server on core 0.
 */
import { cpus } from "node:os";
import {
  CreateRequest,
  GetDataRequest,
  OpCode,
  SetDataRequest,
} from "../../src/jute/index.ts";
import { OPEN } from "../../src/keeper/raw-client.fixture.ts";
import { cpuUs, fill, frame, open, startTarget } from "./pipe.ts";

const NODES = 10_000;
const ROUNDS = 5;

const [target = "keeper", dataFile] = process.argv.slice(2);
const server = await startTarget(target, dataFile);
console.log(`${cpus()[0]?.model}, node ${process.version}`);
const watcher = await open(server.host, server.port);
const writer = await open(server.host, server.port);
const paths = Array.from({ length: NODES }, (_, index) => `/watched/n${index}`);
await fill(
  writer,
  ["/watched", ...paths].map((path) =>
    frame(OpCode.create, CreateRequest, {
      path,
      data: null,
      acl: OPEN,
      flags: 0,
    }),
  ),
);
const arms = paths.map((path) =>
  frame(OpCode.getData, GetDataRequest, { path, watch: true }),
);
const sets = Buffer.concat(
  paths.map((path) =>
    frame(OpCode.setData, SetDataRequest, { path, data: null, version: -1 }),
  ),
);
writer.onReplies = () => {};
for (let round = 0; round < ROUNDS; round++) {
  const armMs = performance.now();
  await fill(watcher, arms);
  const startMs = performance.now();
  const startUs = cpuUs(server.pid);
  await new Promise<void>((resolve) => {
    let left = NODES;
    watcher.onReplies = (count) => {
      left -= count;
      if (left === 0) resolve();
    };
    writer.write(sets);
  });
  const seconds = (performance.now() - startMs) / 1_000;
  const us = (cpuUs(server.pid) - startUs) / NODES;
  console.log(
    `${Math.round(NODES / seconds)} events/s, ${us.toFixed(1)} us each with the change; set in ${(startMs - armMs).toFixed(0)} ms`,
  );
}
watcher.end();
writer.end();
server.stop();
