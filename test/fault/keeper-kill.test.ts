/**
 * Processes killed with SIGKILL while several clients write. After each restart
 * every acknowledged write is there, no multi is there by half, zxids have only
 * grown, and sessions that come back in time have their ephemeral nodes.
 *
 * KEEPER_KILL_SEED makes it the same again.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  CreateRequest,
  decode,
  encode,
  GetDataRequest,
  GetDataResponse,
  MultiHeader,
  OpCode,
  SetDataRequest,
} from "../../src/jute/index.ts";
import { OPEN, RawClient } from "../../src/keeper/raw-client.fixture.ts";

/** More under `npm run soak`. */
const ROUNDS = process.env["ZOOGATE_SOAK_SECONDS"] === undefined ? 5 : 200;
const SEED = Number(
  process.env["KEEPER_KILL_SEED"] ?? Math.trunc(Math.random() * 2 ** 31),
);
const WRITERS = 4;
const IN_FLIGHT = 16;
const STRACE = "/usr/bin/strace";
const PROGRAM = fileURLToPath(new URL("./keeper-process.ts", import.meta.url));

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(
  dataFile: string,
  prefix: readonly string[] = [],
): Promise<Running> {
  const [program, ...args] = [...prefix, process.execPath, PROGRAM, dataFile];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const port = await new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", () => reject(new Error("The keeper ended")));
    child.stdout.once("data", (chunk) => resolve(Number(String(chunk))));
  });
  return { child, port };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** One writer: what it was promised, over all restarts. */
class WriterOfRound {
  readonly #name: string;
  /** The number that the last acknowledged write put into both nodes. */
  acknowledged = 0;
  sent = 0;
  lastZxid = 0n;
  session: { readonly id: bigint; readonly password: Buffer } | undefined;
  #client: RawClient | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  get paths(): readonly [string, string] {
    return [`/${this.#name}-left`, `/${this.#name}-right`];
  }

  get ephemeral(): string {
    return `/${this.#name}-ephemeral`;
  }

  async connect(port: number): Promise<RawClient> {
    const client = await RawClient.connect(port, {
      timeoutMs: 30_000,
      ...(this.session === undefined
        ? {}
        : {
            sessionId: this.session.id,
            password: this.session.password,
            lastZxidSeen: this.lastZxid,
          }),
    });
    assert.ok(client.session !== undefined, "zxids have only grown");
    assert.notEqual(client.session.timeOut, 0, "the session is known");
    this.#client = client;
    const { sessionId, passwd } = client.session;
    this.session ??= { id: sessionId, password: passwd ?? Buffer.alloc(16) };
    return client;
  }

  async setUp(client: RawClient): Promise<void> {
    for (const path of this.paths) await client.create(path, "0");
    await client.create(this.ephemeral, "", { mode: "ephemeral" });
  }

  /** Writes pairs until the connection is cut. */
  async write(): Promise<void> {
    const client = this.#client;
    assert.ok(client !== undefined);
    for (let index = 0; index < IN_FLIGHT; index++) this.#sendPair(client);
    for (;;) {
      const reply = await client.next();
      if (reply === undefined) break;
      assert.equal(reply.err, 0);
      assert.ok(reply.zxid > this.lastZxid);
      this.lastZxid = reply.zxid;
      this.acknowledged += 1;
      this.#sendPair(client);
    }
    await client[Symbol.asyncDispose]();
  }

  #sendPair(client: RawClient): void {
    this.sent += 1;
    const data = Buffer.from(String(this.sent));
    const parts = this.paths.map((path) =>
      Buffer.concat([
        encode(MultiHeader, { type: OpCode.setData, done: false, err: -1 }),
        encode(SetDataRequest, { path, data, version: -1 }),
      ]),
    );
    const end = encode(MultiHeader, { type: -1, done: true, err: -1 });
    client.send("multi", Buffer.concat([...parts, end]));
  }

  async check(client: RawClient): Promise<void> {
    const values: number[] = [];
    for (const path of this.paths)
      values.push(Number(await dataOf(client, path)));
    assert.equal(values[0], values[1], "both of a multi or none");
    const value = values[0] ?? -1;
    assert.ok(
      value >= this.acknowledged && value <= this.sent,
      `${this.#name}: ${value} is there, ${this.acknowledged} was acknowledged`,
    );
    await dataOf(client, this.ephemeral);
    // What came after the last acknowledged one counts from here.
    this.acknowledged = value;
    this.sent = value;
  }
}

