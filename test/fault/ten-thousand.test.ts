/**
 * Many connections at once, from several addresses: all of them connect in one
 * burst and none is refused, each asks, all wait idle, all ask at once, all go
 * at once. In full with ZOOGATE_SOAK_SECONDS: 10,000 of them, which this
 * process and the proxy's each need as many files for.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { startTarget } from "../scenario/proxy-harness.ts";
import { CA } from "../scenario/secure-harness.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { figuresOf, metricSum } from "../support/process-figures.ts";
import { startSecureProxy } from "../support/secure-proxy.ts";

const IS_FULL = process.env["ZOOGATE_SOAK_SECONDS"] !== undefined;
const CROWD = IS_FULL ? 10_000 : 2500;
const SECURE_CROWD = IS_FULL ? 10_000 : 600;
/** As many may wait for a target at a time. */
const PASSING = 2000;
/** So that no address has more connections than it has ports. */
const ADDRESSES = 8;
/** A handshake is work on both sides: so many at a time. */
const HANDSHAKES = 200;
/** Without a connection that is kept. */
const ONCE = { headers: { connection: "close" } };
const BODY = "x".repeat(4096);

const CONFIG = `
zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 2
data: state
limits: { idleTimeout: 10m, connectTimeout: 30s }
services:
  www:
`;

function startProxy(t: TestContext, targetPort: number) {
  const target = `    targets: ["http://127.0.0.1:${targetPort}"]
`;
  return startSecureProxy(t, CONFIG + target);
}

type Proxy = Awaited<ReturnType<typeof startProxy>>;

/** Connections that ask one thing after the other, each kept. */
class Connections implements Disposable {
  readonly sockets: Socket[] = [];
  /** Errors, and ends that nobody asked for. */
  readonly failures: string[] = [];
  #leaving = false;

  add(socket: Socket, index: number): void {
    this.sockets.push(socket);
    socket.on("error", (error) => this.failures.push(`${index}: ${error}`));
    socket.on("close", () => {
      if (!this.#leaving) this.failures.push(`${index} was closed`);
    });
  }

  /** All at once. */
  async ask(path: string, sockets = this.sockets): Promise<void> {
    await Promise.all(sockets.map((socket) => ask(socket, path)));
  }

  async leave(): Promise<void> {
    this.#leaving = true;
    const closed = this.sockets
      .filter((socket) => !socket.closed)
      .map((socket) => once(socket, "close"));
    for (const socket of this.sockets) socket.destroy();
    await Promise.all(closed);
  }

  [Symbol.dispose](): void {
    this.#leaving = true;
    for (const socket of this.sockets) socket.destroy();
  }
}

/** One request on a kept connection, its answer checked to the last byte. */
function ask(socket: Socket, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = "";
    const onClose = () => reject(new Error(`Cannot ask ${path}: closed`));
    const onData = (chunk: Buffer) => {
      seen += chunk.toString("latin1");
      const end = seen.indexOf("\r\n\r\n");
      const isGood = seen.startsWith("HTTP/1.1 200 ");
      if (end === -1 || (isGood && seen.length < end + 4 + BODY.length)) return;
      socket.off("data", onData);
      socket.off("close", onClose);
      if (isGood && seen.endsWith(BODY)) resolve();
      else reject(new Error(`Cannot ask ${path}: ${seen.slice(0, 200)}`));
    };
    socket.on("data", onData);
    socket.once("close", onClose);
    socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
  });
}

/** In one go, from several addresses. */
async function burst(port: number): Promise<Connections> {
  const connections = new Connections();
  const open: Promise<unknown>[] = [];
  for (let index = 0; index < CROWD; index++) {
    const localAddress = `127.0.0.${2 + (index % ADDRESSES)}`;
    const socket = connect({ host: "127.0.0.1", port, localAddress });
    connections.add(socket, index);
    open.push(once(socket, "connect"));
  }
  await Promise.all(open);
  return connections;
}

