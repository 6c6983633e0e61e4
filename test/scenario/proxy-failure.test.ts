import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { test } from "node:test";
import { get } from "../support/http-client.ts";
import {
  definition,
  RawClient,
  serviceView,
  startProxy,
  startTarget,
  targetView,
} from "./proxy-harness.ts";

const CACHE = {
  enabled: true,
  defaultTtlMs: 120_000,
  heuristic: "last-modified",
  maxEntryBytes: 10_000_000,
} as const;

const AT_ONCE = { signal: AbortSignal.abort() };

/** Asks again until the answer passes. */
async function eventually<T>(
  ask: () => Promise<T>,
  test: (value: T) => boolean,
): Promise<T> {
  for (;;) {
    const value = await ask();
    if (test(value)) return value;
    await wait(5);
  }
}

test("startDataPlane() lets go of a target at once when the client leaves", async (t) => {
  const left = Promise.withResolvers<void>();
  const target = await startTarget((request, response) => {
    request.socket.once("close", () => left.resolve());
    response.write("x");
  });
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close(AT_ONCE));
  const client = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until((text) => text.includes("x\r\n"));
  client.socket.resetAndDestroy();
  await left.promise;
  const { targets } = await plane.stats();
  assert.equal(targets[0]?.inFlight, 0);
});

test("startDataPlane() takes a FIN without an answer in time for a client that left", async (t) => {
  const target = await startTarget((request, response) => {
    if (request.url === "/quick") response.end("here");
  });
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close(AT_ONCE));
  const halfClosed = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  halfClosed.on("error", () => {});
  halfClosed.end("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n");
  let text = "";
  for await (const chunk of halfClosed) text += String(chunk);
  assert.match(text, /here$/);
  const gone = connect({ port, host: "127.0.0.1" });
  gone.on("error", () => {});
  gone.end("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
  await eventually(
    () => plane.stats(),
    ({ totals }) => totals.requests === 1 && totals.connectionsActive === 1,
  );
  await eventually(
    () => plane.stats(),
    ({ targets }) => targets[0]?.inFlight === 0,
  );
});

test("startDataPlane() holds back a target whose client does not read", async (t) => {
  const total = 64 * 1024 * 1024;
  let written = 0;
  const target = await startTarget((_request, response) => {
    response.setHeader("Content-Length", total);
    const chunk = Buffer.alloc(64 * 1024);
    const pump = () => {
      while (written < total) {
        written += chunk.length;
        if (!response.write(chunk)) return;
      }
    };
    response.on("drain", pump);
    pump();
  });
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close(AT_ONCE));
  const client = connect({ port, host: "127.0.0.1" });
  t.after(() => client.destroy());
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let received = 0;
  client.pause();
  // Nothing moves once the kernel's buffers are full.
  let before = 0;
  for (let still = 0; still < 5; still += written === before ? 1 : -still) {
    before = Math.max(1, written);
    await wait(20);
  }
  assert.ok(written > 0 && written < 32 * 1024 * 1024, `${written} written`);
  client.on("data", (chunk) => (received += chunk.length));
  client.resume();
  await eventually(
    () => Promise.resolve(received),
    (bytes) => bytes >= total,
  );
  assert.equal(written, total);
});

test("startDataPlane() lets requests wait for a target to appear", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const service = serviceView([]);
  const { plane, url } = await startProxy([service]);
  t.after(() => plane.close(AT_ONCE));
  const waiting = get(url);
  await eventually(
    () => plane.stats(),
    ({ totals }) => totals.waiting === 1,
  );
  plane.apply([{ kind: "target", target: target.view() }]);
  assert.equal((await waiting).body.toString(), "ok");
});

