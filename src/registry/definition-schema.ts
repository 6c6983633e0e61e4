import * as v from "valibot";
import { isNetwork } from "../base/index.ts";
import type { HashSource, ServiceDefinition } from "./definition.ts";
import { deepFreeze, parseJson, type Parsed } from "./parse-json.ts";
import { Host, Path } from "./definition-text.ts";
import { Auth } from "./auth-schema.ts";
import { Headers } from "./header-schema.ts";
import { Paths, Redirects } from "./path-schema.ts";

/** What the value of a service's node says. */
export type DefinitionNode =
  /** No data: no definition. */
  | { readonly kind: "empty" }
  | { readonly kind: "definition"; readonly definition: ServiceDefinition }
  /** `{"removed": true}`: an operator took the service out of service. */
  | { readonly kind: "removed" };

const count = (min: number, max: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(min), v.maxValue(max));
const durationMs = (min: number) => count(min, 86_400_000);

const HASH =
  /^(?:path|address|(?:cookie|header):[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128})$/;
const Hash = v.pipe(
  v.string(),
  v.regex(
    HASH,
    (issue) =>
      `${issue.received} is not "path", "address", "cookie:NAME" or "header:NAME"`,
  ),
  v.transform(readHash),
);

function readHash(text: string): HashSource {
  if (text === "path" || text === "address") return { kind: text };
  const [kind, name = ""] = text.split(":");
  return kind === "cookie"
    ? { kind: "cookie", name }
    : { kind: "header", name: name.toLowerCase() };
}

const Cache = v.object({
  enabled: v.optional(v.boolean(), true),
  defaultTtlMs: v.optional(durationMs(0), 120_000),
  heuristic: v.optional(
    v.picklist(["last-modified", "all", "off"]),
    "last-modified",
  ),
  maxEntryBytes: v.optional(count(0, 2 ** 31 - 1), 16 * 1024 * 1024),
});

const Retry = v.object({
  attempts: v.optional(count(1, 10), 3),
  headTimeoutMs: v.optional(durationMs(1), 60_000),
  statuses: v.optional(
    v.pipe(v.array(count(400, 599)), v.maxLength(32)),
    () => [502, 503, 504],
  ),
  deadlineMs: v.optional(durationMs(0), 10_000),
  waitMs: v.optional(durationMs(0), 5_000),
});

const ActiveCheck = v.object({
  path: Path,
  intervalMs: v.optional(durationMs(100), 5_000),
  timeoutMs: v.optional(durationMs(1), 2_000),
  rise: v.optional(count(1, 100), 2),
  fall: v.optional(count(1, 100), 3),
});

const Health = v.object({
  failures: v.optional(count(1, 1_000), 5),
  ejectMs: v.optional(durationMs(100), 30_000),
  maxEjectMs: v.optional(durationMs(100), 300_000),
  active: v.optional(ActiveCheck),
});

const Compress = v.object({
  enabled: v.optional(v.boolean(), false),
  minBytes: v.optional(count(0, 2 ** 31 - 1), 1_024),
  codings: v.optional(
    v.pipe(
      v.array(v.picklist(["zstd", "br", "gzip"])),
      v.minLength(1),
      v.maxLength(3),
    ),
    () => ["zstd", "br", "gzip"] as const,
  ),
  types: v.optional(
    v.pipe(
      v.array(
        v.pipe(
          v.string(),
          v.toLowerCase(),
          v.regex(
            /^[!#$&^_.+0-9a-z-]{1,63}\/[!#$&^_.+0-9a-z-]{1,63}$/,
            (issue) =>
              `${issue.received} is not a media type such as "text/plain"`,
          ),
        ),
      ),
      v.maxLength(64),
    ),
    () => [],
  ),
});

const Capacity = v.object({
  perTarget: v.optional(count(0, 1_000_000), 0),
  queue: v.optional(count(0, 1_000_000), 1_024),
  queueMs: v.optional(durationMs(0), 5_000),
});

const Rollout = v.object({
  mode: v.optional(v.picklist(["mixed", "cutover"]), "mixed"),
  min: v.optional(count(1, 10_000), 1),
  skew: v.optional(v.picklist(["off", "protect"]), "off"),
  pin: v.optional(
    v.pipe(v.string(), v.regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/)),
  ),
});

const Networks = v.pipe(
  v.array(
    v.pipe(
      v.string(),
      v.check(
        isNetwork,
        (issue) =>
          `${issue.received} is not an IP address or a network such as "10.0.0.0/8"`,
      ),
    ),
  ),
  v.maxLength(1_000),
);

