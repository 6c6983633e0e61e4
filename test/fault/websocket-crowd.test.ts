/**
 * A thousand WebSockets at once through real processes (`proxy`, `register`,
 * `serve`), while everything around them changes: none is lost. When a server
 * of theirs does end, those that were there see how, and nobody else does.
 * With ZOOGATE_SOAK_SECONDS the changes go on for so long, and Apache ZooKeeper
 * has its turn too.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { ClientOptions } from "ws";
import { connect, type ZooKeeper } from "../../src/zookeeper/index.ts";
import {
  type Coordinator,
  coordinators,
} from "../scenario/coordinators.fixture.ts";
import { CA, tlsFile } from "../scenario/secure-harness.ts";
import { type RunningCommand, startCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { get } from "../support/http-client.ts";
import { figuresOf, metricSum } from "../support/process-figures.ts";
import { Stage } from "../support/site.ts";
import { nextMessage, sha256 } from "../support/websocket.ts";
import { WebSocketCrowd } from "../support/websocket-crowd.ts";

const SOAK_SECONDS = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? 0);
const CROWD = 1000;
const COORDINATORS = SOAK_SECONDS > 0 ? 2 : 1;
const SERVER = join(
  import.meta.dirname,
  "..",
  "support",
  "websocket-server.ts",
);
const HOST: ClientOptions = { headers: { host: "chat.test" }, ca: CA };
const LARGE = randomBytes(3 * 1024 * 1024);

/** What the crowd meets: a proxy, its registry, and two servers of one service. */
class Ground implements AsyncDisposable {
  readonly stage: Stage;
  readonly zookeeper: ZooKeeper;
  readonly #open = new AsyncDisposableStack();

  private constructor(stage: Stage, zookeeper: ZooKeeper) {
    this.stage = stage;
    this.zookeeper = zookeeper;
    this.#open.use(stage);
    this.#open.use(zookeeper);
  }

  static async open({ connectString }: Coordinator): Promise<Ground> {
    const stage = await Stage.open(connectString);
    const zookeeper = await connect(`${connectString}/zoogate`);
    return new Ground(stage, zookeeper);
  }

  /** One more server of the crowd's service. */
  async chat(name: string): Promise<RunningCommand> {
    const port = await freePort();
    const command = await startCommand(
      [
        "register",
        "--service",
        "chat",
        "--host",
        "chat.test",
        "--name",
        name,
        "--release",
        "one",
        "--port",
        String(port),
        "--data",
        join(this.stage.folder, `data-${name}`),
        "--zookeeper",
        this.stage.zookeeper,
        "--",
        process.execPath,
        SERVER,
      ],
      { cwd: this.stage.folder },
    );
    this.#open.use(command);
    return command;
  }

