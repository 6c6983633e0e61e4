import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { localProxyHeader, proxyHeader } from "../../src/http/index.ts";
import type { DataPlaneOptions } from "../../src/proxy/index.ts";
import { runCommand, startCommand } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";
import { ask, http2Client, pair, tlsClient } from "./secure-harness.ts";

const ENDS = {
  source: { address: "192.0.2.7", port: 56_324 },
  destination: { address: "198.51.100.1", port: 443 },
};
const HEADERS = [
  ["version 1", proxyHeader("v1", ENDS)],
  ["version 2", proxyHeader("v2", ENDS)],
] as const;
const REQUEST = "GET / HTTP/1.1\r\nHost: www.example\r\n\r\n";

/** A target that answers with the addresses it was told. */
async function startEcho(t: TestContext) {
  const target = await startTarget((request, response) => {
    response.end(
      `for=${request.headersDistinct["x-forwarded-for"]?.join(", ") ?? ""};`,
    );
  });
  t.after(target.close);
  return target;
}

async function startListening(
  t: TestContext,
  options: Partial<DataPlaneOptions> & { readonly tls?: boolean } = {},
) {
  const { tls = false, ...plane } = options;
  const target = await startEcho(t);
  const proxy = await startProxy([serviceView([target.view()])], {
    listen: [{ host: "127.0.0.1", port: 0, tls, proxyProtocol: true }],
    ...(tls ? { certificates: [pair("default")] } : {}),
    proxyPeers: ["127.0.0.0/8"],
    ...plane,
  });
  t.after(() => proxy.plane.close({ signal: AbortSignal.abort() }));
  return proxy;
}

async function faultsOf({ plane }: Awaited<ReturnType<typeof startListening>>) {
  return (await plane.stats()).totals.clientFaults;
}

function rawClient(t: TestContext, port: number): RawClient {
  const client = new RawClient(port);
  t.after(() => client.close());
  return client;
}

for (const [name, header] of HEADERS)
  test(`a listener takes the client's address from a header of ${name}, however it is cut`, async (t) => {
    const { port } = await startListening(t);
    const whole = Buffer.concat([header, Buffer.from(REQUEST)]);
    for (const cut of [
      0,
      1,
      12,
      header.length - 1,
      header.length,
      header.length + 5,
    ]) {
      const client = rawClient(t, port);
      client.socket.setNoDelay(true);
      client.send(whole.subarray(0, cut));
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
      client.send(whole.subarray(cut));
      assert.match(
        await client.until((text) => text.includes(";")),
        /for=192\.0\.2\.7;/,
      );
      client.close();
    }
  });

test("a listener tells the connection's own address after LOCAL and UNKNOWN", async (t) => {
  const { port } = await startListening(t);
  for (const version of ["v1", "v2"] as const) {
    const client = rawClient(t, port).send(localProxyHeader(version));
    client.send(REQUEST);
    assert.match(
      await client.until((text) => text.includes(";")),
      /for=127\.0\.0\.1;/,
    );
  }
});

test("a listener closes, without an answer, what begins with no header or a bad one", async (t) => {
  const proxy = await startListening(t);
  for (const bytes of [
    REQUEST,
    "PROXY TCP4 192.0.2.7 198.51.100.1 056324 443\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 1 443\n\n",
    "x",
  ])
    assert.equal(await rawClient(t, proxy.port).send(bytes).all(), "");
  assert.equal((await faultsOf(proxy))["proxy-header"], 4);
});

test("a listener closes who is not among those it believes, header or not", async (t) => {
  const proxy = await startListening(t, { proxyPeers: ["10.0.0.0/8"] });
  for (const bytes of [proxyHeader("v1", ENDS), REQUEST])
    assert.equal(await rawClient(t, proxy.port).send(bytes).all(), "");
  assert.equal((await faultsOf(proxy))["proxy-peer"], 2);
});

