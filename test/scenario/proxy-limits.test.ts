/**
 * What a data plane refuses, over all its workers: connections by network, in
 * all and for each address, requests by their rate. Clients have addresses of
 * their own on the loopback network.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent } from "node:http";
import { connect, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { connect as connectTls } from "node:tls";
import { readOptions } from "../../src/base/index.ts";
import {
  type DataPlane,
  type DataPlaneOptions,
  PROXY_OPTIONS,
  type Refusal,
} from "../../src/proxy/index.ts";
import type { ServiceDefinition } from "../../src/registry/index.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { serviceView, startProxy, startTarget } from "./proxy-harness.ts";
import { ask, CA, http2Client, pair, secureProxy } from "./secure-harness.ts";

const ONE = "127.0.0.1";
const TWO = "127.0.0.2";
const HELD = "GET /held HTTP/1.1\r\nHost: a\r\n\r\n";

async function proxy(
  t: TestContext,
  options: Partial<DataPlaneOptions> & {
    readonly definition?: Partial<ServiceDefinition>;
  } = {},
) {
  const { definition = {}, ...plane } = options;
  const target = await startTarget((_request, response) => {
    response.end("ok");
  });
  t.after(target.close);
  const started = await startProxy(
    [serviceView([target.view()], { definition })],
    { workers: 3, ...plane },
  );
  t.after(() => started.plane.close({ signal: AbortSignal.abort() }));
  return started;
}

/** An open connection that has been served once. */
async function held(
  t: TestContext,
  port: number,
  localAddress = ONE,
): Promise<Socket> {
  const socket = open(t, port, localAddress);
  socket.write(HELD);
  const [answer] = (await once(socket, "data")) as [Buffer]; // what a socket reads
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
  return socket;
}

function open(t: TestContext, port: number, localAddress = ONE): Socket {
  const socket = connect({ host: ONE, port, localAddress });
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  return socket;
}

/** Resolves at the end of a connection, be it a reset. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}

/** Whether a connection is closed without an answer. */
async function isClosed(
  t: TestContext,
  port: number,
  localAddress = ONE,
): Promise<boolean> {
  const socket = open(t, port, localAddress);
  let seen = 0;
  socket.on("data", (chunk: Buffer) => {
    seen += chunk.length;
    socket.destroy();
  });
  socket.write(HELD);
  await closeOf(socket);
  return seen === 0;
}

async function refusals(plane: DataPlane, reason: Refusal): Promise<number> {
  return (await plane.stats()).totals.refusals[reason];
}

/** Statuses of requests from one address, each on a connection of its own. */
async function statuses(
  url: string,
  options: {
    readonly count: number;
    readonly localAddress?: string;
    readonly headers?: Readonly<Record<string, string>>;
  },
): Promise<readonly number[]> {
  const { localAddress = ONE, headers = {}, count } = options;
  const agent = new Agent({ localAddress });
  const answers = await Promise.all(
    Array.from({ length: count }, () => get(url, { agent, headers })),
  );
  return answers
    .map(({ status }) => status)
    .toSorted((one, other) => one - other);
}

test("a client of a denied network is closed before a byte is read, in all workers", async (t) => {
  const { plane, port } = await proxy(t, {
    access: { allow: [], deny: [`${TWO}/32`], exempt: [] },
  });
  for (let index = 0; index < 6; index += 1) {
    assert.equal(await isClosed(t, port, TWO), true);
    assert.equal(await isClosed(t, port, ONE), false);
  }
  assert.equal(await refusals(plane, "denied"), 6);
  assert.equal((await plane.stats()).totals.requests, 6);
});

test("a new denial closes the open connections of its network and no other", async (t) => {
  const { plane, port } = await proxy(t);
  const stays = await held(t, port, ONE);
  const goes = await Promise.all([held(t, port, TWO), held(t, port, TWO)]);
  const gone = goes.map(closeOf);
  plane.configure({ access: { allow: [], deny: [TWO], exempt: [] } });
  await Promise.all(gone);
  stays.write(HELD);
  await once(stays, "data");
  plane.configure({ access: { allow: [TWO], deny: [], exempt: [] } });
  await closeOf(stays);
  assert.equal(await isClosed(t, port, TWO), false);
  assert.equal(await isClosed(t, port, ONE), true);
});

test("maxConnections counts over all workers, and those in their handshake", async (t) => {
  const { plane, port } = await proxy(t, {
    listen: [
      { host: ONE, port: 0 },
      { host: ONE, port: 0, tls: true },
    ],
    certificates: [pair("default")],
    limits: { maxConnections: 4 },
  });
  const sockets = await Promise.all(
    Array.from({ length: 3 }, () => held(t, port)),
  );
  const handshake = open(t, plane.addresses[1]?.port ?? 0);
  await once(handshake, "connect");
  await eventually(async () =>
    assert.equal((await plane.stats()).totals.connectionsActive, 4),
  );
  assert.equal(await isClosed(t, port), true);
  assert.equal(await refusals(plane, "too-many-connections"), 1);
  handshake.resetAndDestroy();
  await eventually(async () => assert.equal(await isClosed(t, port), false));
  sockets[0]?.destroy();
  plane.configure({
    limits: readOptions(PROXY_OPTIONS, { maxConnections: 2 }),
  });
  await eventually(async () => assert.equal(await isClosed(t, port), true));
});

