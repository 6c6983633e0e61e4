import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "node:test";
import { type DataPlane, startDataPlane } from "../../src/proxy/index.ts";
import { get, getMany } from "../support/http-client.ts";
import {
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";

const AT_ONCE = { signal: AbortSignal.abort() };

async function inFlight(plane: DataPlane): Promise<number> {
  const { targets } = await plane.stats();
  return targets.reduce((sum, target) => sum + target.inFlight, 0);
}

test("startDataPlane() fails when its port is in use", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  const port =
    typeof address === "object" && address !== null ? address.port : 0;
  await assert.rejects(
    startDataPlane({ listen: [{ host: "127.0.0.1", port }], workers: 1 }),
    { code: "EADDRINUSE" },
  );
});

test("startDataPlane() refuses a limit out of its bounds", async () => {
  await assert.rejects(
    startDataPlane({
      listen: [{ host: "127.0.0.1", port: 0 }],
      workers: 1,
      limits: { maxConnections: 0 },
    }),
    RangeError,
  );
});

test("DataPlane.apply() sends a draining target nothing new and says when it is done", async (t) => {
  const held: ServerResponse[] = [];
  const leaving = await startTarget((_request, response) =>
    held.push(response),
  );
  const staying = await startTarget((_request, response) =>
    response.end("stays"),
  );
  t.after(leaving.close);
  t.after(staying.close);
  const view = leaving.view();
  const { plane, url } = await startProxy([serviceView([view])], {
    workers: 2,
  });
  t.after(() => plane.close(AT_ONCE));
  const answer = get(url);
  while (held.length === 0) await wait(2);
  plane.apply([
    { kind: "target", target: staying.view() },
    { kind: "target", target: { ...view, state: "draining" } },
  ]);
  await plane.applied();
  for (let index = 0; index < 10; index++)
    assert.equal((await get(url)).body.toString(), "stays");
  const signals = plane.signals()[Symbol.asyncIterator]();
  const next = signals.next();
  held[0]?.end("finished");
  assert.equal((await answer).body.toString(), "finished");
  assert.deepEqual((await next).value, {
    kind: "drained",
    registration: view.registration,
  });
});

test("DataPlane.apply() lets requests of an only, draining target wait for its successor", async (t) => {
  const target = await startTarget((_request, response) => response.end("new"));
  t.after(target.close);
  const old = target.view({ name: "one" });
  const { plane, url } = await startProxy([serviceView([old])]);
  t.after(() => plane.close(AT_ONCE));
  plane.apply([{ kind: "target", target: { ...old, state: "draining" } }]);
  await plane.applied();
  const waiting = get(url);
  while ((await plane.stats()).totals.waiting === 0) await wait(2);
  plane.apply([{ kind: "target", target: target.view({ name: "one" }) }]);
  assert.equal((await waiting).body.toString(), "new");
});

test("DataPlane.apply() cuts no request when its target's registration changes", async (t) => {
  const held: ServerResponse[] = [];
  const target = await startTarget((request, response) => {
    if (request.url === "/held") held.push(response);
    else response.end("now");
  });
  t.after(target.close);
  const { plane, url } = await startProxy([
    serviceView([target.view({ name: "one" })]),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const answer = get(`${url}/held`);
  while (held.length === 0) await wait(2);
  plane.apply([{ kind: "target", target: target.view({ name: "one" }) }]);
  await plane.applied();
  assert.equal((await get(url)).status, 200);
  held[0]?.end("after all");
  assert.equal((await answer).body.toString(), "after all");
  assert.deepEqual(
    [...plane.countTotals()],
    [{ service: "www", target: "one", answered: 2 }],
  );
});

test("DataPlane.apply() gives a newcomer its share, not all that it missed", async (t) => {
  const served = new Map<string, number>();
  const start = (name: string) =>
    startTarget((_request, response) => {
      served.set(name, (served.get(name) ?? 0) + 1);
      response.end(name);
    });
  const [one, two] = await Promise.all([start("one"), start("two")]);
  t.after(one.close);
  t.after(two.close);
  const { plane, url } = await startProxy([serviceView([one.view()])]);
  t.after(() => plane.close(AT_ONCE));
  const many = () => getMany({ count: 100, connections: 4, url: () => url });
  await many();
  plane.apply([{ kind: "target", target: two.view() }]);
  await plane.applied();
  await many();
  assert.ok(Math.abs((served.get("two") ?? 0) - 50) <= 2);
});

test("DataPlane.correctScores() makes up for what other proxies sent", async (t) => {
  const targets = await Promise.all(
    ["a", "b"].map((name) =>
      startTarget((_request, response) => response.end(name)),
    ),
  );
  for (const target of targets) t.after(target.close);
  const [a, b] = targets.map((target) => target.view());
  if (a === undefined || b === undefined) return;
  const { plane, url } = await startProxy([serviceView([a, b])]);
  t.after(() => plane.close(AT_ONCE));
  const counts = (onA: number, onB: number) => [
    { service: "www", target: a.name, requests: onA },
    { service: "www", target: b.name, requests: onB },
  ];
  plane.correctScores(counts(0, 0), 1);
  plane.correctScores(counts(20, 0), 2); // another proxy sent 20 to a alone
  for (let index = 0; index < 10; index++)
    assert.equal((await get(`${url}/${index}`)).body.toString(), "b");
});

test("startDataPlane() replaces a worker that dies, with all it must know", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const { plane, url } = await startProxy([serviceView([target.view()])], {
    workers: 2,
  });
  t.after(() => plane.close(AT_ONCE));
  assert.ok(
    "workerThread" in plane && typeof plane.workerThread === "function",
  );
  const thread = plane.workerThread(1);
  await thread.terminate();
  while ((await plane.stats()).workers.length < 2) await wait(5);
  const answers = await getMany({
    count: 50,
    connections: 10,
    url: () => url,
  });
  for (const answer of answers) assert.equal(answer.status, 200);
});

test("DataPlane.close() finishes what is in flight and takes nothing new", async (t) => {
  const held: ServerResponse[] = [];
  const target = await startTarget((_request, response) => held.push(response));
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])], {
    limits: { drainIdleMs: 0 },
  });
  const idle = new RawClient(port);
  const busy = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (held.length === 0) await wait(2);
  assert.equal(await inFlight(plane), 1);
  const closed = plane.close();
  assert.equal(await idle.all(), "");
  idle.close();
  held[0]?.end("last");
  const text = await busy.all();
  assert.match(text, /Connection: close/);
  assert.match(text, /last/);
  await closed;
  await plane.close();
});

test("DataPlane.close() cuts what is left when its signal fires", async (t) => {
  const target = await startTarget(() => {});
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  const client = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while ((await inFlight(plane)) === 0) await wait(2);
  const controller = new AbortController();
  const closed = plane.close({ signal: controller.signal });
  controller.abort();
  await closed;
  assert.equal(await client.all(), "");
});
