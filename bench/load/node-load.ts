import { Agent, request } from "node:http";
import { percentilesOf } from "../statistics.ts";
import type { LoadOutcome } from "./verdict.ts";

const TICK_MS = 5;
/** A server that answers nothing must not fill memory with requests. */
const MAX_OPEN = 20_000;
const ANSWER_TIMEOUT_MS = 10_000;

/**
 * Load without any other program, for machines that have no h2load: sends what
 * is due every 5 ms and counts each answer's time from when its request was due,
 * so that a server which stalls is charged for those it kept waiting.
 */
export async function runNodeLoad(options: {
  readonly url: URL;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly connections: number;
}): Promise<LoadOutcome> {
  const { url, ratePerSecond, seconds, connections } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  const open = new Set<Promise<void>>();
  let errors = 0;
  const send = (dueMs: number) => {
    if (open.size >= MAX_OPEN) {
      errors++;
      return;
    }
    const one = get(url, agent)
      .then((isGood) => {
        if (isGood) times.push(performance.now() - dueMs);
        else errors++;
      })
      .finally(() => open.delete(one));
    open.add(one);
  };
  const startMs = performance.now();
  const total = Math.round(ratePerSecond * seconds);
  for (let next = 0; next < total;) {
    const passedS = (performance.now() - startMs) / 1000;
    const due = Math.min(total, Math.ceil(passedS * ratePerSecond));
    for (; next < due; next++) send(startMs + (next * 1000) / ratePerSecond);
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
  await Promise.all(open);
  const tookS = (performance.now() - startMs) / 1000;
  agent.destroy();
  return {
    requests: total,
    errors,
    perSecond: times.length / Math.max(seconds, tookS),
    ms: percentilesOf(Float64Array.from(times)),
  };
}

/** Whether the answer was a 2xx, whole. */
function get(url: URL, agent: Agent): Promise<boolean> {
  return new Promise((resolve) => {
    const sent = request(
      url,
      { agent, timeout: ANSWER_TIMEOUT_MS },
      (response) => {
        const { statusCode = 0 } = response;
        response.resume();
        response.on("error", () => resolve(false));
        response.on("end", () =>
          resolve(statusCode >= 200 && statusCode < 300),
        );
      },
    );
    sent.on("error", () => resolve(false));
    sent.on("timeout", () => sent.destroy(new Error("Nothing came in time")));
    sent.end();
  });
}
