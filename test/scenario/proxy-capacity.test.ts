/** A cap on what each target is given, over all workers, and the queue behind it. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { DataPlane } from "../../src/proxy/index.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import {
  definition,
  RawClient,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";
import { ask, http2Client, secureProxy } from "./secure-harness.ts";

const AT_ONCE = { signal: AbortSignal.abort() };

type Capacity = Partial<ReturnType<typeof definition>["capacity"]>;

function capped(
  capacity: Capacity,
  more: Parameters<typeof definition>[0] = {},
) {
  return {
    definition: {
      ...more,
      capacity: { perTarget: 1, queue: 1024, queueMs: 60_000, ...capacity },
    },
  };
}

/** Resolves when so many requests wait. */
async function waiting(
  plane: DataPlane,
  test: (count: number) => boolean,
): Promise<void> {
  await eventually(async () => {
    assert.ok(test((await plane.stats()).totals.waiting));
  }, 30_000);
}

/** A target that answers after `forMs` and says how many it had at one time. */
async function busyTarget(t: TestContext, forMs: number) {
  const seen = { now: 0, most: 0, total: 0 };
  const target = await startTarget((request, response) => {
    if (request.headers["user-agent"] === "zoogate-probe") {
      response.end();
      return;
    }
    seen.now += 1;
    seen.total += 1;
    seen.most = Math.max(seen.most, seen.now);
    setTimeout(() => {
      seen.now -= 1;
      response.end(request.url);
    }, forMs);
  });
  t.after(target.close);
  return { ...target, seen };
}

/** A target whose answers the test gives. */
async function heldTarget(t: TestContext) {
  const held: ServerResponse[] = [];
  const target = await startTarget((_request, response) => {
    held.push(response);
  });
  t.after(target.close);
  const count = (number: number) =>
    eventually(() => assert.ok(held.length >= number), 30_000);
  return { ...target, held, count };
}

test("startDataPlane() never gives a target more than its cap, over all workers, and loses nothing", async (t) => {
  const targets = [await busyTarget(t, 4), await busyTarget(t, 4)];
  const { plane, url } = await startProxy(
    [
      serviceView(
        targets.map((one) => one.view()),
        capped({ perTarget: 3 }),
      ),
    ],
    { workers: 2 },
  );
  t.after(() => plane.close(AT_ONCE));
  // Each on a connection of its own, so that both workers get their share.
  const COUNT = 400;
  const startedMs = performance.now();
  const latencies: number[] = [];
  const answers = await Promise.all(
    Array.from({ length: COUNT }, async (_, index) => {
      const answer = await get(`${url}/${index}`);
      latencies.push(performance.now() - startedMs);
      return answer;
    }),
  );
  for (const [index, { status, body }] of answers.entries())
    assert.equal(`${status} ${body.toString()}`, `200 /${index}`);
  for (const { seen } of targets) assert.equal(seen.most, 3);
  const { workers, targets: shown } = await plane.stats();
  for (const worker of workers)
    assert.ok(worker.requests > 0, "both workers had some");
  for (const { inFlight } of shown) assert.equal(inFlight, 0);
  const idealMs = (COUNT / 6) * 4;
  t.diagnostic(
    `${COUNT} requests through 6 places of 4 ms: ${Math.max(...latencies) | 0} ms, at best ${idealMs | 0}`,
  );
});

test("startDataPlane() gives a free place to who came first, at once, in whatever worker", async (t) => {
  const target = await heldTarget(t);
  const { plane, url } = await startProxy(
    [serviceView([target.view()], capped({}))],
    { workers: 2 },
  );
  t.after(() => plane.close(AT_ONCE));
  const COUNT = 40;
  const order: number[] = [];
  const asked: Promise<unknown>[] = [];
  for (let index = 0; index < COUNT; index++) {
    asked.push(get(`${url}/${index}`).then(() => order.push(index)));
    await target.count(1);
    await waiting(plane, (count) => count >= index);
  }
  const startedMs = performance.now();
  for (let index = 0; index < COUNT; index++) {
    await target.count(index + 1);
    assert.equal(target.held.length, index + 1);
    target.held[index]?.end();
  }
  await Promise.all(asked);
  const eachMs = (performance.now() - startedMs) / COUNT;
  t.diagnostic(`from one answer to the next request: ${eachMs.toFixed(1)} ms`);
  const inOrder = Array.from({ length: COUNT }, (_, index) => index);
  assert.deepEqual(order, inOrder);
  // The sweep alone would take up to 250 ms for each change of worker.
  assert.ok(eachMs < 50, `${eachMs} ms`);
});

