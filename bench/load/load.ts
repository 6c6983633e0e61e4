/**
 * `npm run load`: requests one URL of a running proxy at a fixed rate, and fails
 * when it is too slow or answers wrongly. Loads this machine only, unless told
 * that the other one may be.
 */
import { parseArgs } from "node:util";
import { runProgram, wholeNumber } from "../arguments.ts";
import { percentilesOf } from "../statistics.ts";
import { evenConnections, hasH2load, runH2loadTimed } from "./h2load.ts";
import { runNodeLoad } from "./node-load.ts";
import { isLoopback } from "./own-host.ts";
import { type LoadOutcome, verdict } from "./verdict.ts";

const HELP = `npm run load -- URL [options]

  --rate N            requests a second (1000)
  --duration N        seconds (10)
  --p99-ms X          the 99th percentile may be this long; no limit when absent
  --max-errors N      answers other than 2xx, and none at all (0)
  --connections N     kept connections (64)
  --without-h2load    load from Node.js itself, as when h2load is not installed
  --i-own-this-host   load another machine than this one

Exits with 0 when every threshold is kept (the rate must be reached to 95 %),
with 1 when one is not.`;

const MAX_RATE = 200_000;
const MAX_SECONDS = 600;
const MAX_CONNECTIONS = 1000;

interface Load {
  readonly url: URL;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly connections: number;
}

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rate: { type: "string", default: "1000" },
      duration: { type: "string", default: "10" },
      "p99-ms": { type: "string" },
      "max-errors": { type: "string", default: "0" },
      connections: { type: "string", default: "64" },
      "without-h2load": { type: "boolean", default: false },
      "i-own-this-host": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return true;
  }
  const load = {
    url: urlFrom(positionals),
    ratePerSecond: wholeNumber("rate", values.rate, MAX_RATE),
    seconds: wholeNumber("duration", values.duration, MAX_SECONDS),
    connections: wholeNumber(
      "connections",
      values.connections,
      MAX_CONNECTIONS,
    ),
  };
  const thresholds = {
    ratePerSecond: load.ratePerSecond,
    p99Ms: atLeastZero("p99-ms", values["p99-ms"]),
    maxErrors: atLeastZero("max-errors", values["max-errors"]) ?? 0,
  };
  if (!values["i-own-this-host"] && !(await isLoopback(load.url)))
    throw new Error(
      `Cannot load ${load.url.host}: it is another machine; say --i-own-this-host if it is yours`,
    );
  const outcome =
    !values["without-h2load"] && hasH2load()
      ? await withH2load(load)
      : await runNodeLoad(load);
  return print(outcome, verdict(outcome, thresholds));
}

async function withH2load(load: Load): Promise<LoadOutcome> {
  const { url, ratePerSecond, seconds } = load;
  const result = await runH2loadTimed({
    url: url.href,
    connections: evenConnections(ratePerSecond, load.connections),
    length: { seconds },
    rate: ratePerSecond,
  });
  return {
    requests: result.requests,
    errors: result.failed,
    perSecond: (result.requests - result.failed) / seconds,
    ms: percentilesOf(result.micros.map((micros) => micros / 1000)),
  };
}

function print(
  { ms, requests }: LoadOutcome,
  checks: ReturnType<typeof verdict>,
): boolean {
  console.log(
    `${requests} requests; p50 ${ms.p50.toFixed(2)} ms, p99 ${ms.p99.toFixed(2)} ms, p99.9 ${ms.p999.toFixed(2)} ms`,
  );
  for (const { what, seen, limit, isKept } of checks)
    console.log(
      `${isKept ? "kept  " : "BROKEN"}  ${what.padEnd(6)}  ${seen}, ${limit}`,
    );
  return checks.every(({ isKept }) => isKept);
}

function urlFrom(positionals: readonly string[]): URL {
  const [text = ""] = positionals;
  const url = URL.parse(text);
  if (positionals.length === 1 && url?.protocol === "http:") return url;
  throw new TypeError(
    `Cannot load ${JSON.stringify(positionals.join(" "))}: it should be one URL that begins with http://`,
  );
}

function atLeastZero(
  name: string,
  text: string | undefined,
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new RangeError(`Cannot use --${name} ${text}: it is 0 or more`);
}

await runProgram(main);