async function dataOf(client: RawClient, path: string): Promise<string> {
  const reply = await client.ask(
    "getData",
    encode(GetDataRequest, { path, watch: false }),
  );
  assert.equal(reply.err, 0, `${path} is there`);
  const body = decode(GetDataResponse, reply.body);
  assert.ok(body.kind === "value");
  return String(body.value.data);
}

/** A number from 0 to 1 that follows from the seed and the round. */
function chance(round: number): number {
  let mixed = Math.imul(SEED ^ (round * 0x9e3779b9), 0x85ebca6b);
  mixed ^= mixed >>> 13;
  return (Math.imul(mixed, 0xc2b2ae35) >>> 0) / 2 ** 32;
}

async function inFolder(
  action: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keeper-kill-"));
  try {
    await action(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe("a keeper that is killed", () => {
  test("has every acknowledged write after its restart", (context) =>
    inFolder(async (folder) => {
      context.diagnostic(`seed ${SEED}, ${ROUNDS} rounds`);
      const dataFile = join(folder, "keeper.db");
      const writers = Array.from(
        { length: WRITERS },
        (_, index) => new WriterOfRound(`w${index}`),
      );
      for (let round = 0; round <= ROUNDS; round++) {
        const { child, port } = await start(dataFile);
        try {
          for (const writer of writers) {
            const client = await writer.connect(port);
            if (round === 0) await writer.setUp(client);
            else await writer.check(client);
          }
          if (round === ROUNDS) break;
          const writing = writers.map((writer) => writer.write());
          const killed = setTimeout(
            () => void child.kill("SIGKILL"),
            20 + chance(round) * 150,
          );
          await Promise.all(writing);
          clearTimeout(killed);
        } finally {
          if (child.exitCode === null && child.signalCode === null)
            await kill(child);
        }
      }
      const total = writers.reduce(
        (sum, writer) => sum + writer.acknowledged,
        0,
      );
      context.diagnostic(`${total} acknowledged multis`);
      assert.ok(total > ROUNDS * WRITERS);
    }));

  test(
    "answers a write only when the disk has it",
    { skip: existsSync(STRACE) ? false : `${STRACE} is not installed` },
    () =>
      inFolder(async (folder) => {
        const trace = join(folder, "trace");
        const { child, port } = await start(join(folder, "keeper.db"), [
          STRACE,
          // The keeper itself is the child, so that it can be killed.
          "-D",
          "-f",
          "-s",
          "200",
          "-e",
          "trace=read,write,writev,pwrite64,fsync,fdatasync",
          "-o",
          trace,
        ]);
        try {
          await using client = await RawClient.connect(port);
          const body = encode(CreateRequest, {
            path: "/traced-create",
            data: null,
            acl: OPEN,
            flags: 0,
          });
          assert.equal((await client.ask("create", body)).err, 0);
        } finally {
          await kill(child);
        }
        const lines = readFileSync(trace, "utf8").split("\n");
        const asked = lines.findIndex(
          (line) => line.includes("read(") && line.includes("traced-create"),
        );
        const answered = lines.findIndex(
          (line, index) =>
            index > asked &&
            /write/u.test(line) &&
            line.includes('/traced-create"'),
        );
        assert.ok(asked >= 0 && answered > asked, "the request and its reply");
        assert.ok(
          lines
            .slice(asked, answered)
            .some((line) => /f(data)?sync\(\d+\)\s+= 0$/u.test(line)),
          lines.slice(asked, answered + 1).join("\n"),
        );
      }),
  );
});