test("a listener closes who does not finish the header in headTimeoutMs", async (t) => {
  const proxy = await startListening(t, { limits: { headTimeoutMs: 300 } });
  const silent = rawClient(t, proxy.port);
  const slow = rawClient(t, proxy.port).send("PROXY TCP4 192");
  assert.deepEqual([await silent.all(), await slow.all()], ["", ""]);
  assert.equal((await faultsOf(proxy))["proxy-header-timeout"], 2);
  await eventually(async () => {
    const { connectionsActive } = (await proxy.plane.stats()).totals;
    assert.equal(connectionsActive, 0);
  });
});

test("a listener lets a drain end that finds a connection before its header", async (t) => {
  const proxy = await startListening(t);
  const client = rawClient(t, proxy.port).send("PROXY ");
  await eventually(async () => {
    assert.equal((await proxy.plane.stats()).totals.connectionsActive, 1);
  });
  await proxy.plane.close({ signal: AbortSignal.timeout(10_000) });
  assert.equal(await client.all(), "");
});

test("a listener believes X-Forwarded-For by the address in the header, not by the balancer's", async (t) => {
  const forwarded =
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n";
  const cases = [
    [["127.0.0.0/8"], /for=192\.0\.2\.7;/],
    [["192.0.2.0/24"], /for=203\.0\.113\.9, 192\.0\.2\.7;/],
  ] as const;
  for (const [trusted, expected] of cases) {
    const { port } = await startListening(t, { trusted });
    const client = rawClient(t, port).send(proxyHeader("v2", ENDS));
    client.send(forwarded);
    assert.match(await client.until((text) => text.includes(";")), expected);
  }
});

/** A header that names a client. */
function headerFor(address: string): Buffer {
  const source = { address, port: 1 };
  return proxyHeader("v2", { ...ENDS, source });
}

test("a listener holds the address in the header to the limits of an address, not the balancer's", async (t) => {
  const { plane, port } = await startListening(t, {
    limits: { maxConnectionsPerAddress: 1 },
    access: { allow: [], deny: ["192.0.2.66"], exempt: [] },
  });
  const ask = (address: string) =>
    rawClient(t, port).send(headerFor(address)).send(REQUEST);
  const first = ask("192.0.2.1");
  await first.until((text) => text.includes(";"));
  assert.equal(await ask("192.0.2.1").all(), "");
  assert.equal(await ask("192.0.2.66").all(), "");
  await ask("192.0.2.2").until((text) => text.includes(";"));
  first.close();
  await eventually(async () => {
    const { connectionsActive } = (await plane.stats()).totals;
    assert.equal(connectionsActive, 1);
  });
  await ask("192.0.2.1").until((text) => text.includes(";"));
});

test("a listener with TLS holds the address in the header to the limits of an address", async (t) => {
  const { plane, port } = await startListening(t, {
    tls: true,
    limits: { maxConnectionsPerAddress: 1 },
  });
  const balancer = (address: string) =>
    startBalancer(t, port, { header: headerFor(address), cut: 3 });
  const one = await balancer("192.0.2.1");
  const first = await tlsClient(t, one);
  await assert.rejects(tlsClient(t, one));
  await tlsClient(t, await balancer("192.0.2.2"));
  first.destroy();
  await eventually(async () => {
    const { connectionsActive } = (await plane.stats()).totals;
    assert.equal(connectionsActive, 1);
  });
  await tlsClient(t, one);
});

test("a listener without the protocol takes a header for a bad request", async (t) => {
  const target = await startEcho(t);
  const proxy = await startProxy([serviceView([target.view()])]);
  t.after(() => proxy.plane.close({ signal: AbortSignal.abort() }));
  const client = rawClient(t, proxy.port).send(proxyHeader("v1", ENDS));
  client.send(REQUEST);
  assert.match(await client.all(), /^HTTP\/1\.1 400 /);
});

/**
 * A load balancer that passes bytes on: the header up to `cut` by itself, then
 * the rest of it together with the first bytes of the client, so with its
 * ClientHello.
 */
