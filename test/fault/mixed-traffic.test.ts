/**
 * A random mix of everything clients do, through a proxy of two workers, while
 * targets answer in every way they may. Each body says whose it is, so that
 * anything mixed up, lost, doubled or cut short is seen. `ZOOGATE_SEED` repeats
 * a run, `ZOOGATE_SOAK_SECONDS` makes it longer.
 */
import assert from "node:assert/strict";
import { Agent, type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import {
  definition,
  serviceView,
  startProxy,
  startTarget,
} from "../scenario/proxy-harness.ts";
import { answerAny, contentOf } from "./any-target.ts";
import { pipeline, rawGet } from "./raw-exchange.ts";
import { Random, seedFromEnvironment } from "../fuzz/http-random.ts";

const SECONDS = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? 6);
const LANES = 24;

interface Place {
  readonly port: number;
  readonly agent: Agent;
  readonly random: Random;
  readonly counts: Map<string, number>;
}

/** One kind of request, its answer checked byte by byte. */
type Kind = (place: Place) => Promise<void>;

/** One of a few hundred; some are asked for far more often. */
function anyPath(random: Random): string {
  return `/any/${random.below(random.once(2) ? 8 : 400)}`;
}

function ask(
  { port, agent }: Place,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: readonly Buffer[];
    readonly leaveAfter?: number;
  } = {},
): Promise<{ readonly response: IncomingMessage; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers = {}, body = [], leaveAfter } = options;
    const outgoing = request({ port, agent, path, method, headers });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("error", reject);
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (leaveAfter !== undefined && bytes >= leaveAfter) outgoing.destroy();
      });
      response.on("end", () =>
        resolve({ response, body: Buffer.concat(chunks) }),
      );
    });
    for (const piece of body) outgoing.write(piece);
    outgoing.end();
  });
}

function sameBytes(path: string, got: Buffer, expected: Buffer): void {
  if (got.equals(expected)) return;
  let at = 0;
  while (at < got.length && got[at] === expected[at]) at += 1;
  assert.fail(
    `${path}: ${got.length} bytes of ${expected.length}, other from ${at}: ${JSON.stringify(got.subarray(at, at + 80).toString("latin1"))}`,
  );
}

const KINDS: Readonly<Record<string, Kind>> = {
  async get(place) {
    const path = anyPath(place.random);
    const { response, body } = await ask(place, path);
    assert.equal(response.statusCode, 200, path);
    sameBytes(path, body, contentOf(path));
  },
  async head(place) {
    const path = anyPath(place.random);
    const { response, body } = await ask(place, path, { method: "HEAD" });
    assert.equal(response.statusCode, 200, path);
    assert.equal(body.length, 0, path);
  },
  async conditional(place) {
    const path = anyPath(place.random);
    const { response, body } = await ask(place, path, {
      headers: { "if-none-match": `"${path}"` },
    });
    // What turns out not to be stored may come whole.
    if (response.statusCode === 304) assert.equal(body.length, 0, path);
    else sameBytes(path, body, contentOf(path));
  },
  async range(place) {
    const path = anyPath(place.random);
    const whole = contentOf(path);
    const from = place.random.below(Math.max(1, whole.length));
    const { response, body } = await ask(place, path, {
      headers: { range: `bytes=${from}-` },
    });
    if (response.statusCode === 200) sameBytes(path, body, whole);
    else {
      assert.equal(response.statusCode, whole.length === 0 ? 416 : 206, path);
      sameBytes(path, body, whole.subarray(from));
    }
  },
  async echo(place) {
    const pieces = Array.from({ length: place.random.below(4) }, () =>
      contentOf(anyPath(place.random)),
    );
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
    const headers = place.random.once(2)
      ? { "content-length": String(length) }
      : { "transfer-encoding": "chunked" };
    const { response, body } = await ask(place, "/echo", {
      method: "POST",
      headers,
      body: pieces,
    });
    assert.equal(response.statusCode, 200);
    sameBytes("/echo", body, Buffer.concat(pieces));
  },
  async leaving(place) {
    const leaveAfter = place.random.below(30_000);
    await ask(place, anyPath(place.random), { leaveAfter }).catch(() => {});
  },
  async pipelined(place) {
    const paths = Array.from({ length: 2 + place.random.below(6) }, () =>
      anyPath(place.random),
    );
    const bodies = await pipeline(place.port, paths);
    paths.forEach((path, index) =>
      sameBytes(path, bodies[index] ?? Buffer.alloc(0), contentOf(path)),
    );
  },
  async old(place) {
    const path = anyPath(place.random);
    const answer = await rawGet(
      place.port,
      `GET ${path} HTTP/1.0\r\nHost: a\r\n\r\n`,
    );
    assert.equal(answer.status, 200, path);
    sameBytes(path, answer.body, contentOf(path));
  },
};

test(`startDataPlane() mixes nothing up and loses nothing for ${SECONDS} s`, async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`ZOOGATE_SEED=${seed}`);
  const targets = await Promise.all(
    [1, 2, 3].map(() => startTarget(answerAny)),
  );
  for (const target of targets) t.after(target.close);
  const { cache } = definition();
  const { plane, port } = await startProxy(
    [
      serviceView(
        targets.map((target) => target.view()),
        { definition: { cache: { ...cache, enabled: true } } },
      ),
    ],
    { workers: 2, cacheBytes: 4 * 1024 * 1024 },
  );
  t.after(() => plane.close({ signal: AbortSignal.abort() }));
  const agent = new Agent({ keepAlive: true, maxSockets: LANES });
  const counts = new Map<string, number>();
  const names = Object.keys(KINDS);
  const untilMs = performance.now() + SECONDS * 1000;
  const failures: string[] = [];
  const lane = async (index: number) => {
    const random = new Random(seed + index);
    const place = { port, agent, random, counts };
    while (performance.now() < untilMs && failures.length < 5) {
      const name = names[random.below(names.length)] ?? "get";
      counts.set(name, (counts.get(name) ?? 0) + 1);
      try {
        await KINDS[name]?.(place);
      } catch (error) {
        failures.push(`${name}: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)));
  agent.destroy();
  t.diagnostic(JSON.stringify(Object.fromEntries(counts)));
  assert.deepEqual(failures, []);
  await eventually(async () => {
    const { totals, targets: seen } = await plane.stats();
    assert.equal(totals.connectionsActive, 0);
    for (const { inFlight, name } of seen) assert.equal(inFlight, 0, name);
  });
});
