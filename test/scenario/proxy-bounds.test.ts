/**
 * Each bound of a single request or connection, reached by HTTP/1.1 and by
 * HTTP/2, and what lies just within it.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ProxyLimits } from "../../src/proxy/index.ts";
import { RawClient } from "./proxy-harness.ts";
import { ask, http2Client, pair, secureProxy } from "./secure-harness.ts";

/** A proxy by both versions, with the requests its target has seen. */
async function proxy(t: TestContext, limits: Partial<ProxyLimits>) {
  const seen = { requests: 0 };
  const started = await secureProxy(
    t,
    (request, response) => {
      seen.requests += 1;
      request.resume();
      response.end("ok");
    },
    {
      listen: [
        { host: "127.0.0.1", port: 0 },
        { host: "127.0.0.1", port: 0, tls: true },
      ],
      certificates: [pair("default")],
      limits,
    },
  );
  const [plain, secure] = started.plane.addresses;
  return {
    seen,
    plane: started.plane,
    plain: plain?.port ?? 0,
    secure: secure?.port ?? 0,
  };
}

/** The status of one request by HTTP/1.1; 0 when there was no answer. */
async function byHttp1(
  t: TestContext,
  port: number,
  how: { readonly target?: string; readonly lines?: string },
): Promise<number> {
  const { target = "/", lines = "" } = how;
  const raw = new RawClient(port);
  t.after(() => raw.close());
  raw.send(
    `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines}\r\n`,
  );
  return Number((await raw.all()).slice(9, 12));
}

/** The same by HTTP/2; 0 when the stream was reset. */
async function byHttp2(
  t: TestContext,
  port: number,
  fields: Readonly<Record<string, string>>,
): Promise<number> {
  const session = await http2Client(t, port);
  const reply = await ask(session, {
    ":path": "/",
    ":authority": "a",
    ...fields,
  });
  return reply.resetCode === 0 ? reply.status : 0;
}

test("maxHeadBytes refuses a longer head with 431, by both versions", async (t) => {
  const { plain, secure, seen } = await proxy(t, { maxHeadBytes: 2048 });
  const within = "x".repeat(1500);
  const beyond = "x".repeat(2100);
  assert.equal(await byHttp1(t, plain, { lines: `A: ${within}\r\n` }), 200);
  assert.equal(await byHttp2(t, secure, { a: within }), 200);
  assert.equal(await byHttp1(t, plain, { lines: `A: ${beyond}\r\n` }), 431);
  assert.equal(await byHttp2(t, secure, { a: beyond }), 431);
  assert.equal(seen.requests, 2);
});

test("maxTargetBytes refuses a longer target with 414, by both versions", async (t) => {
  const { plain, secure, seen } = await proxy(t, { maxTargetBytes: 256 });
  const within = `/${"x".repeat(255)}`;
  const beyond = `${within}x`;
  assert.equal(await byHttp1(t, plain, { target: within }), 200);
  assert.equal(await byHttp2(t, secure, { ":path": within }), 200);
  assert.equal(await byHttp1(t, plain, { target: beyond }), 414);
  assert.equal(await byHttp2(t, secure, { ":path": beyond }), 414);
  assert.equal(seen.requests, 2);
});

test("maxFields refuses more of them, by both versions", async (t) => {
  const { plain, secure, seen } = await proxy(t, { maxFields: 16 });
  const fields = (count: number) =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`x-${index}`, "1"]),
    );
  const lines = (count: number) =>
    Object.keys(fields(count))
      .map((name) => `${name}: 1\r\n`)
      .join("");
  assert.equal(await byHttp1(t, plain, { lines: lines(14) }), 200);
  assert.equal(await byHttp1(t, plain, { lines: lines(15) }), 431);
  assert.equal(await byHttp2(t, secure, fields(15)), 200);
  assert.notEqual(await byHttp2(t, secure, fields(17)), 200);
  assert.notEqual(await byHttp2(t, secure, fields(200)), 200);
  assert.equal(seen.requests, 2);
});

test("maxRequestsPerConnection says so with the last answer, and serves none after it", async (t) => {
  const { plain, seen } = await proxy(t, { maxRequestsPerConnection: 3 });
  const raw = new RawClient(plain);
  t.after(() => raw.close());
  raw.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(5));
  const text = await raw.all();
  assert.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 3);
  assert.equal(text.match(/Connection: close/g)?.length, 1);
  assert.ok(text.indexOf("Connection: close") > text.lastIndexOf("HTTP/1.1"));
  assert.equal(seen.requests, 3);
});

test("idleTimeoutMs closes a connection that has sent nothing, and one that was served", async (t) => {
  const { plain } = await proxy(t, { idleTimeoutMs: 300 });
  const silent = new RawClient(plain);
  const served = new RawClient(plain);
  t.after(() => {
    silent.close();
    served.close();
  });
  served.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.equal(await silent.all(), "");
  assert.match(await served.all(), /^HTTP\/1\.1 200 [^]*ok/);
});

test("maxTrailerBytes and maxExtensionBytes refuse content in chunks that exceeds them", async (t) => {
  const { plain, seen, plane } = await proxy(t, {
    maxTrailerBytes: 64,
    maxExtensionBytes: 32,
  });
  const bodies = [
    `1\r\nx\r\n0\r\nA: ${"x".repeat(100)}\r\n\r\n`,
    `1;${"x".repeat(100)}\r\nx\r\n0\r\n\r\n`,
  ];
  for (const body of bodies) {
    const raw = new RawClient(plain);
    t.after(() => raw.close());
    raw.send(
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    );
    assert.match(await raw.all(), /^HTTP\/1\.1 4\d\d /);
  }
  const { clientFaults } = (await plane.stats()).totals;
  assert.equal(
    Object.values(clientFaults).reduce((sum, count) => sum + count, 0),
    2,
  );
  assert.ok(seen.requests <= 2);
});
