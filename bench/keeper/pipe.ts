/** What the benchmarks of servers share: a client that only writes and counts. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { type Codec, encode } from "../../src/jute/index.ts";
import { connectBytes } from "../../src/keeper/raw-client.fixture.ts";

/** The bytes of one request. */
export function frame<T>(type: number, codec: Codec<T>, value: T): Buffer {
  const body = encode(codec, value);
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeInt32BE(8 + body.length, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(type, 8);
  body.copy(bytes, 12);
  return bytes;
}

/** Writes what it is told and counts reply frames. */
export class Pipe {
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

/** A connection with a session. */
export async function open(host: string, port: number): Promise<Pipe> {
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

/** Writes everything and waits for as many replies. */
export function fill(pipe: Pipe, frames: readonly Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    let left = frames.length;
    pipe.onReplies = (count) => {
      left -= count;
      if (left === 0) resolve();
    };
    pipe.write(Buffer.concat(frames));
  });
}

/** What a run did. */
export interface Driven {
  readonly done: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Keeps `inFlight` requests of each client under way until the time is over. */
export function drive(
  pipes: readonly Pipe[],
  inFlight: number,
  next: (index: number) => Buffer,
  durationMs: number,
): Promise<Driven> {
  return new Promise((resolve) => {
    const endMs = performance.now() + durationMs;
    const latencies: number[] = [];
    let done = 0;
    let sent = 0;
    let openPipes = pipes.length;
    for (const pipe of pipes) {
      const sentMs: number[] = [];
      const send = (count: number, nowMs: number) => {
        const batch: Buffer[] = [];
        for (let index = 0; index < count; index++) {
          batch.push(next(sent++));
          sentMs.push(nowMs);
        }
        pipe.write(Buffer.concat(batch));
      };
      pipe.onReplies = (count) => {
        const nowMs = performance.now();
        done += count;
        // Replies come in order: the oldest requests are the answered ones.
        const answered = sentMs.splice(0, count);
        if (answered[0] !== undefined) latencies.push(nowMs - answered[0]);
        if (nowMs < endMs) send(count, nowMs);
        else if (sentMs.length === 0 && --openPipes === 0)
          resolve({ done, ...quantiles(latencies) });
      };
      send(inFlight, performance.now());
    }
  });
}

function quantiles(latencies: readonly number[]): {
  readonly p50Ms: number;
  readonly p99Ms: number;
} {
  const sorted = latencies.toSorted((one, other) => one - other);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** The server under test. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

/** Starts a keeper on core 0, or answers the server that is named. */
export async function startTarget(
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

/** User and system time of a process in microseconds. */
export function cpuUs(pid: number): number {
  if (pid === 0) return 0;
  const fields =
    readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}
