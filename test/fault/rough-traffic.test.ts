/**
 * The worst of both sides at once, through a real proxy of two workers: clients
 * that read or write slowly, never, or not to the end, that leave in every way
 * there is, over HTTP/1.1, TLS and HTTP/2; targets that answer early, never,
 * halfway, with garbage or a reset; stored, joined and passing answers, and
 * tunnels. Then everybody goes, and nothing of them may be left: no memory, no
 * connection on either side, no file, nothing in the metrics. `ZOOGATE_SEED`
 * repeats a run's choices, `ZOOGATE_SOAK_SECONDS` makes it longer.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { delay } from "../../src/base/index.ts";
import { Random, seedFromEnvironment } from "../fuzz/http-random.ts";
import { eventually } from "../support/eventually.ts";
import { get } from "../support/http-client.ts";
import { figuresOf, metricSum } from "../support/process-figures.ts";
import { startSecureProxy } from "../support/secure-proxy.ts";
import { WAYS } from "./rough-clients.ts";
import { RoughTarget } from "./rough-target.ts";

const SOAK_SECONDS = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? 0);
const SECONDS = SOAK_SECONDS > 0 ? SOAK_SECONDS : 9;
const LANES = 60;
/** Clients give up after less. */
const STUCK_MS = 20_000;
const SAMPLE_MS = 250;
/** Until the pools, compilers and the store have what they will have. */
const WARM_SHARE = 0.2;
/**
 * Of the last third above the first. A short run still grows: code is compiled
 * and heaps find their size.
 */
const ALLOWED_GROWTH_BYTES = SOAK_SECONDS >= 60 ? 25e6 : 80e6;

const CONFIG = `
zookeeper: none
listen: 127.0.0.1:0
admin: 127.0.0.1:0
workers: 2
data: state
cacheSize: 8MB
limits:
  headTimeout: 1s
  idleTimeout: 1s
  stallTimeout: 1s
  tunnelIdle: 1500ms
  connectTimeout: 1s
  slowHead: 500ms
  upstreamIdle: 1s
services:
  www:
    retry: { headTimeout: 1500ms, wait: 1s }
    health: { failures: 1000 }
`;

/** A proxy from a configuration file, before two rough targets. */
function startProxy(t: TestContext, targets: readonly RoughTarget[]) {
  const urls = targets.map(({ port }) => `"http://127.0.0.1:${port}"`);
  return startSecureProxy(
    t,
    `${CONFIG}    targets: [${urls.join(", ")}]
`,
  );
}

/** Every lane does one thing after the other until the time is over. */
async function makeTrouble(
  place: { readonly port: number; readonly tlsPort: number },
  seed: number,
): Promise<ReadonlyMap<string, number>> {
  const untilMs = performance.now() + SECONDS * 1000;
  const counts = new Map<string, number>();
  const names = Object.keys(WAYS);
  const lane = async (index: number) => {
    const random = new Random(seed + index);
    while (performance.now() < untilMs) {
      const name = random.pick(names);
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const over = new AbortController();
      const stuck = delay(STUCK_MS, { signal: over.signal, keepAlive: true });
      const way = WAYS[name]?.({ ...place, random }).catch(() => {
        // Cut before it was there: part of the trouble.
      });
      await Promise.race([
        way,
        stuck.then(
          () => assert.fail(`${name} never got away`),
          () => {},
        ),
      ]);
      over.abort();
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index)));
  return counts;
}

interface MemorySample {
  readonly residentBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
}

/** Samples until `done`; the heap is the main thread's, the rest all threads'. */
async function watchMemory(
  proxy: Awaited<ReturnType<typeof startProxy>>,
  done: Promise<unknown>,
): Promise<readonly MemorySample[]> {
  const samples: MemorySample[] = [];
  const isOver = done.then(() => true);
  const wait = () => delay(SAMPLE_MS, { keepAlive: true }).then(() => false);
  while (!(await Promise.race([isOver, wait()]))) {
    const metrics = await proxy.metrics();
    samples.push({
      residentBytes: figuresOf(proxy.command.pid).residentBytes,
      heapBytes: metricSum(metrics, "nodejs_heap_size_used_bytes"),
      externalBytes: metricSum(metrics, "nodejs_external_memory_bytes"),
    });
  }
  return samples;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function staysFlat(t: TestContext, samples: readonly MemorySample[]): void {
  const warm = samples.slice(Math.floor(samples.length * WARM_SHARE));
  const third = Math.floor(warm.length / 3);
  for (const [name, value] of [
    ["resident", (one: MemorySample) => one.residentBytes],
    ["heap", (one: MemorySample) => one.heapBytes],
    ["external", (one: MemorySample) => one.externalBytes],
  ] as const) {
    const first = median(warm.slice(0, third).map(value));
    const last = median(warm.slice(-third).map(value));
    const most = Math.max(...samples.map(value));
    const [a, b, c] = [first, last, most].map((one) => (one / 1e6).toFixed(1));
    t.diagnostic(`${name}: first third ${a} MB, last ${b} MB, most ${c} MB`);
    assert.ok(last - first < ALLOWED_GROWTH_BYTES, `${name} grew: ${a}, ${b}`);
  }
}

test(`zoogate proxy holds nothing of rough clients and targets after ${SECONDS} s`, async (t) => {
  const seed = seedFromEnvironment();
  t.diagnostic(`ZOOGATE_SEED=${seed}`);
  const targets = [await RoughTarget.start(), await RoughTarget.start()];
  for (const target of targets) t.after(() => target.close());
  const proxy = await startProxy(t, targets);
  assert.equal((await get(`${proxy.url}/good/1`)).status, 200);
  const before = figuresOf(proxy.command.pid);
  const trouble = makeTrouble(proxy, seed);
  const samples = await watchMemory(proxy, trouble);
  t.diagnostic(JSON.stringify(Object.fromEntries(await trouble)));
  const asked = targets.reduce((sum, { requests }) => sum + requests, 0);
  const taken = targets.reduce((sum, { accepted }) => sum + accepted, 0);
  t.diagnostic(`targets: ${asked} requests on ${taken} connections`);
  await eventually(async () => {
    const metrics = await proxy.metrics();
    for (const gauge of [
      "zoogate_connections_active",
      "zoogate_requests_waiting",
      "zoogate_target_requests_in_flight",
      "zoogate_target_tunnels",
    ])
      assert.equal(metricSum(metrics, gauge), 0, gauge);
    for (const { open } of targets) assert.equal(open, 0, "at a target");
    const { files } = figuresOf(proxy.command.pid);
    assert.ok(files <= before.files + 4, `${files} files, ${before.files}`);
  });
  assert.equal((await get(`${proxy.url}/good/1`)).status, 200);
  assert.doesNotMatch(proxy.command.stderr, / ERROR /u);
  staysFlat(t, samples);
});
