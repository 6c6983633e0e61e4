/** Contents that the origin answers with; only the first may be stored. */
export const CONTENTS = {
  cached: { path: "/cached", bytes: 4096, mayStore: true },
  uncached: { path: "/uncached", bytes: 4096, mayStore: false },
  megabyte: { path: "/1mb", bytes: 2 ** 20, mayStore: false },
  hundredMegabytes: { path: "/100mb", bytes: 100 * 2 ** 20, mayStore: false },
} as const satisfies Record<string, Content>;

/** One answer of the origin. */
export interface Content {
  readonly path: string;
  readonly bytes: number;
  readonly mayStore: boolean;
}

/** At most this share of the CPU time (or p99) of the best of these contenders. */
export interface Bar {
  readonly of: readonly string[];
  readonly max: number;
}

/** What is asked of a contender, and what is measured meanwhile. */
export interface ScenarioRule {
  readonly title: string;
  readonly content: Content;
  /** CPU time for each request at full load, percentiles at a fixed rate, or memory of idle connections. */
  readonly measure: "cpu" | "latency" | "idle";
  readonly scheme: "http" | "https";
  readonly protocol: "h1" | "h2";
  /** The contender writes its access log, as it does by default, into a file. */
  readonly accessLog: boolean;
  /** Large answers: how many, over how few connections, instead of a time. */
  readonly count?: { readonly requests: number; readonly connections: number };
  readonly bars: readonly Bar[];
}

const NODE_FIELD = ["@fastify/http-proxy", "http-proxy-3", "httpxy"];

const plain = {
  measure: "cpu",
  scheme: "http",
  protocol: "h1",
  accessLog: false,
  bars: [],
} as const;
const hit = { ...plain, content: CONTENTS.cached };
const pass = { ...plain, content: CONTENTS.uncached };

/** Every scenario, by its name on the command line. */
export const SCENARIOS = {
  cached: {
    ...hit,
    title: "4 KB from the store",
    bars: [{ of: ["nginx", "HAProxy"], max: 0.9 }],
  },
  uncached: {
    ...pass,
    title: "4 KB passed through",
    bars: [
      { of: ["nginx"], max: 1.4 },
      { of: ["Caddy", ...NODE_FIELD], max: 1 / 3 },
    ],
  },
  "uncached-1mb": {
    ...pass,
    title: "1 MB passed through",
    content: CONTENTS.megabyte,
    count: { requests: 2000, connections: 16 },
    bars: [{ of: ["nginx"], max: 1.5 }],
  },
  "uncached-100mb": {
    ...pass,
    title: "100 MB passed through",
    content: CONTENTS.hundredMegabytes,
    count: { requests: 24, connections: 4 },
    bars: [{ of: ["nginx"], max: 1 }],
  },
  "cached-tls": {
    ...hit,
    title: "4 KB from the store, TLS",
    scheme: "https",
  },
  "uncached-tls": {
    ...pass,
    title: "4 KB passed through, TLS",
    scheme: "https",
  },
  "cached-h2": {
    ...hit,
    title: "4 KB from the store, HTTP/2",
    scheme: "https",
    protocol: "h2",
  },
  "uncached-h2": {
    ...pass,
    title: "4 KB passed through, HTTP/2",
    scheme: "https",
    protocol: "h2",
  },
  "cached-log": {
    ...hit,
    title: "4 KB from the store, access log on",
    accessLog: true,
  },
  "uncached-log": {
    ...pass,
    title: "4 KB passed through, access log on",
    accessLog: true,
  },
  "cached-latency": {
    ...hit,
    title: "4 KB from the store, at a fixed rate",
    measure: "latency",
    bars: [{ of: ["nginx"], max: 2 }],
  },
  "uncached-latency": {
    ...pass,
    title: "4 KB passed through, at a fixed rate",
    measure: "latency",
    bars: [{ of: ["nginx"], max: 2 }],
  },
  idle: {
    ...pass,
    title: "10,000 idle connections",
    measure: "idle",
  },
  "idle-tls": {
    ...pass,
    title: "10,000 idle connections, TLS",
    scheme: "https",
    measure: "idle",
  },
} as const satisfies Record<string, ScenarioRule>;

export type Scenario = keyof typeof SCENARIOS;

/** What is measured when nobody asks for more. */
export const DEFAULT_SCENARIOS: readonly Scenario[] = ["cached", "uncached"];

export function scenarioNames(): readonly Scenario[] {
  return Object.keys(SCENARIOS) as Scenario[]; // the keys of a constant
}

export function scenarioRule(name: Scenario): ScenarioRule {
  return SCENARIOS[name];
}

export function isScenario(name: string): name is Scenario {
  return Object.hasOwn(SCENARIOS, name);
}
