import { stat, truncate } from "node:fs/promises";
import {
  type H2loadOptions,
  runH2load,
  runH2loadTimed,
} from "../load/h2load.ts";
import { percentilesOf } from "../statistics.ts";
import { type Answer, ask } from "./ask.ts";
import { type Contender, urlOf } from "./contender.ts";
import { cpuTimeNs, residentBytes, waitTimeNs } from "./cpu-time.ts";
import { IdleConnections } from "./idle-connections.ts";
import type { CpuSample, IdleSample, LatencySample } from "./sample.ts";
import { scenarioRule, type Scenario, type ScenarioRule } from "./scenarios.ts";

/** How the load is made. */
export interface LoadShape {
  readonly connections: number;
  readonly seconds: number;
  readonly loadCore: number;
}

/** One contender in one scenario it supports, in one round. */
export interface Turn {
  readonly contender: Contender;
  readonly scenario: Scenario;
  readonly round: number;
  readonly shape: LoadShape;
}

/** HTTP/2 clients send many requests on few connections; as many in all. */
const H2_STREAMS = 8;
const IDLE_CONNECTIONS = 10_000;
const FIRST_CONNECTIONS = 1000;
const SETTLE_MS = 1500;

/**
 * Asks until the answer is right and comes from where the scenario says; a
 * contender that answers something else is not measured.
 */
export async function checkAnswers(
  contender: Contender,
  scenario: Scenario,
): Promise<void> {
  const rule = scenarioRule(scenario);
  const url = urlFor(contender, scenario);
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const answer = await ask(url).catch((error: unknown) => String(error));
    const fault =
      typeof answer === "string" ? answer : faultOf(answer, rule.content);
    if (fault === undefined) return;
    if (performance.now() > deadlineMs)
      throw new Error(
        `Cannot measure ${contender.name}, ${scenario}: ${fault}\n${contender.server.output}`,
      );
    await wait(50);
  }
}

/** What is wrong with an answer; undefined when nothing is. */
export function faultOf(
  answer: Answer,
  content: ScenarioRule["content"],
): string | undefined {
  const { status, headers, bytes } = answer;
  if (status !== 200 || bytes !== content.bytes)
    return `status ${status} with ${bytes} bytes`;
  const cacheStatus = headers["cache-status"]?.toString();
  const own = headers["x-cache"]?.toString();
  const isHit =
    cacheStatus === undefined
      ? own === "HIT" || headers.age !== undefined
      : /(?:^|,)[^,]*; hit/.test(cacheStatus);
  return isHit === content.mayStore
    ? undefined
    : `it is ${isHit ? "" : "not "}from its store (${cacheStatus ?? own ?? "no word"})`;
}

/** Warms up for a second, then measures at full load. */
export async function measureCpu(turn: Turn): Promise<CpuSample> {
  const { contender, scenario, round, shape } = turn;
  const load = loadOf(turn);
  const { count } = scenarioRule(scenario);
  await runH2load({ ...load, length: { seconds: 1 } });
  const length = count ?? { seconds: shape.seconds };
  const { result, micros } = await withCpu(turn, () =>
    runH2load({ ...load, length }),
  );
  return {
    kind: "cpu",
    contender: contender.name,
    scenario,
    round,
    perSecond: result.perSecond,
    cpuMicrosPerRequest: micros / result.requests,
    residentBytes: residentBytes(contender.server.pid),
  };
}

/** Before anything is measured: compilers have compiled, pools are full. */
export async function warmUp(turn: Omit<Turn, "round">): Promise<void> {
  await runH2load({ ...loadOf(turn), length: { seconds: 2 } });
}

/** Requests a second at full load. */
export async function saturation(turn: Omit<Turn, "round">): Promise<number> {
  const length = { seconds: 2 };
  const { perSecond } = await runH2load({ ...loadOf(turn), length });
  return perSecond;
}

