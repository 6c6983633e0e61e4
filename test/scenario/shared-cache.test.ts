/**
 * One cache for all workers of a proxy, as its user sees it: the real command
 * with several workers, a target that counts what it is asked, and fresh
 * connections, which the system hands to one worker or another.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { Agent, createServer, type RequestListener } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { RunningCommand, urlOf } from "../support/command.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import {
  definition,
  serviceView,
  startProxy,
  startTarget,
} from "./proxy-harness.ts";

const FRESH = new Agent({ keepAlive: false });

/** A target that says how often it was asked; answers may be stored. */
async function countingTarget(
  t: TestContext,
  listener: RequestListener = (_request, response) => {
    response.end();
  },
) {
  const asked = new Map<string, number>();
  const server = createServer((request, response) => {
    const key = `${request.method} ${request.url}`;
    asked.set(key, (asked.get(key) ?? 0) + 1);
    response.setHeader("Cache-Control", "max-age=1000");
    response.setHeader("X-Serial", String(asked.get(key)));
    listener(request, response);
  });
  server.on("error", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return { url: `http://127.0.0.1:${address.port}`, asked };
}

/** The proxy command with static targets. */
async function proxyOf(t: TestContext, target: string, settings: string) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-shared-"));
  const file = join(folder, "zoogate.yaml");
  const write = (release: string) =>
    writeFile(
      file,
      `zookeeper: none\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\ndata: state\n${settings}
services: {www: {release: "${release}", targets: ["${target}"]}}\n`,
    );
  await write("1");
  const proxy = new RunningCommand(["proxy", "--config", file]);
  t.after(async () => {
    await proxy[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  const ready = await proxy.ready();
  const admin = /admin (?<url>\S+)/u.exec(ready)?.groups?.["url"] ?? "";
  const metric = async (name: string): Promise<number> => {
    const text = (await get(`${admin}/metrics`)).body.toString();
    const values = [
      ...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gmu")),
    ];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  };
  return { proxy, url: urlOf(ready), metric, write };
}

/** One request over a connection of its own. */
function ask(url: string, method = "GET") {
  return get(url, { agent: FRESH, method });
}

/** Many, several at a time; the serials of the answers. */
async function serials(url: string, count: number): Promise<Set<unknown>> {
  const seen = new Set<unknown>();
  const lane = async (from: number) => {
    for (let i = from; i < count; i += 16)
      seen.add((await ask(url)).headers["x-serial"]);
  };
  await Promise.all(Array.from({ length: 16 }, (_, i) => lane(i)));
  return seen;
}

async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/u.exec(status)?.[1]) * 1024;
}

describe("zoogate proxy --workers 3", () => {
  test("asks its target once for what 1,000 fresh connections get from all workers", async (t) => {
    const target = await countingTarget(t, (_request, response) => {
      response.end("x".repeat(4096));
    });
    const { url, metric } = await proxyOf(t, target.url, "workers: 3");
    await ask(`${url}/page`);
    assert.deepEqual(await serials(`${url}/page`, 1000), new Set(["1"]));
    assert.equal(target.asked.get("GET /page"), 1);
    assert.equal(await metric("zoogate_cache_hits_total"), 1000);
    assert.equal(await metric("zoogate_cache_stored_total"), 1);
    // Counted once, not once for each worker.
    assert.equal(await metric("zoogate_cache_entries"), 1);
    const bytes = await metric("zoogate_cache_bytes");
    assert.ok(bytes > 4096 && bytes < 8192, String(bytes));
    assert.equal(await metric("zoogate_cache_max_bytes"), 256_000_000);
    assert.equal(await metric("zoogate_cache_pinned_bytes"), 0);
  });

  test("asks once for what many ask for at the same time", async (t) => {
    const target = await countingTarget(t, (_request, response) => {
      setTimeout(() => {
        response.write("half, ");
        setTimeout(() => response.end("whole"), 100);
      }, 200);
    });
    const { url } = await proxyOf(t, target.url, "workers: 3");
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => ask(`${url}/slow`)),
    );
    for (const { body } of answers)
      assert.equal(body.toString(), "half, whole");
    assert.equal(target.asked.get("GET /slow"), 1);
  });

  test("lets nobody wait for what will not be stored", async (t) => {
    const target = await countingTarget(t, (_request, response) => {
      response.setHeader("Cache-Control", "private");
      setTimeout(() => response.end("mine"), 200);
    });
    const { url } = await proxyOf(t, target.url, "workers: 3");
    const startedMs = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 30 }, () => ask(`${url}/private`)),
    );
    assert.equal(
      new Set(answers.map(({ headers }) => headers["x-serial"])).size,
      30,
    );
    assert.ok(performance.now() - startedMs < 4000);
  });

  test("serves nothing any more from any worker that a POST has changed", async (t) => {
    const target = await countingTarget(t);
    const { url } = await proxyOf(t, target.url, "workers: 3");
    assert.deepEqual(await serials(`${url}/list`, 100), new Set(["1"]));
    for (let post = 1; post <= 5; post++) {
      await ask(`${url}/list`, "POST");
      assert.deepEqual(
        await serials(`${url}/list`, 100),
        new Set([String(post + 1)]),
      );
    }
  });

  test("drops what is stored of another release, in all workers", async (t) => {
    const target = await countingTarget(t);
    const { proxy, url, write } = await proxyOf(t, target.url, "workers: 3");
    assert.deepEqual(await serials(`${url}/`, 100), new Set(["1"]));
    await write("2");
    proxy.child.kill("SIGHUP");
    await eventually(async () =>
      assert.equal((await ask(`${url}/`)).headers["x-serial"], "2"),
    );
    await eventually(async () =>
      assert.deepEqual(await serials(`${url}/`, 50), new Set(["2"])),
    );
  });

  test("keeps its memory under slow readers of many large answers, and gives each its own bytes", async (t) => {
    const size = 8_000_000;
    const bodyOf = (path: string) => {
      const seed = createHash("sha256").update(path).digest();
      return Buffer.alloc(size, seed);
    };
    const target = await countingTarget(t, (request, response) => {
      response.end(bodyOf(request.url ?? ""));
    });
    const { proxy, url, metric } = await proxyOf(
      t,
      target.url,
      "workers: 2\ncacheSize: 64MB",
    );
    for (let i = 0; i < 10; i++) await ask(`${url}/warm/${i}`);
    const before = await residentBytes(proxy.pid);
    const readers: { path: string; socket: Socket }[] = [];
    t.after(() => readers.forEach(({ socket }) => socket.destroy()));
    for (let i = 0; i < 24; i++) {
      const path = `/${i}`;
      await ask(url + path);
      const socket = await slowReader(Number(new URL(url).port), path);
      readers.push({ path, socket });
    }
    for (let i = 0; i < 20; i++) await ask(`${url}/churn/${i}`);
    const after = await residentBytes(proxy.pid);
    assert.ok(
      after - before < 80_000_000,
      `${Math.round((after - before) / 1e6)} MB more`,
    );
    assert.ok((await metric("zoogate_cache_bytes")) <= 64_000_000);
    assert.ok((await metric("zoogate_cache_pinned_bytes")) > size);
    await Promise.all(
      readers.map(async ({ path, socket }) => {
        const chunks: Buffer[] = [];
        socket.on("data", (chunk: Buffer) => chunks.push(chunk));
        await once(socket, "end");
        const answer = Buffer.concat(chunks);
        const start = answer.indexOf("\r\n\r\n") + 4;
        assert.ok(answer.subarray(start).equals(bodyOf(path)), path);
      }),
    );
    await eventually(async () =>
      assert.equal(await metric("zoogate_cache_pinned_bytes"), 0),
    );
  });
});