test("maxConnectionsPerAddress counts over all workers, for each address by itself", async (t) => {
  const { plane, port } = await proxy(t, {
    limits: { maxConnectionsPerAddress: 5 },
  });
  const sockets = await Promise.all(
    Array.from({ length: 5 }, () => held(t, port)),
  );
  assert.equal(await isClosed(t, port), true);
  assert.equal(await isClosed(t, port, TWO), false);
  assert.equal(await refusals(plane, "too-many-from-address"), 1);
  sockets[0]?.destroy();
  await eventually(async () => assert.equal(await isClosed(t, port), false));
});

test("a worker that dies gives back the connections it had", async (t) => {
  const { plane, port } = await proxy(t, {
    workers: 1,
    limits: { maxConnections: 3, maxConnectionsPerAddress: 3 },
  });
  const sockets = await Promise.all(
    Array.from({ length: 3 }, () => held(t, port)),
  );
  assert.equal(await isClosed(t, port), true);
  assert.ok(
    "workerThread" in plane && typeof plane.workerThread === "function",
  );
  const closed = sockets.map(closeOf);
  await plane.workerThread(1).terminate();
  await Promise.all(closed);
  const again = await eventually(() =>
    Promise.all(Array.from({ length: 3 }, () => held(t, port))),
  );
  assert.equal(again.length, 3);
  assert.equal(await isClosed(t, port), true);
});

test("connectionsPerSecond closes what comes too fast, whom it does not exempt", async (t) => {
  const { plane, port } = await proxy(t, {
    limits: { connectionsPerSecond: 1, connectionBurst: 4 },
    access: { allow: [], deny: [], exempt: [TWO] },
  });
  const closed = await Promise.all(
    Array.from({ length: 8 }, () => isClosed(t, port)),
  );
  assert.equal(closed.filter(Boolean).length, 4);
  assert.equal(await refusals(plane, "connecting-too-fast"), 4);
  const exempt = await Promise.all(
    Array.from({ length: 8 }, () => isClosed(t, port, TWO)),
  );
  assert.ok(!exempt.includes(true));
});

test("requestsPerSecond answers 429 with Retry-After, over all workers, and says why", async (t) => {
  const { plane, url } = await proxy(t, {
    limits: { requestsPerSecond: 1, requestBurst: 5 },
  });
  const seen = await statuses(url, { count: 12 });
  assert.deepEqual(seen.slice(0, 5), [200, 200, 200, 200, 200]);
  assert.ok(seen.slice(6).every((status) => status === 429));
  const refused = await get(url);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers["retry-after"], "1");
  assert.match(
    String(refused.headers["proxy-status"]),
    /error=http_request_denied; details="?asking-too-fast/,
  );
  assert.deepEqual(
    await statuses(url, { count: 2, localAddress: TWO }),
    [200, 200],
  );
  assert.ok((await refusals(plane, "asking-too-fast")) >= 7);
  plane.configure({ limits: readOptions(PROXY_OPTIONS) });
  await eventually(async () =>
    assert.deepEqual(await statuses(url, { count: 3 }), [200, 200, 200]),
  );
});

test("requestsPerSecond counts each stream of an HTTP/2 connection", async (t) => {
  const { plane, port } = await secureProxy(
    t,
    (_request, response) => response.end("ok"),
    { limits: { requestsPerSecond: 1, requestBurst: 4 } },
  );
  const session = await http2Client(t, port);
  const replies = await Promise.all(
    Array.from({ length: 10 }, () =>
      ask(session, { ":path": "/", ":authority": "a" }),
    ),
  );
  const refused = replies.filter(({ status }) => status === 429);
  assert.ok(refused.length >= 5);
  assert.equal(refused.length + 4 <= 10, true);
  assert.equal(refused[0]?.headers["retry-after"], "1");
  assert.equal(await refusals(plane, "asking-too-fast"), refused.length);
});

test("a redirect to HTTPS is a request too", async (t) => {
  const { url } = await proxy(t, {
    listen: [
      { host: ONE, port: 0, redirectPort: 0 },
      { host: ONE, port: 0, tls: true },
    ],
    certificates: [pair("default")],
    limits: { requestsPerSecond: 1, requestBurst: 2 },
  });
  const seen = await statuses(url, { count: 5 });
  assert.deepEqual(seen.slice(0, 2), [308, 308]);
  assert.equal(seen.at(-1), 429);
});

test("a service that does not admit an address answers it with 403", async (t) => {
  const { plane, url } = await proxy(t, {
    definition: { access: { allow: ["127.0.0.0/8"], deny: [TWO] } },
    limits: { accessRecords: 16 },
  });
  assert.deepEqual(await statuses(url, { count: 2 }), [200, 200]);
  assert.deepEqual(
    await statuses(url, { count: 2, localAddress: TWO }),
    [403, 403],
  );
  assert.equal(await refusals(plane, "service-denied"), 2);
  const { records } = await plane.accessRecords();
  const denied = records.filter(({ status }) => status === 403);
  assert.deepEqual(
    denied.map(({ client, service }) => [client, service]),
    [
      [TWO, "www"],
      [TWO, "www"],
    ],
  );
});

