import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  createServer as createHttpServer,
  type RequestListener,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  parseProxyHeader,
  type ProxyEnds,
  proxyHeader,
} from "../../src/http/index.ts";
import type { DataPlaneOptions } from "../../src/proxy/index.ts";
import type {
  ServiceDefinition,
  TargetView,
} from "../../src/registry/index.ts";
import { startCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import {
  RawClient,
  serviceView,
  snapshot,
  startProxy,
  targetView,
} from "./proxy-harness.ts";
import { ask, http2Client, tlsFile } from "./secure-harness.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** What one connection to the target began with. */
interface Beginning {
  /** Its first byte: "P" of version 1, or 0x0d of version 2. */
  readonly first: number;
  /** 0x20 is LOCAL, with version 2. */
  readonly command: number | undefined;
  readonly ends: ProxyEnds | undefined;
}

/** A target that wants a header before anything else, TLS included. */
async function startExpecting(
  t: TestContext,
  options: { readonly tls?: boolean; readonly listener?: RequestListener } = {},
) {
  const { tls = false } = options;
  const listener =
    options.listener ?? ((_request, response) => void response.end("!"));
  const server = tls
    ? createHttpsServer(
        {
          cert: readFileSync(tlsFile("default.pem")),
          key: readFileSync(tlsFile("default.key.pem")),
        },
        listener,
      )
    : createHttpServer(listener);
  const beginnings: Beginning[] = [];
  const front = createServer((socket) => {
    socket.on("error", () => {});
    let received = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const result = parseProxyHeader(received, 0, received.length);
      if (result.kind === "incomplete") return;
      if (result.kind === "reject") {
        socket.destroy();
        return;
      }
      socket.off("data", onData);
      const [first = 0] = received;
      beginnings.push({ first, command: received[12], ends: result.ends });
      socket.pause();
      if (received.length > result.size)
        socket.unshift(received.subarray(result.size));
      server.emit("connection", socket);
      socket.resume();
    };
    socket.on("data", onData);
  });
  front.listen(0, "127.0.0.1");
  await once(front, "listening");
  t.after(() => {
    server.closeAllConnections();
    front.close();
  });
  const address = front.address();
  const port =
    typeof address === "object" && address !== null ? address.port : 0;
  const view = (change: Partial<TargetView> = {}) =>
    targetView(port, {
      ...(tls ? { url: `https://localhost:${port}`, host: "localhost" } : {}),
      ...change,
    });
  return { view, beginnings };
}

async function startBefore(
  t: TestContext,
  view: TargetView,
  definition: Partial<ServiceDefinition>,
  options: Partial<DataPlaneOptions> = {},
) {
  const service = serviceView([view], { definition });
  const proxy = await startProxy([service], options);
  t.after(() => proxy.plane.close({ signal: AbortSignal.abort() }));
  return proxy;
}

/** A connection that asks `times` after one another. */
async function askPlainly(t: TestContext, port: number, times = 1) {
  const client = new RawClient(port);
  t.after(() => client.close());
  for (let count = 1; count <= times; count++) {
    client.send(REQUEST);
    await client.until((text) => text.split("!").length > count);
  }
  const { localPort = 0 } = client.socket;
  return { client, port: localPort };
}

for (const version of ["v1", "v2"] as const)
  test(`a target of a service with proxyProtocol ${version} is told each client by a connection of its own`, async (t) => {
    const target = await startExpecting(t);
    const { port } = await startBefore(t, target.view(), {
      proxyProtocol: version,
    });
    const one = await askPlainly(t, port, 3);
    const two = await askPlainly(t, port, 2);
    one.client.send(REQUEST);
    await one.client.until((text) => text.split("!").length > 4);
    const destination = { address: "127.0.0.1", port };
    assert.deepEqual(
      target.beginnings,
      [one, two].map((client) => ({
        first: version === "v1" ? 0x50 : 0x0d,
        command: target.beginnings[0]?.command,
        ends: {
          source: { address: "127.0.0.1", port: client.port },
          destination,
        },
      })),
    );
  });