test("startDataPlane() answers 503 with Retry-After when no target appears in time", async (t) => {
  const { retry } = definition();
  const { plane, url } = await startProxy([
    serviceView([], { definition: { retry: { ...retry, waitMs: 300 } } }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const answer = await get(url);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers["retry-after"], "5");
  assert.match(
    String(answer.headers["proxy-status"]),
    /^zoogate; error=destination_unavailable/,
  );
});

test("startDataPlane() answers 404 for a host of no service", async (t) => {
  const { plane, url } = await startProxy([
    serviceView([], { definition: { hosts: ["known.test"] } }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  assert.equal((await get(url)).status, 404);
});

test("startDataPlane() serves a stale answer when all targets are down", async (t) => {
  const target = await startTarget((_request, response) => {
    response.setHeader("Cache-Control", "max-age=0");
    response.setHeader("ETag", '"1"');
    response.end("old but there");
  });
  const { plane, url } = await startProxy([
    serviceView([target.view()], { definition: { cache: CACHE } }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  assert.equal((await get(url)).status, 200);
  target.close();
  const answer = await get(url);
  assert.equal(answer.status, 200);
  assert.equal(answer.body.toString(), "old but there");
  assert.match(String(answer.headers["cache-status"]), /hit/);
});

test("startDataPlane() moves on from a listed status within its budget", async (t) => {
  const bad = await startTarget((_request, response) => {
    response.statusCode = 503;
    response.end("busy");
  });
  const good = await startTarget((_request, response) => response.end("fine"));
  t.after(bad.close);
  t.after(good.close);
  const { plane, url } = await startProxy([
    serviceView([bad.view(), good.view()]),
  ]);
  t.after(() => plane.close(AT_ONCE));
  for (let index = 0; index < 20; index++)
    assert.equal((await get(`${url}/${index}`)).status, 200);
  const { targets } = await plane.stats();
  // Five in a row took it out of rotation.
  assert.equal(
    targets.find(({ name }) => name.endsWith(String(bad.port)))?.ejected,
    "failing",
  );
});

test("startDataPlane() passes a listed status on when there is nobody else", async (t) => {
  const bad = await startTarget((_request, response) => {
    response.statusCode = 503;
    response.end("busy");
  });
  t.after(bad.close);
  const { plane, url } = await startProxy([serviceView([bad.view()])]);
  t.after(() => plane.close(AT_ONCE));
  const answer = await get(url);
  assert.equal(answer.status, 503);
  assert.equal(answer.body.toString(), "busy");
});

test("startDataPlane() brings a refusing target back when it accepts again", async (t) => {
  const target = await startTarget((_request, response) => response.end("1"));
  const other = await startTarget((_request, response) => response.end("2"));
  t.after(other.close);
  const { plane, url } = await startProxy([
    serviceView([target.view(), other.view()]),
  ]);
  t.after(() => plane.close(AT_ONCE));
  t.after(target.close);
  target.close();
  for (let index = 0; index < 4; index++)
    assert.equal((await get(url)).status, 200);
  const ejectedOf = async () =>
    (await plane.stats()).targets.find(({ name }) =>
      name.endsWith(String(target.port)),
    )?.ejected;
  assert.equal(await ejectedOf(), "refused");
  target.server.listen(target.port, "127.0.0.1");
  await eventually(ejectedOf, (ejected) => ejected === "none");
});

test("startDataPlane() repeats a request over a new connection when an idle one was closed", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const { plane, url } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close(AT_ONCE));
  target.server.on("connection", (socket) => {
    let requests = 0;
    socket.on("data", () => {
      requests += 1;
      if (requests === 2) socket.destroy(); // as if its time had just run out
    });
  });
  for (let index = 0; index < 6; index++)
    assert.equal((await get(`${url}/${index}`)).status, 200);
  const { targets } = await plane.stats();
  assert.equal(targets[0]?.failures, 0);
});

test("startDataPlane() moves on from a target that neither answers nor lives", async (t) => {
  const dead: ServerResponse[] = [];
  const stuck = await startTarget((_request, response) => dead.push(response));
  const good = await startTarget((_request, response) => response.end("fine"));
  t.after(stuck.close);
  t.after(good.close);
  const { plane, url } = await startProxy(
    [serviceView([stuck.view(), good.view()])],
    { limits: { slowHeadMs: 200 } },
  );
  t.after(() => plane.close(AT_ONCE));
  const answers = await Promise.all([get(`${url}/1`), get(`${url}/2`)]);
  for (const answer of answers) assert.equal(answer.body.toString(), "fine");
  assert.ok(dead.length >= 1);
});

test("startDataPlane() asks a target once for many who want the same", async (t) => {
  let asked = 0;
  const waiting: ServerResponse[] = [];
  const target = await startTarget((_request, response) => {
    asked += 1;
    waiting.push(response);
  });
  t.after(target.close);
  const { plane, url } = await startProxy([
    serviceView([target.view()], { definition: { cache: CACHE } }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const answers = Array.from({ length: 10 }, () => get(`${url}/same`));
  await eventually(
    () => plane.stats(),
    ({ workers }) => workers[0]?.cache?.joined === 9,
  );
  const response = waiting[0];
  response?.setHeader("Cache-Control", "max-age=60");
  response?.write("half ");
  response?.end("whole");
  for (const answer of await Promise.all(answers)) {
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), "half whole");
  }
  assert.equal(asked, 1);
});

test("startDataPlane() answers stale-while-revalidate at once and refreshes behind", async (t) => {
  let version = 0;
  const target = await startTarget((_request, response) => {
    version += 1;
    response.setHeader(
      "Cache-Control",
      version === 1 ? "max-age=0, stale-while-revalidate=60" : "max-age=60",
    );
    response.end(`v${version}`);
  });
  t.after(target.close);
  const { plane, url } = await startProxy([
    serviceView([target.view()], { definition: { cache: CACHE } }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  assert.equal((await get(url)).body.toString(), "v1");
  assert.equal((await get(url)).body.toString(), "v1");
  await eventually(
    () => get(url),
    ({ body }) => body.toString() === "v2",
  );
  assert.equal(version, 2);
});

test("startDataPlane() signals a refused registration", async (t) => {
  const gone = await startTarget(() => {});
  gone.close();
  const view = targetView(gone.port, { state: "suspect" });
  const retry = { ...definition().retry, waitMs: 0 };
  const { plane, url } = await startProxy([
    serviceView([view], { definition: { retry } }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  assert.equal((await get(url)).status, 502);
  for await (const signal of plane.signals()) {
    assert.deepEqual(signal, {
      kind: "refused",
      registration: view.registration,
    });
    break;
  }
});

test("startDataPlane() takes a target out and back by active checks", async (t) => {
  let healthy = true;
  const checked = await startTarget((request, response) => {
    response.statusCode = request.url === "/health" && !healthy ? 500 : 200;
    response.end("one");
  });
  const other = await startTarget((_request, response) => response.end("two"));
  t.after(checked.close);
  t.after(other.close);
  const { health } = definition();
  const active = {
    path: "/health",
    intervalMs: 100,
    timeoutMs: 2000,
    rise: 2,
    fall: 3,
  };
  const { plane, url } = await startProxy([
    serviceView([checked.view(), other.view()], {
      definition: { health: { ...health, active } },
    }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const ejectedOf = async () =>
    (await plane.stats()).targets.find(({ name }) =>
      name.endsWith(String(checked.port)),
    )?.ejected;
  healthy = false;
  await eventually(ejectedOf, (ejected) => ejected === "failing");
  for (let index = 0; index < 4; index++)
    assert.equal((await get(url)).body.toString(), "two");
  healthy = true;
  await eventually(ejectedOf, (ejected) => ejected === "none");
});

test("startDataPlane() asks another target when one dies between head and content of a page", async (t) => {
  let cuts = 0;
  const dying = await startTarget((_request, response) => {
    cuts += 1;
    response.writeHead(200, { "Content-Length": 60_000 });
    response.write("x".repeat(20_000), () => response.socket?.destroy());
  });
  const good = await startTarget((_request, response) =>
    response.end("y".repeat(60_000)),
  );
  t.after(dying.close);
  t.after(good.close);
  const { plane, url } = await startProxy([
    serviceView([dying.view(), good.view()]),
  ]);
  t.after(() => plane.close(AT_ONCE));
  for (let index = 0; index < 6; index++)
    assert.equal((await get(url)).body.toString(), "y".repeat(60_000));
  assert.ok(cuts > 0);
  const answered = [...plane.countTotals()].map((count) => count.answered);
  assert.equal(answered.includes(0) && answered.includes(6), true);
});

test("startDataPlane() holds a short answer back for a moment only", async (t) => {
  const target = await startTarget((_request, response) => {
    response.writeHead(200, { "Content-Length": 4 });
    response.write("sl");
  });
  t.after(target.close);
  const { plane, port } = await startProxy([serviceView([target.view()])]);
  t.after(() => plane.close(AT_ONCE));
  const client = new RawClient(port).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  t.after(() => client.close());
  await client.until((text) => text.endsWith("\r\n\r\nsl"));
});
