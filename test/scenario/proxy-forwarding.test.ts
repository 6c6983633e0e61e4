import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { get, getMany } from "../support/http-client.ts";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

test("startDataPlane() passes a request and its answer through", async (t) => {
  const target = await startTarget((request, response) => {
    response.setHeader("X-Seen", JSON.stringify(request.headers));
    response.setHeader("X-Target", `${request.method} ${request.url}`);
    response.end("hello");
  });
  t.after(target.close);
  const { plane, url } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const answer = await get(`${url}/a/b?c=1`, {
    headers: { host: "example.test", "x-forwarded-for": "6.6.6.6" },
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), "hello");
  assert.equal(answer.headers["x-target"], "GET /a/b?c=1");
  assert.equal(answer.headers.via, "1.1 zoogate");
  assert.match(String(answer.headers["cache-status"]), /^zoogate; fwd=bypass/);
  const seen = JSON.parse(String(answer.headers["x-seen"]));
  assert.equal(seen.host, "example.test");
  assert.equal(seen["x-forwarded-for"], "127.0.0.1");
  assert.equal(seen["x-forwarded-proto"], "http");
  assert.equal(seen["x-forwarded-host"], "example.test");
  assert.equal(seen.via, "1.1 zoogate");
});

test("startDataPlane() splits requests evenly over targets and workers", async (t) => {
  const served = new Map<string, number>();
  const targets = await Promise.all(
    ["a", "b"].map((name) =>
      startTarget((_request, response) => {
        served.set(name, (served.get(name) ?? 0) + 1);
        response.end(name);
      }),
    ),
  );
  for (const target of targets) t.after(target.close);
  const { plane, url } = await startProxy(
    [serviceView(targets.map((target) => target.view()))],
    { workers: 2 },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  await getMany({
    count: 1000,
    connections: 8,
    url: (index) => `${url}/${index}`,
  });
  const [a = 0, b = 0] = served.values();
  assert.equal(a + b, 1000);
  assert.ok(Math.abs(a - b) <= 10, `${a} and ${b}`);
  const counted = [...plane.countTotals()].map(({ answered }) => answered);
  assert.deepEqual(
    counted.toSorted((x, y) => x - y),
    [a, b].toSorted((x, y) => x - y),
  );
});

test("startDataPlane() tries the next target when one refuses or cuts", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  const cutter = await startTarget((request) => request.socket.destroy());
  const gone = await startTarget(() => {});
  gone.close();
  t.after(target.close);
  t.after(cutter.close);
  const { plane, url } = await startProxy([
    serviceView([gone.view(), cutter.view(), target.view()]),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const answers = await getMany({
    count: 20,
    connections: 2,
    url: (index) => `${url}/${index}`,
  });
  for (const answer of answers) assert.equal(answer.status, 200);
  const { targets, totals } = await plane.stats();
  assert.ok(totals.retries >= 2);
  assert.equal(
    targets.find(({ name }) => name.endsWith(String(gone.port)))?.ejected,
    "refused",
  );
  for (const { inFlight } of targets) assert.equal(inFlight, 0);
});

test("startDataPlane() never sends a POST twice once its bytes left", async (t) => {
  let posts = 0;
  const cutters = await Promise.all(
    [1, 2].map(() =>
      startTarget((request) => {
        posts += 1;
        request.socket.destroy();
      }),
    ),
  );
  for (const cutter of cutters) t.after(cutter.close);
  const { plane, url } = await startProxy([
    serviceView(cutters.map((cutter) => cutter.view())),
  ]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const answer = await get(url, { method: "POST", body: "x" });
  assert.equal(answer.status, 502);
  assert.match(
    String(answer.headers["proxy-status"]),
    /error=connection_terminated/,
  );
  assert.equal(posts, 1);
});

test("startDataPlane() answers from the cache, and from no other release", async (t) => {
  let asked = 0;
  const target = await startTarget((_request, response) => {
    asked += 1;
    response.setHeader("Cache-Control", "max-age=60");
    response.setHeader("ETag", '"v1"');
    response.end("x".repeat(4096));
  });
  t.after(target.close);
  const view = target.view({ release: "r1" });
  const cache = {
    enabled: true,
    defaultTtlMs: 120_000,
    heuristic: "last-modified",
    maxEntryBytes: 1_000_000,
  } as const;
  const service = serviceView([view], {
    definition: { cache },
    currentRelease: "r1",
  });
  const { plane, url } = await startProxy([service]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const first = await get(url);
  assert.match(String(first.headers["cache-status"]), /fwd=uri-miss; stored/);
  const second = await get(url);
  assert.match(String(second.headers["cache-status"]), /zoogate; hit; ttl=\d+/);
  assert.equal(second.headers.age, "0");
  assert.deepEqual(second.body, first.body);
  const conditional = await get(url, { headers: { "if-none-match": '"v1"' } });
  assert.equal(conditional.status, 304);
  const range = await get(url, { headers: { range: "bytes=0-9" } });
  assert.equal(range.status, 206);
  assert.equal(range.headers["content-range"], "bytes 0-9/4096");
  const head = await get(url, { method: "HEAD" });
  assert.equal(head.headers["content-length"], "4096");
  assert.equal(asked, 1);
  const { targets: _targets, ...serviceHead } = service;
  plane.apply([
    { kind: "service", service: { ...serviceHead, currentRelease: "r2" } },
  ]);
  await plane.applied();
  await get(url);
  assert.equal(asked, 2);
});

test("startDataPlane() streams large bodies both ways, byte for byte", async (t) => {
  const target = await startTarget((request, response) => {
    response.setHeader("Content-Type", "application/octet-stream");
    request.pipe(response);
  });
  t.after(target.close);
  const { plane, url } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const body = Buffer.alloc(8 * 1024 * 1024);
  for (let index = 0; index < body.length; index += 4)
    body.writeUInt32LE(Math.imul(index, 2654435761) >>> 0, index);
  const answer = await get(url, { method: "PUT", body });
  assert.equal(answer.status, 200);
  assert.equal(digest(answer.body), digest(body));
});

test("startDataPlane() answers pipelined requests in order", async (t) => {
  const target = await startTarget((request, response) => {
    if (request.url === "/slow") setImmediate(() => response.end("slow"));
    else response.end("fast");
  });
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const client = new RawClient(port);
  t.after(() => client.close());
  client.send(
    "GET /slow HTTP/1.1\r\nHost: h\r\n\r\nGET /fast HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
  );
  const text = await client.all();
  assert.ok(text.indexOf("slow") < text.indexOf("fast"), text);
  assert.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 2);
});