test("a target is told the client that the PROXY protocol named to us, and where it connected to", async (t) => {
  const ends = {
    source: { address: "2001:db8::7", port: 4711 },
    destination: { address: "2001:db8::1", port: 443 },
  };
  const target = await startExpecting(t);
  const { port } = await startBefore(
    t,
    target.view(),
    { proxyProtocol: "v1" },
    {
      listen: [{ host: "127.0.0.1", port: 0, proxyProtocol: true }],
      proxyPeers: ["127.0.0.1"],
    },
  );
  const client = new RawClient(port)
    .send(proxyHeader("v2", ends))
    .send(REQUEST);
  t.after(() => client.close());
  await client.until((text) => text.includes("!"));
  assert.deepEqual(target.beginnings[0]?.ends, ends);
});

test("zoogate proxy tells a target with TLS the client before the handshake, HTTP/2 clients too", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-proxy-protocol-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const target = await startExpecting(t, { tls: true });
  const file = join(folder, "zoogate.yaml");
  await writeFile(
    file,
    `zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data: ${folder}
workers: 1
tls:
  listen: 127.0.0.1:0
  cert: ${tlsFile("default.pem")}
  key: ${tlsFile("default.key.pem")}
services:
  www: {proxyProtocol: v2, targets: ["${target.view().url}"]}
`,
  );
  await using command = await startCommand(["proxy", "--config", file], {
    env: { NODE_EXTRA_CA_CERTS: tlsFile("ca.pem") },
  });
  const [, port] =
    /https:\/\/[^:]+:(\d+)/u.exec(command.readyLines[0] ?? "") ?? [];
  const session = await http2Client(t, Number(port));
  for (let count = 0; count < 2; count++) {
    const reply = await ask(session, { ":path": "/" });
    assert.equal(reply.body.toString(), "!");
  }
  // On a busy machine there are probes as well, which speak for nobody.
  const told = target.beginnings.flatMap(({ ends }) => ends ?? []);
  assert.ok(told.length > 0);
  for (const { source } of told)
    assert.equal(source.port, session.socket.localPort);
});

test("a target that closes idle connections is told the client again on the next", async (t) => {
  const target = await startExpecting(t, {
    listener: (_request, response) => {
      response.setHeader("Connection", "close");
      response.end("!");
    },
  });
  const { port } = await startBefore(t, target.view(), { proxyProtocol: "v1" });
  const client = await askPlainly(t, port, 2);
  assert.deepEqual(
    target.beginnings.map((one) => one.ends?.source.port),
    [client.port, client.port],
  );
});

for (const version of ["v1", "v2"] as const)
  test(`a health check with proxyProtocol ${version} speaks for nobody`, async (t) => {
    const target = await startExpecting(t);
    await startBefore(t, target.view(), {
      proxyProtocol: version,
      health: {
        failures: 5,
        ejectMs: 30_000,
        maxEjectMs: 300_000,
        active: {
          path: "/",
          intervalMs: 100,
          timeoutMs: 2000,
          rise: 2,
          fall: 3,
        },
      },
    });
    await eventually(() => assert.ok(target.beginnings.length >= 2));
    for (const { ends, command } of target.beginnings) {
      assert.equal(ends, undefined);
      if (version === "v2") assert.equal(command, 0x20);
    }
  });

test("a change of proxyProtocol holds from the next request on, old connections unused", async (t) => {
  const target = await startExpecting(t);
  const view = target.view();
  const { plane, port } = await startBefore(t, view, { proxyProtocol: "v1" });
  const { client } = await askPlainly(t, port);
  plane.replace(
    snapshot(serviceView([view], { definition: { proxyProtocol: "v2" } })),
  );
  await plane.applied();
  client.send(REQUEST);
  await client.until((text) => text.split("!").length > 2);
  assert.deepEqual(
    target.beginnings.map(({ first }) => first),
    [0x50, 0x0d],
  );
});

test("connections for clients that have left make room in maxIdleUpstreams for others", async (t) => {
  const target = await startExpecting(t);
  const { plane, port } = await startBefore(
    t,
    target.view(),
    { proxyProtocol: "v1" },
    { limits: { maxIdleUpstreams: 2 } },
  );
  for (let count = 0; count < 4; count++)
    (await askPlainly(t, port)).client.close();
  await askPlainly(t, port, 3);
  const { upstreamOpened, upstreamReused } = (await plane.stats()).totals;
  assert.deepEqual([upstreamOpened, upstreamReused], [5, 2]);
});