async function handshakes(port: number): Promise<Connections> {
  const connections = new Connections();
  for (let at = 0; at < SECURE_CROWD; at += HANDSHAKES)
    await Promise.all(
      Array.from({ length: HANDSHAKES }, async (_, index) => {
        const options = {
          host: "127.0.0.1",
          port,
          servername: "localhost",
          ca: CA,
          localAddress: `127.0.0.${2 + (index % ADDRESSES)}`,
        };
        const socket = connectTls(options);
        connections.add(socket, at + index);
        await once(socket, "secureConnect");
      }),
    );
  return connections;
}

/** Times a step, and tells it. */
async function timed<T>(
  t: TestContext,
  what: string,
  step: () => Promise<T>,
): Promise<T> {
  const fromMs = performance.now();
  const result = await step();
  t.diagnostic(`${what}: ${Math.round(performance.now() - fromMs)} ms`);
  return result;
}

/** What each of them costs the proxy, then that all ask, go, and leave nothing. */
async function useAndLeave(
  t: TestContext,
  proxy: Proxy,
  connections: Connections,
  before: number,
): Promise<void> {
  const count = connections.sockets.length;
  const active = async () =>
    metricSum(await proxy.metrics(), "zoogate_connections_active");
  await eventually(async () => assert.equal(await active(), count));
  await timed(t, `${count} ask for a stored answer at once`, () =>
    connections.ask("/stored"),
  );
  const bytes = figuresOf(proxy.command.pid).residentBytes - before;
  t.diagnostic(
    `idle: ${(bytes / count / 1000).toFixed(2)} KB each, ${((before + bytes) / 1e6).toFixed(0)} MB in all`,
  );
  await timed(
    t,
    `all ask for a passing answer, ${PASSING} at a time`,
    async () => {
      for (let at = 0; at < count; at += PASSING)
        await connections.ask(
          "/passing",
          connections.sockets.slice(at, at + PASSING),
        );
    },
  );
  assert.deepEqual(connections.failures, []);
  assert.equal(await active(), count);
  await timed(t, "all leave at once", async () => {
    await connections.leave();
    await eventually(async () => assert.equal(await active(), 0), 20_000);
  });
}

test(`zoogate proxy holds ${CROWD} connections, and ${SECURE_CROWD} inside TLS`, async (t) => {
  const target = await startTarget((request, response) => {
    const age = request.url === "/stored" ? "max-age=600" : "no-store";
    response.setHeader("Cache-Control", age);
    response.end(BODY);
  });
  t.after(target.close);
  const proxy = await startProxy(t, target.port);
  const url = `http://127.0.0.1:${proxy.port}`;
  // Both threads have compiled what they run, and have the answer in store.
  for (let count = 0; count < 400; count++)
    await get(`${url}/${count % 2 === 0 ? "stored" : "passing"}`, ONCE);
  const before = figuresOf(proxy.command.pid);
  const metrics = await proxy.metrics();
  {
    using plain = await timed(t, `${CROWD} connect at once`, () =>
      burst(proxy.port),
    );
    await useAndLeave(t, proxy, plain, before.residentBytes);
  }
  const between = figuresOf(proxy.command.pid);
  {
    using secure = await timed(t, `${SECURE_CROWD} handshakes`, () =>
      handshakes(proxy.tlsPort),
    );
    await useAndLeave(t, proxy, secure, between.residentBytes);
  }
  const after = await proxy.metrics();
  for (const counter of [
    "zoogate_connections_refused_total",
    "zoogate_client_faults_total",
  ])
    assert.ok(
      !(metricSum(after, counter) > (metricSum(metrics, counter) || 0)),
      counter,
    );
  assert.equal((await get(`${url}/passing`)).status, 200);
  await eventually(() => {
    const { files } = figuresOf(proxy.command.pid);
    // Kept connections to the target stay for a while.
    assert.ok(files <= before.files + 260, `${files} files are open`);
  });
});
