import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import { createServer } from "node:net";
import { test } from "node:test";
import { serviceView, startProxy, targetView } from "./proxy-harness.ts";
import { ask, http2Client, pair, secureProxy } from "./secure-harness.ts";

test("HTTP/2 requests pass to a target as HTTP/1.1 with what the proxy knows of them", async (t) => {
  const { port } = await secureProxy(t, (request, response) => {
    response.setHeader("Set-Cookie", ["a=1", "b=2"]);
    response.setHeader("Connection", "close, x-hop");
    response.setHeader("X-Hop", "1");
    response.end(
      JSON.stringify({ url: request.url, headers: request.headers }),
    );
  });
  const session = await http2Client(t, port);
  const reply = await ask(session, {
    ":path": "/page?x=1",
    cookie: ["a=1", "b=2"],
    "user-agent": "test",
  });
  assert.equal(reply.status, 200);
  assert.deepEqual(reply.headers["set-cookie"], ["a=1", "b=2"]);
  assert.equal(reply.headers["x-hop"], undefined);
  assert.equal(reply.headers.connection, undefined);
  const seen = JSON.parse(reply.body.toString()) as {
    readonly url: string;
    readonly headers: Record<string, string>;
  };
  assert.equal(seen.url, "/page?x=1");
  assert.equal(seen.headers["host"], `localhost:${port}`);
  assert.equal(seen.headers["x-forwarded-proto"], "https");
  assert.equal(seen.headers["x-forwarded-for"], "127.0.0.1");
  assert.equal(seen.headers["cookie"], "a=1; b=2", "RFC 9113 section 8.2.3");
});

test("HTTP/2 content reaches a target whole, with a length and without", async (t) => {
  const { port, plane } = await secureProxy(t, (request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => void pieces.push(piece));
    request.on("end", () => {
      response.setHeader("X-Length", request.headers["content-length"] ?? "");
      response.setHeader(
        "X-Coding",
        request.headers["transfer-encoding"] ?? "",
      );
      response.end(Buffer.concat(pieces));
    });
  });
  const session = await http2Client(t, port);
  const body = Buffer.alloc(3_000_000, "0123456789");
  const chunked = await ask(session, { ":method": "POST", ":path": "/" }, body);
  assert.equal(chunked.headers["x-coding"], "chunked");
  assert.ok(chunked.body.equals(body));
  const counted = await ask(
    session,
    { ":method": "POST", ":path": "/", "content-length": body.length },
    body,
  );
  assert.equal(counted.headers["x-length"], String(body.length));
  assert.ok(counted.body.equals(body));
  const { totals } = await plane.stats();
  assert.equal(totals.bytesFromClients, 2 * body.length);
  assert.equal(totals.statuses[200], 2);
});

test("HTTP/2 answers come from the cache, whole, in part and not at all", async (t) => {
  let asked = 0;
  const { port } = await secureProxy(
    t,
    (_request, response) => {
      asked += 1;
      response.setHeader("Cache-Control", "max-age=60");
      response.setHeader("ETag", '"e"');
      response.end("0123456789".repeat(20_000));
    },
    {
      definition: {
        cache: {
          enabled: true,
          defaultTtlMs: 120_000,
          heuristic: "last-modified",
          maxEntryBytes: 16_777_216,
        },
      },
    },
  );
  const session = await http2Client(t, port);
  const first = await ask(session, { ":path": "/" });
  assert.match(String(first.headers["cache-status"]), /fwd=/);
  const hit = await ask(session, { ":path": "/" });
  assert.match(String(hit.headers["cache-status"]), /hit/);
  assert.equal(hit.body.length, 200_000);
  assert.equal(hit.headers["content-length"], "200000");
  const part = await ask(session, { ":path": "/", range: "bytes=5-8" });
  assert.equal(part.status, 206);
  assert.equal(part.body.toString(), "5678");
  const same = await ask(session, { ":path": "/", "if-none-match": '"e"' });
  assert.equal(same.status, 304);
  assert.equal(same.body.length, 0);
  const head = await ask(session, { ":method": "HEAD", ":path": "/" });
  assert.equal(head.status, 200);
  assert.equal(head.headers["content-length"], "200000");
  assert.equal(head.body.length, 0);
  assert.equal(asked, 1);
});

test("HTTP/2 clients that ask at once for what is on its way share one answer", async (t) => {
  let asked = 0;
  const { port } = await secureProxy(
    t,
    (_request, response) => {
      asked += 1;
      response.setHeader("Cache-Control", "max-age=60");
      setTimeout(() => response.end("x".repeat(100_000)), 50);
    },
    {
      definition: {
        cache: {
          enabled: true,
          defaultTtlMs: 120_000,
          heuristic: "last-modified",
          maxEntryBytes: 16_777_216,
        },
      },
    },
  );
  const session = await http2Client(t, port);
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => ask(session, { ":path": "/" })),
  );
  for (const reply of replies) assert.equal(reply.body.length, 100_000);
  assert.equal(asked, 1);
});