test("a service's rateLimit counts its own requests alone", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const { plane, url } = await startProxy(
    [
      serviceView([target.view({ service: "api" })], {
        name: "api",
        definition: {
          path: "/api/",
          rateLimit: { requestsPerSecond: 1, burst: 2 },
        },
      }),
      serviceView([target.view()]),
    ],
    { workers: 2 },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const seen = await statuses(`${url}/api/x`, { count: 5 });
  assert.deepEqual(seen.slice(0, 2), [200, 200]);
  assert.equal(seen.at(-1), 429);
  assert.deepEqual(await statuses(url, { count: 4 }), [200, 200, 200, 200]);
  assert.ok((await refusals(plane, "service-asking-too-fast")) >= 2);
});

/** A connection through a balancer that names its client; perhaps TLS inside. */
async function introduced(
  t: TestContext,
  port: number,
  how: { readonly client: string; readonly secure: boolean },
): Promise<{ readonly socket: Socket; readonly answer: Promise<string> }> {
  const raw = open(t, port);
  raw.write(`PROXY TCP4 ${how.client} 127.0.0.1 1234 80\r\n`);
  const socket = how.secure
    ? connectTls({ socket: raw, ca: CA, servername: "localhost" })
    : raw;
  socket.on("error", () => {});
  const answer = new Promise<string>((resolve) => {
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (text.endsWith("ok")) resolve(text);
    });
    raw.on("close", () => resolve(text));
  });
  socket.write(HELD);
  return { socket, answer };
}

for (const secure of [false, true])
  test(`behind a balancer that speaks the PROXY protocol limits hold for whom it names (${secure ? "TLS" : "HTTP"})`, async (t) => {
    const { plane, port } = await proxy(t, {
      listen: [{ host: ONE, port: 0, tls: secure, proxyProtocol: true }],
      certificates: [pair("default")],
      proxyPeers: [ONE],
      access: { allow: [], deny: ["192.0.2.9"], exempt: [] },
      limits: { maxConnections: 4, maxConnectionsPerAddress: 2 },
    });
    const ask = (client: string) => introduced(t, port, { client, secure });
    // More than there may be in all: none of them may go on being counted.
    for (let index = 0; index < 6; index += 1)
      assert.equal(await (await ask("192.0.2.9")).answer, "");
    assert.equal(await refusals(plane, "denied"), 6);
    const one = await ask("192.0.2.1");
    assert.match(await one.answer, /^HTTP\/1\.1 200 /);
    assert.match(await (await ask("192.0.2.1")).answer, /^HTTP\/1\.1 200 /);
    assert.equal(await (await ask("192.0.2.1")).answer, "");
    assert.equal(await refusals(plane, "too-many-from-address"), 1);
    for (const client of ["192.0.2.2", "192.0.2.3"])
      assert.match(await (await ask(client)).answer, /^HTTP\/1\.1 200 /);
    assert.equal(await (await ask("192.0.2.4")).answer, "");
    assert.equal(await refusals(plane, "too-many-connections"), 1);
    one.socket.destroy();
    await eventually(async () =>
      assert.match(await (await ask("192.0.2.1")).answer, /^HTTP\/1\.1 200 /),
    );
  });

test("behind a trusted proxy limits hold for the client that it names, an IPv6 one by its /64", async (t) => {
  const { plane, url } = await proxy(t, {
    trusted: [ONE],
    access: { allow: [], deny: ["192.0.2.9"], exempt: ["198.51.100.0/24"] },
    limits: {
      requestsPerSecond: 1,
      requestBurst: 2,
      maxConnectionsPerAddress: 1,
      accessRecords: 100,
    },
  });
  const from = (client: string, count = 3) =>
    statuses(url, { count, headers: { "X-Forwarded-For": client } });
  assert.deepEqual(await from("192.0.2.1"), [200, 200, 429]);
  assert.deepEqual(await from("192.0.2.2"), [200, 200, 429]);
  assert.deepEqual(await from("2001:db8::1", 2), [200, 200]);
  assert.deepEqual(await from("2001:db8::2", 1), [429]);
  assert.deepEqual(await from("2001:db8:0:1::1", 1), [200]);
  assert.deepEqual(
    await from("198.51.100.7", 6),
    [200, 200, 200, 200, 200, 200],
  );
  assert.deepEqual(await from("192.0.2.9", 2), [403, 403]);
  assert.equal(await refusals(plane, "client-denied"), 2);
  const { records } = await plane.accessRecords();
  const refused = records.filter(({ status }) => status === 429);
  assert.deepEqual(refused.map(({ client }) => client).toSorted(), [
    "192.0.2.1",
    "192.0.2.2",
    "2001:db8::2",
  ]);
});