const Access = v.object({
  allow: v.optional(Networks, () => []),
  deny: v.optional(Networks, () => []),
});

const RateLimit = v.object({
  requestsPerSecond: count(1, 1_000_000),
  burst: v.optional(count(1, 1_000_000), 100),
});

const Definition = v.pipe(
  v.object({
    hosts: v.optional(v.pipe(v.array(Host), v.maxLength(1_000)), () => []),
    path: v.optional(Path, "/"),
    paths: v.optional(Paths, {}),
    redirects: v.optional(Redirects, () => []),
    headers: v.optional(Headers, {}),
    auth: v.optional(Auth),
    replaceErrors: v.optional(v.boolean(), false),
    policy: v.optional(
      v.picklist(["least-requests", "round-robin", "p2c", "hash"]),
      "least-requests",
    ),
    hash: v.optional(Hash),
    slowStartMs: v.optional(durationMs(0), 0),
    proxyProtocol: v.optional(v.picklist(["off", "v1", "v2"]), "off"),
    cache: v.optional(Cache, {}),
    retry: v.optional(Retry, {}),
    health: v.optional(Health, {}),
    compress: v.optional(Compress, {}),
    capacity: v.optional(Capacity, {}),
    rollout: v.optional(Rollout, {}),
    access: v.optional(Access, {}),
    rateLimit: v.optional(RateLimit),
    removed: v.optional(v.boolean(), false),
  }),
  v.check(
    (definition) =>
      definition.policy !== "hash" || definition.hash !== undefined,
    'the policy "hash" needs "hash"',
  ),
);

/** Reads the value of a service's node. */
export function parseDefinition(
  data: Uint8Array | null,
): Parsed<DefinitionNode> {
  if (data === null || data.byteLength === 0)
    return { kind: "value", value: { kind: "empty" }, unknownKeys: [] };
  const parsed = parseJson(Definition, data);
  if (parsed.kind === "reject") return parsed;
  const { removed, ...given } = parsed.value;
  const value: DefinitionNode = removed
    ? { kind: "removed" }
    : { kind: "definition", definition: fill(given) };
  return { ...parsed, value };
}

type Given = Omit<v.InferOutput<typeof Definition>, "removed">;

function fill(given: Given): ServiceDefinition {
  return deepFreeze({
    ...given,
    hosts: [...new Set(given.hosts)],
    hash: given.hash,
    redirects: given.redirects.map((redirect) => ({
      ...redirect,
      scheme: redirect.scheme,
      host: redirect.host,
    })),
    auth: given.auth && {
      ...given.auth,
      userHeader: given.auth.userHeader,
    },
    headers: {
      ...given.headers,
      request: {
        ...given.headers.request,
        host: given.headers.request.host,
      },
    },
    health: { ...given.health, active: given.health.active },
    rollout: { ...given.rollout, pin: given.rollout.pin },
    rateLimit: given.rateLimit,
  });
}

/** A definition that did not come as JSON, or why it is none. */
export type CheckedDefinition =
  | { readonly kind: "definition"; readonly definition: ServiceDefinition }
  | {
      readonly kind: "reject";
      readonly path: readonly (string | number)[];
      readonly message: string;
    };

/** Checks a definition that was read from elsewhere; unknown keys are left out. */
export function checkDefinition(value: unknown): CheckedDefinition {
  const result = v.safeParse(Definition, value);
  if (!result.success) {
    const [issue] = result.issues;
    const path = (issue.path ?? []).map(({ key }) => key);
    return {
      kind: "reject",
      path: path.filter(
        (key) => typeof key === "string" || typeof key === "number",
      ),
      message: issue.message,
    };
  }
  const { removed: _removed, ...given } = result.output;
  return { kind: "definition", definition: fill(given) };
}

/** What holds where nothing is said. */
export const defaultDefinition: ServiceDefinition = makeDefault();

function makeDefault(): ServiceDefinition {
  const { removed: _removed, ...given } = v.parse(Definition, {});
  return fill(given);
}

/** The JSON that {@link parseDefinition} reads as `definition`. */
export function formatDefinition(definition: ServiceDefinition): string {
  const { hash, ...rest } = definition;
  return JSON.stringify({
    ...rest,
    ...(hash === undefined ? {} : { hash: formatHash(hash) }),
  });
}

function formatHash(hash: HashSource): string {
  return "name" in hash ? `${hash.kind}:${hash.name}` : hash.kind;
}

/**
 * A host name as definitions hold it.
 * @returns undefined where it is not a host name
 */
export function readHost(host: string): string | undefined {
  const result = v.safeParse(Host, host);
  return result.success ? result.output : undefined;
}