  define(hosts: readonly string[]): Promise<unknown> {
    const text = JSON.stringify({ hosts, policy: "round-robin" });
    return this.zookeeper.setData("/services/chat", text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#open.disposeAsync();
  }
}

/** A proxy with and without TLS, from a configuration file. */
async function startProxy({ stage }: Ground) {
  const config = join(stage.folder, "zoogate.yaml");
  await writeFile(config, "limits:\n  idleTimeout: 60s\n");
  const { command, url } = await stage.proxy([
    "--config",
    config,
    "--tls-listen",
    "127.0.0.1:0",
    "--tls-cert",
    tlsFile("default.pem"),
    "--tls-key",
    tlsFile("default.key.pem"),
  ]);
  const ready = await command.ready();
  const secureUrl = /https:\/\/\S+?(?=[,\s])/u.exec(ready)?.[0] ?? "";
  const admin = /admin (\S+)/u.exec(ready)?.[1] ?? "";
  const metrics = async () =>
    (await get(`${admin}/metrics`)).body.toString("utf8");
  return {
    command,
    config,
    http: url,
    url: url.replace("http", "ws"),
    secureUrl: secureUrl.replace("http", "ws"),
    metrics,
  };
}

/** Another service is deployed, changed and taken down, as its users see it. */
async function deployAnother(ground: Ground, proxyUrl: string): Promise<void> {
  const { stage } = ground;
  const site = await stage.writeSite("site", "<p>before</p>");
  const { command } = await stage.serve(site, "www-1", ["--host", "www.test"]);
  const asks = async () => {
    const headers = { host: "www.test" };
    return (await get(proxyUrl, { headers })).body.toString();
  };
  await eventually(async () => assert.equal(await asks(), "<p>before</p>"));
  await writeFile(join(site, "index.html"), "<p>after</p>");
  await eventually(async () => assert.equal(await asks(), "<p>after</p>"));
  await command.stop();
}

/** The routes as the proxy has them hold `text`. */
async function routesHold(
  { command }: Awaited<ReturnType<typeof startProxy>>,
  text: string,
): Promise<void> {
  const admin = /admin (\S+)/u.exec(await command.ready())?.[1] ?? "";
  await eventually(async () => {
    const { body } = await get(`${admin}/api/snapshot`);
    assert.ok(body.toString().includes(text), `no ${text}`);
  });
}

/** A hundred of them send much at once. */
async function sendMuch(crowd: WebSocketCrowd): Promise<void> {
  const sum = sha256(LARGE);
  await Promise.all(
    crowd.open.slice(0, 40).map(async ({ socket }) => {
      const echo = nextMessage(socket);
      socket.send(LARGE);
      assert.equal(sha256(await echo), sum);
    }),
  );
}

async function changeEverything(
  t: TestContext,
  ground: Ground,
  proxy: Awaited<ReturnType<typeof startProxy>>,
  crowd: WebSocketCrowd,
): Promise<void> {
  let rounds = 0;
  const untilMs = performance.now() + SOAK_SECONDS * 1000;
  const changes: Readonly<Record<string, () => Promise<unknown>>> = {
    "another service was deployed": () => deployAnother(ground, proxy.http),
    "its hosts changed": async () => {
      await ground.define(["other.test"]);
      await routesHold(proxy, "other.test");
      await ground.define(["chat.test"]);
      await routesHold(proxy, "chat.test");
    },
    "another target came and went": async () => {
      const command = await ground.chat(`late-${rounds}`);
      await routesHold(proxy, `late-${rounds}`);
      await command.stop();
    },
    "the configuration was read again": async () => {
      await writeFile(
        proxy.config,
        `limits:\n  idleTimeout: ${61 + rounds}s\n`,
      );
      const before = proxy.command.stderr.length;
      proxy.command.child.kill("SIGHUP");
      await proxy.command.until(
        () => proxy.command.stderr.length > before,
        "the configuration being read",
      );
    },
    "much was sent": () => sendMuch(crowd),
  };
  do {
    for (const [what, change] of Object.entries(changes)) {
      await change();
      assert.equal(await crowd.echo(what), CROWD, what);
      assert.deepEqual(crowd.codes, {}, what);
    }
    rounds += 1;
  } while (performance.now() < untilMs);
  t.diagnostic(`${rounds} rounds of ${Object.keys(changes).length} changes`);
}

/** Everybody's server ends: one in order, one by force. */
async function endServers(
  ground: Ground,
  crowd: WebSocketCrowd,
  servers: readonly RunningCommand[],
): Promise<void> {
  const [first = "", second = ""] = [...crowd.servers.keys()];
  const atFirst = crowd.servers.get(first) ?? 0;
  const fromMs = performance.now();
  const leaves = crowd.gone(first);
  const isFirst = (command: RunningCommand) =>
    readFile(`/proc/${first}/stat`, "latin1").then(
      (stat) => Number(stat.split(" ")[3]) === command.pid,
    );
  for (const command of servers)
    if (await isFirst(command).catch(() => false)) await command.stop();
  await leaves;
  assert.deepEqual(crowd.codes, { 1001: atFirst });
  // Nothing waits for tunnels: neither the 8 s of a drain nor 2 s after it.
  assert.ok(performance.now() - fromMs < 6000, "the drain waited for tunnels");
  assert.equal(await crowd.echo("the other half"), CROWD - atFirst);
  const dies = crowd.gone(second);
  process.kill(Number(second), "SIGKILL");
  await dies;
  assert.deepEqual(crowd.codes, { 1001: atFirst, 1006: CROWD - atFirst });
  assert.ok(ground.zookeeper.state.kind === "live");
}

for (const { name, skip, start } of coordinators.slice(0, COORDINATORS))
  test(
    `zoogate proxy loses none of ${CROWD} WebSockets whatever changes (${name})`,
    { skip },
    async (t) => {
      await using coordinator = await start();
      await using ground = await Ground.open(coordinator);
      const servers = [await ground.chat("one"), await ground.chat("two")];
      await ground.define(["chat.test"]);
      const proxy = await startProxy(ground);
      await routesHold(proxy, "round-robin");
      const before = figuresOf(proxy.command.pid);
      using crowd = new WebSocketCrowd();
      await crowd.join(CROWD / 2, proxy.url, HOST);
      await crowd.join(CROWD / 2, proxy.secureUrl, HOST);
      const full = figuresOf(proxy.command.pid);
      assert.deepEqual([...crowd.servers.values()], [CROWD / 2, CROWD / 2]);
      const labels = 'service="chat"';
      assert.equal(
        metricSum(await proxy.metrics(), "zoogate_target_tunnels", labels),
        CROWD,
      );
      await changeEverything(t, ground, proxy, crowd);
      const changed = figuresOf(proxy.command.pid);
      await endServers(ground, crowd, servers);
      await eventually(async () => {
        const metrics = await proxy.metrics();
        for (const gauge of [
          "zoogate_connections_active",
          "zoogate_requests_waiting",
        ])
          assert.equal(metricSum(metrics, gauge), 0, gauge);
        const inFlight = "zoogate_target_requests_in_flight";
        assert.ok(!(metricSum(metrics, inFlight, labels) > 0));
        const { files } = figuresOf(proxy.command.pid);
        assert.ok(files <= before.files + 10, `${files} files are open`);
      });
      const after = figuresOf(proxy.command.pid);
      const [a, b, c, d] = [before, full, changed, after].map(
        ({ residentBytes, files }) =>
          `${(residentBytes / 1e6).toFixed(0)} MB, ${files} files`,
      );
      t.diagnostic(
        `before ${a}; with all ${b}; after the changes ${c}; end ${d}`,
      );
    },
  );