test("HTTP/2 passes 103, HEAD, 204, an unknown length and trailers on", async (t) => {
  const { port } = await secureProxy(t, (request, response) => {
    if (request.url === "/none") response.writeHead(204).end();
    else if (request.url === "/hints") {
      response.writeEarlyHints({ link: "</a.css>; rel=preload" });
      response.end("late");
    } else {
      response.writeHead(200, {
        Trailer: "X-Sum",
        "Transfer-Encoding": "chunked",
      });
      response.write("one");
      response.addTrailers({ "X-Sum": "42" });
      response.end("two");
    }
  });
  const session = await http2Client(t, port);
  const none = await ask(session, { ":path": "/none" });
  assert.equal(none.status, 204);
  const chunked = await ask(session, { ":path": "/", te: "trailers" });
  assert.equal(chunked.body.toString(), "onetwo");
  assert.equal(chunked.headers["transfer-encoding"], undefined);
  assert.equal(chunked.trailers?.["x-sum"], "42");
  const unasked = await ask(session, { ":path": "/" });
  assert.equal(unasked.body.toString(), "onetwo");
  assert.equal(unasked.trailers, undefined);
  const head = await ask(session, { ":method": "HEAD", ":path": "/" });
  assert.equal(head.status, 200);
  const stream = session.request({ ":path": "/hints" });
  const [hints] = (await once(stream, "headers")) as [Record<string, unknown>];
  assert.equal(hints[":status"], 103);
  assert.equal(hints["link"], "</a.css>; rel=preload");
  stream.resume();
  await once(stream, "close");
});

test("an HTTP/2 answer that a target cuts ends in a reset, never as if whole", async (t) => {
  const { port } = await secureProxy(t, (_request, response) => {
    response.write("some");
    setTimeout(() => response.socket?.resetAndDestroy(), 30);
  });
  const session = await http2Client(t, port);
  const reply = await ask(session, { ":path": "/" });
  assert.equal(reply.status, 200);
  assert.equal(reply.resetCode, constants.NGHTTP2_INTERNAL_ERROR);
  const next = session.request({ ":path": "/" });
  await once(next, "response");
  next.close();
});

test("an HTTP/2 client that leaves releases the target at once", async (t) => {
  const asked = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const { port, plane } = await secureProxy(t, (_request, response) => {
    response.on("close", () => gone.resolve());
    asked.resolve();
  });
  const session = await http2Client(t, port);
  const hanging = session.request({ ":path": "/hang" });
  hanging.on("error", () => {});
  await asked.promise;
  hanging.close(constants.NGHTTP2_CANCEL);
  await gone.promise;
  while ((await plane.stats()).targets[0]?.inFlight !== 0);
  assert.equal((await plane.stats()).totals.statuses[0], 1);
});

test("an early HTTP/2 answer stops the upload without losing the answer", async (t) => {
  const { port } = await secureProxy(t, (_request, response) => {
    response.writeHead(403).end("no");
  });
  const session = await http2Client(t, port);
  const stream = session.request({ ":method": "POST", ":path": "/" });
  stream.on("error", () => {});
  stream.write(Buffer.alloc(1000));
  const [headers] = (await once(stream, "response")) as [
    Record<string, unknown>,
  ];
  assert.equal(headers[":status"], 403);
  let body = "";
  stream.on("data", (piece: Buffer) => {
    body += piece.toString();
  });
  await once(stream, "close");
  assert.equal(body, "no");
  assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
});

