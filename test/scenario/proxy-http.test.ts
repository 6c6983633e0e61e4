import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import type { DataPlaneOptions } from "../../src/proxy/index.ts";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
  targetView,
} from "./proxy-harness.ts";

/** A proxy before one `node:http` target, both closed at the end. */
async function proxyFor(
  t: TestContext,
  listener: RequestListener,
  options: Partial<DataPlaneOptions> = {},
) {
  const target = await startTarget(listener);
  t.after(target.close);
  const proxy = await startProxy([serviceView([target.view()])], options);
  t.after(() => proxy.plane.close({ signal: AbortSignal.abort() }));
  return { ...proxy, target };
}

/** A proxy before a target that speaks bytes. */
async function proxyForRaw(
  t: TestContext,
  onConnection: (socket: Socket) => void,
) {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port =
    typeof address === "object" && address !== null ? address.port : 0;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const proxy = await startProxy([serviceView([targetView(port)])]);
  t.after(() => proxy.plane.close({ signal: AbortSignal.abort() }));
  return proxy;
}

function client(t: TestContext, port: number): RawClient {
  const raw = new RawClient(port);
  t.after(() => raw.close());
  return raw;
}

test("startDataPlane() refuses malformed heads with the fault's status and closes", async (t) => {
  const { port, plane } = await proxyFor(t, (_request, response) =>
    response.end(),
  );
  const cases: readonly (readonly [string, number])[] = [
    ["GET / HTTP/1.1\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
    ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400],
    ["GET / HTTP/1.1\nHost: a\n\n", 400],
    [
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
    [`GET /${"x".repeat(9000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
    [`GET / HTTP/1.1\r\nHost: a\r\nX: ${"x".repeat(40_000)}\r\n\r\n`, 431],
    ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505],
    [
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      501,
    ],
  ];
  for (const [head, status] of cases) {
    const raw = client(t, port).send(head);
    const text = await raw.all();
    assert.match(text, new RegExp(`^HTTP/1.1 ${status} `), head);
    assert.match(text, /Connection: close/);
  }
  const { totals, targets } = await plane.stats();
  assert.equal(targets[0]?.answered, 0);
  assert.equal(totals.clientFaults["missing-host"], 1);
});

test("startDataPlane() reads a head that comes byte by byte", async (t) => {
  const { port } = await proxyFor(t, (request, response) =>
    response.end(request.url),
  );
  const raw = client(t, port);
  for (const byte of "GET /slowly HTTP/1.1\r\nHost: a\r\n\r\n") {
    raw.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.match(await raw.until((text) => text.endsWith("/slowly")), /200 OK/);
});

test("startDataPlane() gives up on a head that does not end", async (t) => {
  const { port } = await proxyFor(t, (_request, response) => response.end(), {
    limits: { headTimeoutMs: 300 },
  });
  const raw = client(t, port).send("GET / HTTP/1.1\r\nHost:");
  assert.match(await raw.all(), /^HTTP\/1\.1 408 /);
});

test("startDataPlane() passes HEAD, 204 and 304 without content", async (t) => {
  const { port } = await proxyFor(t, (request, response) => {
    if (request.url === "/none") response.writeHead(204);
    else if (request.url === "/same")
      response.writeHead(304, { ETag: '"x"', "Content-Length": "77" });
    else response.writeHead(200, { "Content-Length": "5" });
    response.end(request.method === "HEAD" ? undefined : "");
  });
  const raw = client(t, port);
  raw.send(
    "HEAD /head HTTP/1.1\r\nHost: a\r\n\r\nGET /none HTTP/1.1\r\nHost: a\r\n\r\nGET /same HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  const answers = (await raw.all()).split("\r\n\r\n");
  assert.equal(answers.length, 4);
  assert.match(answers[0] ?? "", /^HTTP\/1\.1 200 [^]*Content-Length: 5/);
  assert.match(answers[1] ?? "", /^HTTP\/1\.1 204 /);
  assert.match(answers[2] ?? "", /^HTTP\/1\.1 304 /);
  assert.equal(answers[3], "");
});

test("startDataPlane() gives an HTTP/1.0 client chunked content without its framing", async (t) => {
  const { port } = await proxyFor(t, (_request, response) => {
    response.write("one ");
    response.end("two");
  });
  const raw = client(t, port).send("GET / HTTP/1.0\r\n\r\n");
  const text = await raw.all();
  assert.match(text, /\r\n\r\none two$/);
  assert.doesNotMatch(text, /Transfer-Encoding/i);
  assert.match(text, /Connection: close/);
});

test("startDataPlane() keeps an HTTP/1.0 connection only when asked to", async (t) => {
  const { port } = await proxyFor(t, (_request, response) => {
    response.setHeader("Content-Length", "2");
    response.end("ok");
  });
  const raw = client(t, port).send(
    "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  );
  await raw.until((text) => text.endsWith("ok"));
  assert.match(raw.text, /Connection: keep-alive/);
  raw.send("GET / HTTP/1.0\r\n\r\n");
  assert.equal((await raw.all()).match(/200 OK/g)?.length, 2);
});

test("startDataPlane() frames content that ends with its connection", async (t) => {
  const { port } = await proxyForRaw(t, (socket) => {
    socket.once("data", () => socket.end("HTTP/1.0 200 OK\r\n\r\nall of it"));
  });
  const raw = client(t, port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const text = await raw.until((all) => all.endsWith("0\r\n\r\n"));
  assert.match(text, /Transfer-Encoding: chunked/);
  assert.match(text, /9\r\nall of it\r\n0\r\n\r\n$/);
});

test("startDataPlane() passes chunks and trailers on as they came", async (t) => {
  const { port } = await proxyForRaw(t, (socket) => {
    socket.on("data", () =>
      socket.write(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n",
      ),
    );
  });
  const raw = client(t, port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const text = await raw.until((all) => all.includes("X-Sum"));
  assert.match(text, /3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n$/);
});

test("startDataPlane() frames the chunks of a request anew", async (t) => {
  const { port } = await proxyFor(t, (request, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () =>
      response.end(`${request.headers["transfer-encoding"]} ${body}`),
    );
  });
  const raw = client(t, port).send(
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
  );
  assert.match(await raw.all(), /chunked abcde/);
});

test("startDataPlane() passes 100 and 103 to who may have them", async (t) => {
  const { port, target } = await proxyFor(t, (request, response) => {
    response.writeEarlyHints({ link: "</a.css>; rel=preload" });
    request.resume();
    request.on("end", () => response.end("done"));
  });
  target.server.on("checkContinue", (request, response) => {
    response.writeContinue();
    request.resume();
    request.on("end", () => response.end("continued"));
  });
  const waits = client(t, port).send(
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
  );
  await waits.until((text) => text.startsWith("HTTP/1.1 100 "));
  waits.send("ok");
  await waits.until((text) => text.includes("continued"));
  const hinted = client(t, port).send(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  assert.match(await hinted.all(), /^HTTP\/1\.1 103 [^]*200 OK[^]*done/);
  const old = client(t, port).send("GET / HTTP/1.0\r\n\r\n");
  assert.doesNotMatch(await old.all(), / 103 /);
});

test("startDataPlane() removes hop-by-hop fields both ways and those Connection names", async (t) => {
  let seen: readonly string[] = [];
  const { port } = await proxyFor(t, (request, response) => {
    seen = request.rawHeaders.map((text) => text.toLowerCase());
    response.setHeader("Connection", "X-Private");
    response.setHeader("X-Private", "1");
    response.setHeader("X-Public", "1");
    response.setHeader("Zoogate-Release", "r1");
    response.end("ok");
  });
  const raw = client(t, port).send(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Mine\r\nX-Mine: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authorization: x\r\nTE: trailers\r\nX-Other: 1\r\nForwarded: for=6.6.6.6\r\n\r\n",
  );
  const text = await raw.all();
  for (const name of [
    "x-mine",
    "keep-alive",
    "proxy-authorization",
    "te",
    "forwarded",
  ])
    assert.equal(seen.includes(name), false, name);
  assert.equal(seen.includes("x-other"), true);
  assert.doesNotMatch(text, /X-Private|Zoogate-Release/i);
  assert.match(text, /X-Public: 1/);
});

test("startDataPlane() believes X-Forwarded-* from trusted addresses alone", async (t) => {
  const { port } = await proxyFor(
    t,
    (request, response) =>
      response.end(
        `${String(request.headers["x-forwarded-for"])} ${String(request.headers["x-forwarded-proto"])}`,
      ),
    { trusted: ["127.0.0.0/8"] },
  );
  const raw = client(t, port).send(
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n",
  );
  assert.match(await raw.all(), /9\.9\.9\.9, 127\.0\.0\.1 https/);
});

test("startDataPlane() answers CONNECT, TRACE, OPTIONS * and Max-Forwards itself", async (t) => {
  let asked = 0;
  const { port } = await proxyFor(t, (request, response) => {
    asked += 1;
    response.end(`mf=${String(request.headers["max-forwards"])}`);
  });
  const ask = async (head: string) =>
    (
      await client(t, port).send(`${head}Connection: close\r\n\r\n`).all()
    ).slice(9, 12);
  assert.equal(await ask("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n"), "501");
  assert.equal(await ask("TRACE / HTTP/1.1\r\nHost: a\r\n"), "405");
  assert.equal(await ask("OPTIONS * HTTP/1.1\r\nHost: a\r\n"), "204");
  assert.equal(
    await ask("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n"),
    "204",
  );
  assert.equal(asked, 0);
  const raw = client(t, port).send(
    "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\nConnection: close\r\n\r\n",
  );
  assert.match(await raw.all(), /mf=2/);
});

test("startDataPlane() takes an absolute target for the host and path it names", async (t) => {
  const { port } = await proxyFor(t, (request, response) =>
    response.end(`${String(request.headers.host)} ${request.url}`),
  );
  const raw = client(t, port).send(
    "GET http://example.com/a?b HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n",
  );
  assert.match(await raw.all(), /example\.com \/a\?b$/);
});

test("startDataPlane() makes an upgraded connection a tunnel with half-close", async (t) => {
  const { port, plane } = await proxyForRaw(t, (socket) => {
    socket.once("data", (head) => {
      assert.match(head.toString(), /Connection: Upgrade\r\nUpgrade: echo/);
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello ",
      );
      socket.on("data", (chunk) => socket.write(chunk));
      socket.on("end", () => socket.end("bye"));
    });
  });
  const raw = client(t, port).send(
    "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nfirst ",
  );
  await raw.until((text) => text.endsWith("hello first "));
  raw.send("second ");
  await raw.until((text) => text.endsWith("second "));
  raw.socket.end();
  assert.match(await raw.all(), /^HTTP\/1\.1 101 [^]*hello first second bye$/);
  raw.close();
  for (;;) {
    const { targets, totals } = await plane.stats();
    if (targets[0]?.inFlight !== 0) continue;
    assert.equal(totals.upgrades, 1);
    break;
  }
});

test("startDataPlane() passes an early answer on while content is still coming", async (t) => {
  const { port, plane } = await proxyForRaw(t, (socket) => {
    socket.once("data", () => {
      socket.write(
        "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!",
      );
    });
  });
  const raw = client(t, port).send(
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome",
  );
  const text = await raw.until((all) => all.endsWith("no!"));
  assert.match(text, /^HTTP\/1\.1 413 [^]*Connection: close/);
  const { targets } = await plane.stats();
  assert.equal(targets[0]?.inFlight, 0);
});

test("startDataPlane() cuts the client when the target cuts after its head", async (t) => {
  const { port } = await proxyForRaw(t, (socket) => {
    socket.once("data", (head) => {
      const chunked = head.includes("/chunked");
      socket.write(
        chunked
          ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
          : "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nabc",
      );
      setImmediate(() => socket.destroy());
    });
  });
  for (const path of ["/chunked", "/length"]) {
    const raw = client(t, port).send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const text = await raw.all();
    assert.equal(text.includes("0\r\n\r\n"), false);
    assert.equal(text.includes("502"), false);
  }
});

test("startDataPlane() answers 502 when a target speaks no HTTP", async (t) => {
  const { port } = await proxyForRaw(t, (socket) => {
    socket.once("data", () => socket.end("SSH-2.0-nonsense\r\n\r\n"));
  });
  const raw = client(t, port).send(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
  );
  assert.match(
    await raw.all(),
    /^HTTP\/1\.1 502 [^]*Proxy-Status: zoogate; error=http_protocol_error/,
  );
});

test("startDataPlane() refuses content beyond its limit", async (t) => {
  const { port } = await proxyFor(
    t,
    (request, response) => {
      request.resume();
      request.on("end", () => response.end("ok"));
    },
    { limits: { maxBodyBytes: 10 } },
  );
  const named = client(t, port).send(
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n01234567890",
  );
  assert.match(await named.all(), /^HTTP\/1\.1 413 /);
  const chunked = client(t, port).send(
    "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
  );
  assert.match(await chunked.all(), /^HTTP\/1\.1 413 /);
});

test("startDataPlane() closes a connection beyond the limit", async (t) => {
  const { port } = await proxyFor(t, (_request, response) => response.end(), {
    limits: { maxConnections: 1 },
  });
  const first = client(t, port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await first.until((text) => text.includes("200 OK"));
  const second = client(t, port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(await second.all(), "");
});