/** Warms up for a second, then measures at so many requests a second. */
export async function measureLatency(
  turn: Turn,
  rate: number,
): Promise<LatencySample> {
  const { contender, scenario, round, shape } = turn;
  const load = { ...loadOf(turn), rate };
  await runH2load({ ...load, length: { seconds: 1 } });
  const waitedNs = waitTimeNs(contender.server.pid);
  const fromMs = performance.now();
  const { result, micros } = await withCpu(turn, () =>
    runH2loadTimed({ ...load, length: { seconds: shape.seconds } }),
  );
  const waitedMs = Number(waitTimeNs(contender.server.pid) - waitedNs) / 1e6;
  return {
    kind: "latency",
    contender: contender.name,
    scenario,
    round,
    askedPerSecond: rate,
    perSecond: result.requests / shape.seconds,
    cpuMicrosPerRequest: micros / result.requests,
    micros: percentilesOf(result.micros),
    waitShare: waitedMs / (performance.now() - fromMs),
    residentBytes: residentBytes(contender.server.pid),
  };
}

/**
 * A contender fresh from its start. The first connections bring in what is
 * needed once; what each of the others adds is measured. No load comes before:
 * it would leave room in a heap that then hides them.
 */
export async function measureIdle(turn: Turn): Promise<IdleSample> {
  const { contender, scenario, round } = turn;
  using connections = new IdleConnections(urlFor(contender, scenario));
  await connections.open(FIRST_CONNECTIONS);
  await wait(SETTLE_MS);
  const before = residentBytes(contender.server.pid);
  await connections.open(IDLE_CONNECTIONS - FIRST_CONNECTIONS);
  await wait(SETTLE_MS);
  if (connections.lost > 0)
    throw new Error(
      `Cannot measure ${contender.name}: it closed ${connections.lost} of ${IDLE_CONNECTIONS} connections\n${contender.server.output}`,
    );
  const after = residentBytes(contender.server.pid);
  return {
    kind: "idle",
    contender: contender.name,
    scenario,
    round,
    connections: IDLE_CONNECTIONS,
    bytesPerConnection:
      (after - before) / (IDLE_CONNECTIONS - FIRST_CONNECTIONS),
    residentBytes: after,
  };
}

function loadOf(turn: Omit<Turn, "round">): Omit<H2loadOptions, "length"> {
  const { contender, scenario, shape } = turn;
  const { protocol, count } = scenarioRule(scenario);
  const streams = protocol === "h2" ? H2_STREAMS : 1;
  const connections = Math.max(1, Math.round(shape.connections / streams));
  return {
    url: urlFor(contender, scenario),
    core: shape.loadCore,
    connections: count?.connections ?? connections,
    streams,
    protocol,
  };
}

/** Runs a load and answers the CPU time the contender took for it. */
async function withCpu<T extends { requests: number; failed: number }>(
  turn: Turn,
  load: () => Promise<T>,
): Promise<{ readonly result: T; readonly micros: number }> {
  const { contender, scenario } = turn;
  const before = cpuTimeNs(contender.server.pid);
  const result = await load();
  const micros = Number(cpuTimeNs(contender.server.pid) - before) / 1000;
  if (result.failed > 0 || result.requests === 0)
    throw new Error(
      `Cannot measure ${contender.name}, ${scenario}: ${result.failed} of ${result.requests} requests failed\n${contender.server.output}`,
    );
  if (scenarioRule(scenario).accessLog) await emptyAccessLog(contender);
  return { result, micros };
}

/** Memory holds it: it must not pile up. One without a line was never written. */
async function emptyAccessLog({
  name,
  accessLogFile,
}: Contender): Promise<void> {
  if (accessLogFile === undefined) return;
  const { size } = await stat(accessLogFile);
  if (size === 0) throw new Error(`Cannot measure ${name}: it wrote no log`);
  await truncate(accessLogFile);
}

function urlFor(contender: Contender, scenario: Scenario): string {
  const url = urlOf(contender, scenarioRule(scenario));
  if (url !== undefined) return url;
  throw new TypeError(`Cannot measure ${contender.name}, ${scenario}`);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