async function startBalancer(
  t: TestContext,
  port: number,
  { header, cut }: { readonly header: Buffer; readonly cut: number },
): Promise<number> {
  const server = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port, noDelay: true });
    for (const socket of [client, upstream]) {
      socket.on("error", () => {});
      t.after(() => socket.destroy());
    }
    upstream.write(header.subarray(0, cut));
    client.once("data", (first: Buffer) => {
      upstream.write(Buffer.concat([header.subarray(cut), first]));
      client.pipe(upstream);
    });
    upstream.pipe(client);
  });
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

for (const [name, header] of HEADERS)
  test(`a listener with TLS reads a header of ${name} before the handshake, over HTTP/1.1 and HTTP/2`, async (t) => {
    const { port } = await startListening(t, { tls: true });
    for (const cut of [0, 1, 13, header.length]) {
      const balancer = await startBalancer(t, port, { header, cut });
      const socket = await tlsClient(t, balancer);
      socket.write(REQUEST);
      const [text] = (await once(socket.setEncoding("latin1"), "data")) as [
        string,
      ];
      assert.match(text, /for=192\.0\.2\.7;/);
      const session = await http2Client(t, balancer);
      const reply = await ask(session, { ":path": "/" });
      assert.equal(reply.body.toString(), "for=192.0.2.7;");
    }
  });

test("a listener with TLS closes what begins with a ClientHello", async (t) => {
  const proxy = await startListening(t, { tls: true });
  const bytes = Buffer.from("160301020001", "hex");
  assert.equal(await rawClient(t, proxy.port).send(bytes).all(), "");
  assert.equal((await faultsOf(proxy))["proxy-header"], 1);
});

test("a listener with TLS closes who does not finish the header in headTimeoutMs", async (t) => {
  const limits = { headTimeoutMs: 300 };
  const proxy = await startListening(t, { tls: true, limits });
  assert.equal(await rawClient(t, proxy.port).send("PROXY ").all(), "");
  assert.equal((await faultsOf(proxy))["proxy-header-timeout"], 1);
});

test("zoogate proxy expects the protocol where it is told to, and takes who is believed anew on SIGHUP", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-proxy-protocol-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const target = await startEcho(t);
  const expecting = await freePort();
  const file = join(folder, "zoogate.yaml");
  const put = (from: string, listen = `127.0.0.1:${expecting}`) =>
    writeFile(
      file,
      `zookeeper: none
listen: [127.0.0.1:${expecting}, 127.0.0.1:0]
admin: 127.0.0.1:0
data: ${folder}
workers: 1
proxyProtocol: {from: ["${from}"], listen: ["${listen}"]}
accessLog: {file: ${join(folder, "access.log")}}
services:
  www: {targets: ["http://127.0.0.1:${target.port}"]}
`,
    );
  await put("127.0.0.1", "127.0.0.1:1");
  const refused = await runCommand([
    "proxy",
    "--config",
    file,
    "--check-config",
  ]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /nothing listens on 127\.0\.0\.1:1/);

  await put("127.0.0.1");
  await using command = await startCommand(["proxy", "--config", file]);
  const ports = [
    ...(command.readyLines[0] ?? "").matchAll(/http:\/\/[^:]+:(\d+)/gu),
  ];
  const told = rawClient(t, expecting).send(HEADERS[0][1]).send(REQUEST);
  assert.match(
    await told.until((text) => text.includes(";")),
    /for=192\.0\.2\.7;/,
  );
  const untold = rawClient(t, Number(ports[1]?.[1])).send(REQUEST);
  assert.match(
    await untold.until((text) => text.includes(";")),
    /for=127\.0\.0\.1;/,
  );

  await put("10.0.0.0/8");
  command.child.kill("SIGHUP");
  await command.until(
    () => command.stderr.includes("applied proxyProtocol.from"),
    "the new settings",
  );
  assert.equal(await rawClient(t, expecting).send(HEADERS[0][1]).all(), "");
  await command.stop();
  const log = await readFile(join(folder, "access.log"), "utf8");
  assert.deepEqual(
    log
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { client: string }).client),
    ["192.0.2.7", "127.0.0.1"],
  );
});