test("startDataPlane() answers 503 beyond the queue, and after the wait", async (t) => {
  const target = await heldTarget(t);
  const { plane, url } = await startProxy([
    serviceView([target.view()], capped({ queue: 1, queueMs: 2000 })),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const first = get(`${url}/first`);
  await target.count(1);
  const late = get(`${url}/late`);
  await waiting(plane, (count) => count >= 1);
  const beyond = await get(`${url}/beyond`);
  assert.equal((await plane.stats()).totals.waiting, 1);
  for (const { status, headers } of [beyond, await late]) {
    assert.equal(status, 503);
    assert.equal(headers["retry-after"], "5");
    assert.match(
      String(headers["proxy-status"]),
      /^zoogate; error=connection_limit_reached/,
    );
  }
  target.held[0]?.end("there");
  assert.equal((await first).body.toString(), "there");
  assert.equal(target.held.length, 1);
});

test("startDataPlane() gives the place of a client that left to the next", async (t) => {
  const target = await heldTarget(t);
  const { plane, port, url } = await startProxy([
    serviceView([target.view()], capped({})),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const head = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const first = new RawClient(port).send(head("/first"));
  await target.count(1);
  const queued = new RawClient(port).send(head("/queued"));
  await waiting(plane, (count) => count >= 1);
  const next = get(`${url}/next`);
  await waiting(plane, (count) => count >= 2);
  queued.close();
  await waiting(plane, (count) => count <= 1);
  first.close(); // in flight: its place is free too
  await target.count(2);
  assert.equal(target.held[1]?.req.url, "/next");
  target.held[1]?.end("ok");
  assert.equal((await next).body.toString(), "ok");
});

test("startDataPlane() lets retries wait for a place, too", async (t) => {
  const busy = await heldTarget(t);
  let failures = 0;
  const failing = await startTarget((_request, response) => {
    failures += 1;
    response.statusCode = 503;
    response.end();
  });
  t.after(failing.close);
  const { plane, url } = await startProxy([
    serviceView([busy.view(), failing.view()], capped({})),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const first = get(`${url}/first`);
  const second = get(`${url}/second`);
  await busy.count(1);
  await waiting(plane, (count) => count >= 1);
  assert.equal(failures, 1);
  assert.equal(busy.held.length, 1);
  busy.held[0]?.end("good");
  await busy.count(2);
  busy.held[1]?.end("good");
  for (const { body } of await Promise.all([first, second]))
    assert.equal(body.toString(), "good");
});

test("startDataPlane() counts a tunnel as in flight until it ends", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  target.server.on("upgrade", (_request, socket) => {
    socket.on("error", () => {});
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    );
    socket.on("end", () => socket.end());
    socket.resume();
  });
  t.after(target.close);
  const { plane, port, url } = await startProxy([
    serviceView([target.view()], capped({})),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const tunnel = new RawClient(port).send(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
  );
  await tunnel.until((text) => text.includes("101"));
  const queued = get(url);
  await waiting(plane, (count) => count >= 1);
  tunnel.close();
  assert.equal((await queued).body.toString(), "ok");
});

test("startDataPlane() lets a raised cap in at once, and no cap at all", async (t) => {
  const target = await heldTarget(t);
  const view = target.view();
  const service = serviceView([view], capped({}));
  const { plane, url } = await startProxy([service], { workers: 2 });
  t.after(() => plane.close(AT_ONCE));
  const answers = ["a", "b", "c", "d"].map((path) => get(`${url}/${path}`));
  await waiting(plane, (count) => count >= 3);
  const { targets: _targets, ...head } = service;
  const change = (perTarget: number) =>
    plane.apply([
      {
        kind: "service",
        service: {
          ...head,
          definition: definition(capped({ perTarget }).definition),
        },
      },
    ]);
  change(2);
  await target.count(2);
  assert.equal((await plane.stats()).totals.waiting, 2);
  change(0);
  await target.count(4);
  for (const response of target.held) response.end("ok");
  for (const { status } of await Promise.all(answers))
    assert.equal(status, 200);
  // What was given without a cap does not count under the next one.
  change(1);
  await plane.applied();
  const last = get(`${url}/last`);
  await target.count(5);
  target.held[4]?.end("ok");
  assert.equal((await last).status, 200);
});

test("startDataPlane() frees the places of a worker that died", async (t) => {
  const target = await heldTarget(t);
  const { plane, url, port } = await startProxy(
    [serviceView([target.view()], capped({}))],
    { workers: 1 },
  );
  t.after(() => plane.close(AT_ONCE));
  const lost = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await target.count(1);
  const queued = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await waiting(plane, (count) => count >= 1);
  assert.ok(
    "workerThread" in plane && typeof plane.workerThread === "function",
  );
  await plane.workerThread(1).terminate();
  await Promise.all([lost.all(), queued.all()]);
  for (let tries = 0; target.held.length < 2; tries++) {
    void get(url).catch(() => {});
    await wait(50);
    assert.ok(tries < 100);
  }
});

test("startDataPlane() queues requests of HTTP/2 like all others", async (t) => {
  const seen = { now: 0, most: 0 };
  const { port } = await secureProxy(
    t,
    (_request, response) => {
      seen.now += 1;
      seen.most = Math.max(seen.most, seen.now);
      setTimeout(() => {
        seen.now -= 1;
        response.end("ok");
      }, 3);
    },
    { ...capped({ perTarget: 2 }), workers: 2 },
  );
  const session = await http2Client(t, port);
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      ask(session, { ":path": `/${index}` }),
    ),
  );
  for (const { body } of replies) assert.equal(body.toString(), "ok");
  assert.equal(seen.most, 2);
});
