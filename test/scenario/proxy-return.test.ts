/** An only target that is killed is back in a second: requests wait for it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startCommand, urlOf } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { get } from "../support/http-client.ts";
import { startChild } from "../support/plain-child.ts";
import {
  definition,
  serviceView,
  startProxy,
  startTarget,
  targetView,
} from "./proxy-harness.ts";

const AT_ONCE = { signal: AbortSignal.abort() };

async function behind(
  t: TestContext,
  port: number,
  retry: Partial<ReturnType<typeof definition>["retry"]> = {},
) {
  const view = targetView(port);
  const { plane, url } = await startProxy([
    serviceView([view], {
      definition: {
        retry: { ...definition().retry, waitMs: 30_000, ...retry },
      },
    }),
  ]);
  t.after(() => plane.close(AT_ONCE));
  const waiting = async (count: number) => {
    await eventually(async () => {
      assert.equal((await plane.stats()).totals.waiting, count);
    }, 30_000);
  };
  return { plane, url, view, waiting };
}

test("startDataPlane() lets requests wait for an only target that refuses", async (t) => {
  const port = await freePort();
  const { plane, url, waiting } = await behind(t, port);
  const asked = [
    get(`${url}/a`),
    get(`${url}/b`, { method: "POST", body: "content" }),
  ];
  await waiting(2);
  const target = await startTarget((request, response) => {
    request.pipe(response);
  }, port);
  t.after(target.close);
  const answers = await Promise.all(asked);
  assert.deepEqual(
    answers.map(({ status, body }) => `${status} ${body.toString()}`),
    ["200 ", "200 content"],
  );
  assert.equal((await plane.stats()).totals.waiting, 0);
});

test("startDataPlane() lets what waits for a refusing target go to a new registration", async (t) => {
  const { plane, url, waiting, view } = await behind(t, await freePort());
  const asked = get(url);
  await waiting(1);
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  plane.apply([
    { kind: "target", target: targetView(target.port, { name: view.name }) },
  ]);
  assert.equal((await asked).body.toString(), "ok");
});

test("startDataPlane() says that a target refused when it does not return in time", async (t) => {
  const { url } = await behind(t, await freePort(), { waitMs: 300 });
  const startedMs = performance.now();
  const answer = await get(url);
  assert.equal(answer.status, 502);
  assert.match(
    String(answer.headers["proxy-status"]),
    /error=connection_refused/,
  );
  assert.ok(performance.now() - startedMs >= 300);
});

test("startDataPlane() signals each failed probe of a refusing registration", async (t) => {
  const { plane, url, view } = await behind(t, await freePort(), { waitMs: 0 });
  assert.equal((await get(url)).status, 502);
  let refusals = 0;
  for await (const signal of plane.signals()) {
    assert.deepEqual(signal, {
      kind: "refused",
      registration: view.registration,
    });
    refusals += 1;
    if (refusals === 2) break; // the second is not a request's
  }
});

test("startDataPlane() gives an only target that cut a request and is alive that request once more", async (t) => {
  let asked = 0;
  const target = await startTarget((request, response) => {
    response.shouldKeepAlive = false; // a cut cannot be taken for an idle connection's
    if (request.headers["user-agent"] === "zoogate-probe") {
      response.end();
      return;
    }
    asked += 1;
    if (request.url === "/always" || asked === 1) response.destroy();
    else response.end("better");
  });
  t.after(target.close);
  const { url } = await behind(t, target.port);
  assert.equal((await get(`${url}/once`)).body.toString(), "better");
  assert.equal(asked, 2);
  assert.equal((await get(`${url}/always`)).status, 502);
  assert.equal(asked, 4);
  const post = await get(`${url}/always`, { method: "POST", body: "x" });
  assert.equal(post.status, 502);
  assert.equal(asked, 5);
});

test("startDataPlane() asks more targets than retry.attempts while they refuse", async (t) => {
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const gone = await Promise.all(Array.from({ length: 5 }, freePort));
  const views = gone.map((port) => targetView(port));
  const { plane, url } = await startProxy([
    serviceView([...views, target.view()]),
  ]);
  t.after(() => plane.close(AT_ONCE));
  assert.equal((await get(url)).status, 200);
});

/** Answers after a moment, so that a kill finds requests in flight. */
const SERVER = `
import { createServer } from "node:http";
createServer((request, response) => {
  setTimeout(() => response.end("served " + request.url), 5);
}).listen(Number(process.argv[2]), "127.0.0.1", () => console.log("up"));
`;

test("zoogate proxy loses no request when its only target is killed and started again", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-return-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const server = join(folder, "server.mjs");
  const config = join(folder, "zoogate.yaml");
  const port = await freePort();
  await writeFile(server, SERVER);
  await writeFile(
    config,
    `zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
data: data
workers: 2
services:
  www: {targets: ["http://127.0.0.1:${port}"], cache: {enabled: false}, retry: {wait: 30s}}
`,
  );
  let target = await startChild([server, String(port)]);
  await using proxy = await startCommand(["proxy", "--config", config]);
  const url = urlOf(await proxy.ready());
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const bad: string[] = [];
  const load = { answered: 0, longestMs: 0, isOver: false };
  const lanes = Array.from({ length: 32 }, async (_, lane) => {
    for (let index = 0; !load.isOver; index++) {
      const path = `/${lane}/${index}`;
      const sentMs = performance.now();
      const { status, body } = await get(url + path, { agent });
      load.longestMs = Math.max(load.longestMs, performance.now() - sentMs);
      load.answered += 1;
      if (status !== 200 || body.toString() !== `served ${path}`)
        bad.push(`${status} ${body.toString()}`);
    }
  });
  const more = async (count: number) => {
    const goal = load.answered + count;
    await eventually(() => assert.ok(load.answered >= goal), 30_000);
  };
  for (let kill = 0; kill < 3; kill++) {
    await more(200);
    const exit = once(target, "exit");
    target.kill("SIGKILL");
    await exit;
    target = await startChild([server, String(port)]);
  }
  await more(200);
  load.isOver = true;
  await Promise.all(lanes);
  target.kill("SIGKILL");
  t.diagnostic(
    `${load.answered} answered, the longest after ${load.longestMs | 0} ms`,
  );
  assert.deepEqual(bad, []);
});
