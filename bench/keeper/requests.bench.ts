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
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { connect, type Socket } from "node:net";
import {
  type Codec,
  CreateRequest,
  DeleteRequest,
  encode,
  GetDataRequest,
  OpCode,
  SetDataRequest,
} from "../../src/jute/index.ts";
import { connectBytes, OPEN } from "../../src/keeper/raw-client.fixture.ts";

const DATA = Buffer.alloc(100, 0x78);
const NODES = 1_000;
const MEASURE_MS = Number(process.env["BENCH_MS"] ?? 2_000);

function frame<T>(type: number, codec: Codec<T>, value: T): Buffer {
  const body = encode(codec, value);
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeInt32BE(8 + body.length, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(type, 8);
  body.copy(bytes, 12);
  return bytes;
}

/** Keeps `inFlight` requests under way; counts frames. */
class Pipe {
  readonly #socket: Socket;
  #rest = Buffer.alloc(0);
  #missing = 0;
  onReplies: (count: number) => void = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", (error) => {
      throw error;
    });
    socket.on("data", (chunk: Buffer) => this.#count(chunk));
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  end(): void {
    this.#socket.destroy();
  }

  #count(chunk: Buffer): void {
    let at = this.#missing;
    let replies = 0;
    let bytes = chunk;
    if (at >= bytes.length) {
      this.#missing -= bytes.length;
      if (this.#missing === 0) this.onReplies(1);
      return;
    }
    if (at > 0) replies += 1;
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, chunk]);
      this.#rest = Buffer.alloc(0);
    }
    for (;;) {
      if (bytes.length - at < 4) {
        this.#rest = Buffer.from(bytes.subarray(at));
        this.#missing = 0;
        break;
      }
      const end = at + 4 + bytes.readInt32BE(at);
      if (end > bytes.length) {
        this.#missing = end - bytes.length;
        break;
      }
      replies += 1;
      at = end;
    }
    if (replies > 0) this.onReplies(replies);
  }
}

async function open(host: string, port: number): Promise<Pipe> {
  const socket = connect({ host, port });
  await once(socket, "connect");
  const pipe = new Pipe(socket);
  const body = connectBytes({ timeoutMs: 30_000 });
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeInt32BE(body.length);
  body.copy(bytes, 4);
  const answered = new Promise<void>((resolve) => {
    pipe.onReplies = () => resolve();
  });
  pipe.write(bytes);
  await answered;
  return pipe;
}

/** Runs until the time is over; answers operations done. */
function drive(
  pipes: readonly Pipe[],
  inFlight: number,
  next: (index: number) => Buffer,
  durationMs: number,
): Promise<number> {
  return new Promise((resolve) => {
    const endMs = performance.now() + durationMs;
    let done = 0;
    let sent = 0;
    let open = pipes.length;
    for (const pipe of pipes) {
      let waiting = 0;
      const send = (count: number) => {
        const batch: Buffer[] = [];
        for (let index = 0; index < count; index++) batch.push(next(sent++));
        waiting += count;
        pipe.write(Buffer.concat(batch));
      };
      pipe.onReplies = (count) => {
        done += count;
        waiting -= count;
        if (performance.now() < endMs) send(count);
        else if (waiting === 0 && --open === 0) resolve(done);
      };
      send(inFlight);
    }
  });
}

function fill(pipe: Pipe, frames: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    let left = frames.length;
    pipe.onReplies = (count) => {
      left -= count;
      if (left === 0) resolve();
    };
    pipe.write(Buffer.concat(frames));
  });
}

const path = (index: number) => `/bench/n${index % NODES}`;

interface Target {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

async function startTarget(
  target: string,
  dataFile: string | undefined,
): Promise<Target> {
  if (target !== "keeper") {
    const [host = "127.0.0.1", port = "2181"] = target.split(":");
    const pid = Number(process.env["SERVER_PID"] ?? 0);
    return { host, port: Number(port), pid, stop: () => {} };
  }
  const file = fileURLToPath(new URL("./server.ts", import.meta.url));
  const child = spawn(
    "taskset",
    [
      "-c",
      "0",
      process.execPath,
      file,
      ...(dataFile === undefined ? [] : [dataFile]),
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  child.on("error", (error) => {
    throw error;
  });
  const text = await new Promise<string>((resolve) => {
    child.stdout.once("data", (chunk) => resolve(String(chunk)));
  });
  return {
    host: "127.0.0.1",
    port: Number(text),
    pid: child.pid ?? 0,
    stop: () => child.kill("SIGTERM"),
  };
}

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

/** User and system time of a process in microseconds. */
function cpuUs(pid: number): number {
  if (pid === 0) return 0;
  const fields =
    readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function report(
  name: string,
  pid: number,
  action: () => Promise<number>,
): Promise<void> {
  const startMs = performance.now();
  const startUs = cpuUs(pid);
  const done = await action();
  const seconds = (performance.now() - startMs) / 1_000;
  const us = (cpuUs(pid) - startUs) / done;
  console.log(
    `${name.padEnd(42)} ${Math.round(done / seconds)
      .toString()
      .padStart(8)}/s  ${us.toFixed(1)} us`,
  );
}

await main();
