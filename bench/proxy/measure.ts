import type { Contender, Scenario } from "./contender.ts";
import { cpuTimeNs, residentBytes } from "./cpu-time.ts";
import { generateLoad } from "./load-generator.ts";
import { BODY_BYTES } from "./origin.ts";

/** One contender in one scenario in one round. */
export interface Sample {
  readonly contender: string;
  readonly scenario: Scenario;
  readonly round: number;
  readonly perSecond: number;
  readonly cpuMicrosPerRequest: number;
  readonly residentBytes: number;
}

/** How the load is made. */
export interface LoadShape {
  readonly connections: number;
  readonly seconds: number;
  readonly loadCore: number;
}

/**
 * Asks until the answer is right and comes from where the scenario says; a
 * contender that answers something else is not measured.
 */
export async function checkAnswers(contender: Contender): Promise<void> {
  for (const [scenario, url] of Object.entries(contender.urls)) {
    const deadlineMs = performance.now() + 10_000;
    for (;;) {
      const fault = await faultOf(url, scenario === "cached");
      if (fault === undefined) break;
      if (performance.now() > deadlineMs)
        throw new Error(
          `Cannot measure ${contender.name}, ${scenario}: ${fault}\n${contender.server.output}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function faultOf(
  url: string,
  fromStore: boolean,
): Promise<string | undefined> {
  const response = await fetch(url).catch((error: unknown) => String(error));
  if (typeof response === "string") return response;
  const body = await response.text();
  if (response.status !== 200 || body.length !== BODY_BYTES)
    return `status ${response.status} with ${body.length} bytes`;
  const cacheStatus = response.headers.get("cache-status");
  const isHit =
    cacheStatus === null
      ? response.headers.get("x-cache") === "HIT" || response.headers.has("age")
      : /(?:^|,)[^,]*; hit/.test(cacheStatus);
  return isHit === fromStore
    ? undefined
    : `it is ${isHit ? "" : "not "}from its store (${cacheStatus ?? response.headers.get("x-cache") ?? "no word"})`;
}

/** Warms up for a second, then measures. */
export async function measure(
  contender: Contender,
  scenario: Scenario,
  options: { readonly round: number; readonly shape: LoadShape },
): Promise<Sample> {
  const { round, shape } = options;
  const url = contender.urls[scenario];
  const load = { url, core: shape.loadCore, connections: shape.connections };
  await generateLoad({ ...load, seconds: 1 });
  const before = cpuTimeNs(contender.server.pid);
  const result = await generateLoad({ ...load, seconds: shape.seconds });
  const usedNs = Number(cpuTimeNs(contender.server.pid) - before);
  if (result.failed > 0 || result.requests === 0)
    throw new Error(
      `Cannot measure ${contender.name}, ${scenario}: ${result.failed} of ${result.requests} requests failed\n${contender.server.output}`,
    );
  return {
    contender: contender.name,
    scenario,
    round,
    perSecond: result.perSecond,
    cpuMicrosPerRequest: usedNs / 1000 / result.requests,
    residentBytes: residentBytes(contender.server.pid),
  };
}