test("a slow HTTP/2 reader holds back the target, and other streams go on", async (t) => {
  const total = 64 * 1024 * 1024;
  let written = 0;
  const { port } = await secureProxy(t, (request, response) => {
    if (request.url === "/quick") {
      response.end("quick");
      return;
    }
    const piece = Buffer.alloc(64 * 1024);
    const more = () => {
      while (written < total) {
        written += piece.length;
        if (!response.write(piece)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const session = await http2Client(t, port);
  const slow = session.request({ ":path": "/slow" });
  await once(slow, "response");
  for (let i = 0; i < 20; i++) {
    const reply = await ask(session, { ":path": "/quick" });
    assert.equal(reply.body.toString(), "quick");
  }
  assert.ok(written < total / 2, `${written} bytes were written`);
  let read = 0;
  slow.on("data", (piece: Buffer) => {
    read += piece.length;
  });
  await once(slow, "end");
  assert.equal(read, total);
});

test("a slow target holds back an HTTP/2 upload", async (t) => {
  const resume = Promise.withResolvers<void>();
  const { port } = await secureProxy(t, (request, response) => {
    request.pause();
    void resume.promise.then(() => {
      let read = 0;
      request.on("data", (piece: Buffer) => {
        read += piece.length;
      });
      request.on("end", () => response.end(String(read)));
      request.resume();
    });
  });
  const session = await http2Client(t, port);
  const total = 32 * 1024 * 1024;
  const stream = session.request({
    ":method": "POST",
    ":path": "/",
    "content-length": total,
  });
  stream.on("error", () => {});
  stream.end(Buffer.alloc(total));
  let pending = -1;
  for (let still = 0; still < 20;) {
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
    const { outboundQueueSize } = session.state;
    still = outboundQueueSize === pending ? still + 1 : 0;
    pending = outboundQueueSize ?? 0;
  }
  assert.equal(stream.writableFinished, false);
  resume.resolve();
  let body = "";
  stream.on("data", (piece: Buffer) => {
    body += piece.toString();
  });
  await once(stream, "end");
  assert.equal(body, String(total));
});

test("DataPlane.close() lets HTTP/2 requests end and refuses new ones", async (t) => {
  const finish = Promise.withResolvers<void>();
  const { port, plane } = await secureProxy(t, (_request, response) => {
    response.write("a");
    void finish.promise.then(() => response.end("b"));
  });
  const session = await http2Client(t, port);
  const stream = session.request({ ":path": "/" });
  await once(stream, "response");
  const goaway = once(session, "goaway");
  const closed = plane.close({ signal: AbortSignal.timeout(10_000) });
  const [code] = (await goaway) as [number];
  assert.equal(code, constants.NGHTTP2_NO_ERROR);
  finish.resolve();
  let body = "";
  stream.on("data", (piece: Buffer) => {
    body += piece.toString();
  });
  await once(stream, "end");
  assert.equal(body, "ab");
  await closed;
});

test("whatever a target answers, HTTP/2 clients get what can be said, and the worker lives", async (t) => {
  const answers = [
    "200 OK\r\nX!#$%&'*+-.^_`|~: y\r\nContent-Length: 0",
    "200 OK\r\nX: \x80\xff\r\nContent-Length: 0",
    "200 OK\r\nX:\r\nContent-Length: 0",
    "200 OK\r\nTE: trailers\r\nHost: a\r\nContent-Length: 0",
    "200 OK\r\nETag: a\r\nETag: b\r\nAge: 1\r\nAge: 2\r\nContent-Length: 0",
    "200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Length: 0",
    "205 Reset\r\nContent-Length: 4\r\n\r\nabcd",
    "426 Upgrade\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 0",
    "599 Odd\r\nContent-Length: 0",
    "200\r\nContent-Length: 0",
    "102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0",
    "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\nX: z",
    "200 OK\r\nHTTP2-Settings: a\r\nProxy-Authenticate: b\r\nContent-Length: 0",
    "200 OK\r\nConnection: close\r\n\r\nuntil the end",
    `200 OK\r\n${"X: y\r\n".repeat(100)}Content-Length: 0`,
    `200 OK\r\nX: ${"y".repeat(30_000)}\r\nContent-Length: 0`,
  ];
  let next = 0;
  const target = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () =>
      socket.end(`HTTP/1.1 ${answers[next]}\r\n\r\n`, "latin1"),
    );
  });
  target.listen(0, "127.0.0.1");
  await once(target, "listening");
  t.after(() => target.close());
  const address = target.address();
  const targetPort =
    typeof address === "object" && address !== null ? address.port : 0;
  const { port, plane } = await startProxy(
    [
      serviceView([targetView(targetPort)], {
        definition: {
          health: {
            failures: 1000,
            ejectMs: 30_000,
            maxEjectMs: 300_000,
            active: undefined,
          },
        },
      }),
    ],
    {
      listen: [{ host: "127.0.0.1", port: 0, tls: true }],
      certificates: [pair("default")],
    },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const session = await http2Client(t, port);
  for (const answer of answers) {
    const reply = await ask(session, { ":path": "/", te: "trailers" });
    assert.ok(
      reply.status >= 200 || reply.resetCode !== 0,
      `${JSON.stringify(answer)}: ${reply.status} ${reply.resetCode}`,
    );
    next += 1;
  }
  const { workers } = await plane.stats();
  assert.equal(workers[0]?.requests, answers.length);
});

test("the access log names HTTP/2", async (t) => {
  const { port, plane } = await secureProxy(
    t,
    (_request, response) => {
      response.end("body");
    },
    { limits: { accessRecords: 10 } },
  );
  const session = await http2Client(t, port);
  await ask(session, { ":path": "/x", ":method": "PUT" }, "content");
  const seen = JSON.stringify(await plane.accessRecords());
  assert.match(seen, /2\.0/);
  assert.match(seen, /PUT/);
});