/** Asks, and reads nothing until somebody listens. */
async function slowReader(port: number, path: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.pause();
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: www\r\nConnection: close\r\n\r\n`,
  );
  await once(socket, "readable");
  return socket;
}

describe("startDataPlane() with several workers", () => {
  const cached = { cache: { ...definition().cache, enabled: true } };

  test("purges in all workers, and counts what it removed once", async (t) => {
    let serial = 0;
    const target = await startTarget((_request, response) => {
      response.setHeader("Cache-Control", "max-age=1000");
      response.setHeader("X-Serial", String((serial += 1)));
      response.end("body");
    });
    t.after(target.close);
    const { plane, url } = await startProxy(
      [serviceView([target.view()], { definition: cached })],
      { workers: 3 },
    );
    t.after(() => plane.close({ signal: AbortSignal.abort() }));
    assert.deepEqual(await serials(`${url}/a`, 100), new Set(["1"]));
    await ask(`${url}/b`);
    const host = new URL(url).host;
    const purged = await plane.purge({
      kind: "url",
      service: "www",
      host,
      target: "/a",
    });
    assert.equal(purged, 1);
    assert.deepEqual(await serials(`${url}/a`, 100), new Set(["3"]));
    assert.equal(
      await plane.purge({ kind: "prefix", service: "www", prefix: "/" }),
      2,
    );
    const { cache, workers } = await plane.stats();
    assert.equal(cache.entries, 0);
    for (const worker of workers) assert.ok(worker.cache.hits.fresh > 0);
  });

  test("keeps what is stored when a worker dies, and gives back what it was receiving", async (t) => {
    const begun = Promise.withResolvers<void>();
    const target = await startTarget((request, response) => {
      response.setHeader("Cache-Control", "max-age=1000");
      if (request.url !== "/never") response.end("body");
      else {
        response.setHeader("Content-Length", "3000000");
        response.write("x".repeat(100_000));
        begun.resolve();
      }
    });
    t.after(target.close);
    const { plane, url } = await startProxy(
      [serviceView([target.view()], { definition: cached })],
      { workers: 2 },
    );
    t.after(() => plane.close({ signal: AbortSignal.abort() }));
    await ask(`${url}/kept`);
    const { bytes } = (await plane.stats()).cache;
    ask(`${url}/never`).catch(() => {});
    await begun.promise;
    await eventually(async () =>
      assert.ok((await plane.stats()).cache.bytes > 3_000_000),
    );
    const threads = plane as typeof plane & {
      workerThread(column: number): { terminate(): Promise<number> };
    }; // the plane's own, for tests
    for (const column of [1, 2]) {
      await threads.workerThread(column).terminate();
      await eventually(async () =>
        assert.equal((await plane.stats()).workers.length, 2),
      );
    }
    await eventually(async () =>
      assert.equal((await plane.stats()).cache.bytes, bytes),
    );
    const { headers } = await ask(`${url}/kept`);
    assert.match(String(headers["cache-status"]), /hit/u);
  });
});
