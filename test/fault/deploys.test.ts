/**
 * Deploys and deaths of targets under steady load, with real processes: no
 * request is lost, and no old page is seen once the new release stands.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type RunningCommand, startCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { get } from "../support/http-client.ts";
import { Stage } from "../support/site.ts";

/** Says its release, echoes what is posted; SIGTERM ends it as Node does. */
const SERVER = `
import { createServer } from "node:http";
createServer((request, response) => {
  if (request.method === "POST") request.pipe(response);
  else response.end(process.env.RELEASE + " " + request.url);
}).listen(Number(process.env.PORT), "127.0.0.1");
`;

const BODY = Buffer.alloc(20_000, "body");

/** GETs and POSTs, over kept and over new connections, until it is stopped. */
class MixedLoad implements AsyncDisposable {
  readonly gets: string[] = [];
  readonly posts: string[] = [];
  answered = 0;
  /** The oldest release that may be seen by a request sent from now on. */
  atLeast = "";
  readonly #kept = new Agent({ keepAlive: true });
  readonly #lanes: Promise<unknown>;
  #stopped = false;

  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, service: string) {
    this.#headers = { host: `${service}.test` };
    const lanes = [this.#kept, this.#kept, undefined].flatMap((agent) => [
      this.#lane((index) => this.#get(`${url}/${index}`, agent)),
      this.#lane(() => this.#post(`${url}/echo`, agent)),
    ]);
    this.#lanes = Promise.all(lanes);
  }

  /** Resolves when `count` more have been answered. */
  async more(count: number): Promise<void> {
    const goal = this.answered + count;
    await eventually(() => assert.ok(this.answered >= goal), 30_000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#lanes;
    this.#kept.destroy();
  }

  async #lane(ask: (index: number) => Promise<void>): Promise<void> {
    for (let index = 0; !this.#stopped; index++) {
      await ask(index);
      this.answered += 1;
    }
  }

  #ask(
    url: string,
    agent: Agent | undefined,
    more: Parameters<typeof get>[1] = {},
  ) {
    const headers = this.#headers;
    return get(url, { ...(agent && { agent }), headers, ...more });
  }

  async #get(url: string, agent: Agent | undefined): Promise<void> {
    const { atLeast } = this;
    const sentMs = performance.now();
    try {
      const { status, body } = await this.#ask(url, agent);
      const text = body.toString();
      if (status !== 200 || text < atLeast)
        this.gets.push(`${status} ${text} (at least ${atLeast})`);
    } catch (error) {
      const ms = Math.round(performance.now() - sentMs);
      this.gets.push(`${String(error)} after ${ms} ms`);
    }
  }

  async #post(url: string, agent: Agent | undefined): Promise<void> {
    try {
      const { status, body, headers } = await this.#ask(url, agent, {
        method: "POST",
        body: BODY,
      });
      if (status !== 200 || !body.equals(BODY))
        this.posts.push(
          `${status}, ${body.length} bytes, ${String(headers["proxy-status"])}`,
        );
    } catch (error) {
      this.posts.push(String(error));
    }
  }
}

describe("deploys", () => {
  let stage: Stage;
  let server: string;
  let keeper: RunningCommand;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "zoogate-deploys-"));
    keeper = await startCommand([
      "keeper",
      "--listen",
      "127.0.0.1:0",
      "--admin",
      "127.0.0.1:0",
      "--data",
      folder,
    ]);
    const address = /127\.0\.0\.1:\d+/u.exec(await keeper.ready())?.[0] ?? "";
    stage = await Stage.open(address);
    server = join(stage.folder, "server.mjs");
    await writeFile(server, SERVER);
  });

  const replicas: RunningCommand[] = [];

  after(async () => {
    await Promise.all(replicas.map((one) => one[Symbol.asyncDispose]()));
    await stage[Symbol.asyncDispose]();
    await keeper[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** One replica, as `zoogate register -- node server.mjs` runs it. */
  async function replica(
    service: string,
    name: string,
    release: string,
  ): Promise<RunningCommand> {
    const port = await freePort();
    const command = await startCommand(
      [
        "register",
        "--service",
        service,
        "--host",
        `${service}.test`,
        "--name",
        name,
        "--release",
        release,
        "--port",
        String(port),
        "--data",
        join(stage.folder, `data-${service}-${name}`),
        "--zookeeper",
        stage.zookeeper,
        "--",
        process.execPath,
        server,
      ],
      { env: { RELEASE: release } },
    );
    replicas.push(command);
    return command;
  }

  test("a rolling restart of two replicas loses no request and shows no old page afterwards", async () => {
    const service = "rolling";
    let present = [
      await replica(service, "one", "r1"),
      await replica(service, "two", "r1"),
    ];
    const { url, command } = await stage.proxy([], "data-rolling");
    await using load = new MixedLoad(url, service);
    await load.more(200);
    for (const release of ["r1", "r2"]) {
      const next: RunningCommand[] = [];
      for (const [index, name] of ["one", "two"].entries()) {
        await present[index]?.stop();
        next.push(await replica(service, name, release));
        await load.more(100);
      }
      present = next;
      load.atLeast = release;
      await load.more(200);
    }
    await load.stop();
    assert.deepEqual(load.gets, []);
    assert.deepEqual(load.posts, []);
    await command.stop();
  });

  test("requests wait while a service's only replica is restarted", async () => {
    const service = "only";
    let one = await replica(service, "one", "r1");
    const { url, command } = await stage.proxy([], "data-only");
    await using load = new MixedLoad(url, service);
    await load.more(100);
    for (const release of ["r1", "r2"]) {
      await one.stop();
      one = await replica(service, "one", release);
      load.atLeast = release;
      await load.more(100);
    }
    await load.stop();
    assert.deepEqual(load.gets, []);
    assert.deepEqual(load.posts, []);
    await command.stop();
  });

  test("a killed replica costs no GET, and no POST whose bytes had not left", async () => {
    const service = "killed";
    const [one] = await Promise.all([
      replica(service, "one", "r1"),
      replica(service, "two", "r1"),
    ]);
    const { url, command } = await stage.proxy([], "data-killed");
    await using load = new MixedLoad(url, service);
    await load.more(200);
    const children = await childrenOf(one.pid);
    one.child.kill("SIGKILL");
    for (const pid of children) process.kill(pid, "SIGKILL");
    await load.more(500);
    await load.stop();
    assert.deepEqual(load.gets, []);
    // At most what was with it in that moment.
    assert.ok(load.posts.length <= 3, load.posts.join("\n"));
    await command.stop();
  });
});

async function childrenOf(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}
