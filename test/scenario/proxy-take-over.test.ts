/** What goes from a proxy to its successor besides its TCP port. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { startKeeper } from "../../src/keeper/index.ts";
import { connect } from "../../src/zookeeper/index.ts";
import { ConnectionHammer } from "../support/connection-hammer.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { ended, isAlive, RelayRunners } from "../support/relay-runners.ts";
import { startTarget } from "./proxy-harness.ts";
import { CA, tlsFile } from "./secure-harness.ts";

const ASK = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

interface Ask {
  readonly port?: number;
  readonly path?: string;
}

/** One request on a connection of its own: the whole answer. */
async function askOnce(where: Ask): Promise<string> {
  const socket = connectTcp(
    where.path === undefined
      ? { port: where.port ?? 0, host: "127.0.0.1" }
      : { path: where.path },
  );
  socket.setEncoding("latin1").write(ASK);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

async function stage(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-take-over-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const target = await startTarget((_request, response) => response.end("ok"));
  target.server.on("upgrade", (_request, socket) => {
    socket.on("error", () => {});
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    );
    socket.pipe(socket);
  });
  t.after(target.close);
  const config = join(folder, "zoogate.yaml");
  const write = (more = "") =>
    writeFile(
      config,
      `services:\n  www:\n    targets: ["http://127.0.0.1:${target.port}"]\n${more}`,
    );
  await write();
  const flags = ["--zookeeper", "none", "--config", config];
  return { folder, flags, write, target };
}

function portsOf(runners: RelayRunners): readonly number[] {
  const line = runners.first.readyLines.at(-1) ?? "";
  return [...line.matchAll(/https?:\/\/[^\s,/]+:(\d+)/gu)].map(([, port]) =>
    Number(port),
  );
}

function secure(port: number, session?: Buffer): TLSSocket {
  return connectTls({
    port,
    host: "127.0.0.1",
    servername: "localhost",
    ca: CA,
    ...(session === undefined ? {} : { session }),
  });
}

test("a successor takes over TLS with its sessions, a Unix socket, the admin port and other settings", async (t) => {
  const { folder, flags, write } = await stage(t);
  const path = join(folder, "web.sock");
  await write("workers: 1\n");
  await using runners = await RelayRunners.start(folder, [
    ...flags,
    "--listen",
    `unix:${path}`,
    "--tls-listen",
    "127.0.0.1:0",
    "--tls-cert",
    tlsFile("default.pem"),
    "--tls-key",
    tlsFile("default.key.pem"),
    "--set",
    "limits.drainIdle=200ms",
  ]);
  const [plain = 0, tls = 0, admin = 0] = portsOf(runners);
  const first = secure(tls);
  const [session] = (await once(first, "session")) as [Buffer];
  first.destroy();
  await write("workers: 3\n");
  const { old } = await runners.replace();
  assert.deepEqual(portsOf(runners), [plain, tls, admin]);
  await ended(old);

  const second = secure(tls, session);
  await once(second, "secureConnect");
  assert.ok(second.isSessionReused());
  second.destroy();
  assert.match(await askOnce({ path }), /^HTTP\/1.1 200[^]*ok$/u);
  assert.match(await askOnce({ port: plain }), /^HTTP\/1.1 200[^]*ok$/u);
  const readiness = await get(`http://127.0.0.1:${admin}/readyz`);
  assert.equal(readiness.status, 200);

  await write("workers: 2\n");
  await using hammer = new ConnectionHammer({ port: plain, fresh: 4, kept: 2 });
  const { old: older } = await runners.replace();
  await ended(older);
  assert.match(await askOnce({ path }), /^HTTP\/1.1 200[^]*ok$/u);
  assert.deepEqual([...(await hammer.stop()).failures], []);

  process.kill(await runners.pid(), "SIGTERM");
  await eventually(() => assert.rejects(stat(path), { code: "ENOENT" }));
});

test("a tunnel goes on in the process that leaves, until the limit of its drain", async (t) => {
  const { folder, flags } = await stage(t);
  await using runners = await RelayRunners.start(folder, [
    ...flags,
    "--workers",
    "2",
    "--set",
    "limits.drainTimeout=3s",
  ]);
  const [port = 0] = portsOf(runners);
  const socket = connectTcp(port, "127.0.0.1");
  t.after(() => socket.destroy());
  const gone = new Promise<string>((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code ?? ""),
    );
    socket.once("close", () => resolve("end"));
  });
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
  );
  await eventually(() => assert.match(text, /^HTTP\/1.1 101/u));
  const { old } = await runners.replace();
  socket.write("still here");
  await eventually(() => assert.match(text, /still here$/u));
  assert.ok(isAlive(old));
  assert.equal(await gone, "ECONNRESET");
  await ended(old);
});

test("a successor opens the keeper inside when its predecessor has closed it", async (t) => {
  // The keeper inside has one address.
  const isFree = await startKeeper({ port: 2181 }).then(
    (keeper) => keeper.close().then(() => true),
    () => false,
  );
  if (!isFree) {
    t.skip("somebody listens on port 2181");
    return;
  }
  const { folder, target } = await stage(t);
  await using runners = await RelayRunners.start(folder, [
    "--zookeeper",
    "embedded",
    "--workers",
    "2",
    "--set",
    "limits.drainIdle=200ms",
  ]);
  const [port = 0] = portsOf(runners);
  await using zk = await connect("127.0.0.1:2181/zoogate");
  for (const path of ["/services", "/services/www", "/services/www/targets"])
    await zk.create(path, "").catch(() => {});
  await zk.create(
    "/services/www/targets/one",
    JSON.stringify({ url: `http://127.0.0.1:${target.port}`, state: "ready" }),
    { mode: "ephemeral" },
  );
  await eventually(async () =>
    assert.match(await askOnce({ port }), /^HTTP\/1.1 200/u),
  );
  const session = zk.sessionId;
  await using hammer = new ConnectionHammer({ port, fresh: 4, kept: 4 });
  for (let count = 0; count < 2; count++)
    await ended((await runners.replace()).old);
  const result = await hammer.stop();
  assert.deepEqual([...result.failures], []);
  // The node stands, in the same session: the keeper was only restarted.
  await eventually(async () => {
    const { children } = await zk.getChildren("/services/www/targets");
    assert.deepEqual(children, ["one"]);
    const { children: proxies } = await zk.getChildren("/proxies");
    assert.equal(proxies.length, 1);
  });
  assert.equal(zk.sessionId, session);
  await eventually(async () => {
    const { data } = await zk.getData("/requests/www/one");
    assert.ok(Number(data?.toString()) >= result.answered);
  });
});
