/**
 * What a service is, with every default filled in. All values are plain and
 * frozen, so that they can be cloned into workers.
 */

/** How the next target is chosen. */
export type BalancingPolicy = "least-requests" | "round-robin" | "p2c" | "hash";

/** What `hash` reads of a request. `name` is a cookie or a lower-case field name. */
export type HashSource =
  | { readonly kind: "cookie"; readonly name: string }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "path" }
  | { readonly kind: "address" };

/** Which answers get {@link CacheDefinition.defaultTtlMs} when they name no lifetime. */
export type CacheHeuristic = "last-modified" | "all" | "off";

/** Of the PROXY protocol towards targets. */
export type ProxyProtocolDefinition = "off" | "v1" | "v2";

export interface CacheDefinition {
  readonly enabled: boolean;
  /** Lifetime of answers that may be cached heuristically. */
  readonly defaultTtlMs: number;
  readonly heuristic: CacheHeuristic;
  /** Bodies above this are passed through and not stored. */
  readonly maxEntryBytes: number;
}

export interface RetryDefinition {
  /** Targets tried for one request, the first included. */
  readonly attempts: number;
  /** No response head within this: the next target. */
  readonly headTimeoutMs: number;
  /** Statuses of a target for which the next one is tried. */
  readonly statuses: readonly number[];
  /** No new attempt starts later than this after the first. */
  readonly deadlineMs: number;
  /** How long a request waits for a target when there is none. */
  readonly waitMs: number;
}

export interface ActiveCheckDefinition {
  readonly path: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Successes in a row that bring a target back. */
  readonly rise: number;
  /** Failures in a row that eject a target. */
  readonly fall: number;
}

export interface HealthDefinition {
  /** Failures in a row that eject a target. */
  readonly failures: number;
  /** The n-th ejection lasts n times this. */
  readonly ejectMs: number;
  readonly maxEjectMs: number;
  readonly active: ActiveCheckDefinition | undefined;
}

/** A content coding the proxy can make. */
export type ContentCoding = "zstd" | "br" | "gzip";

export interface CompressDefinition {
  readonly enabled: boolean;
  /** Shorter content stays as it is, where its length is told. */
  readonly minBytes: number;
  /** Of two that a client likes equally the earlier is taken. */
  readonly codings: readonly ContentCoding[];
  /** Media types beside those that are known to get smaller; lower case. */
  readonly types: readonly string[];
}

export interface CapacityDefinition {
  /** Requests that one proxy gives each target at one time; 0: as many as come. */
  readonly perTarget: number;
  /** Requests that may wait in each worker while every target has so many. */
  readonly queue: number;
  /** How long they may wait. */
  readonly queueMs: number;
}

export interface RolloutDefinition {
  /** `mixed`: all releases answer; `cutover`: the recorded current one only. */
  readonly mode: "mixed" | "cutover";
  /** Targets a newer release needs before a cutover. */
  readonly min: number;
  readonly skew: "off" | "protect";
  /** Name of the cookie that keeps a client on its release. */
  readonly pin: string | undefined;
}

/** A path of a request, and the path that a target is asked for instead. */
export interface RewriteDefinition {
  /** A `PathPattern`. */
  readonly from: string;
  /** A `PathTemplate`. */
  readonly to: string;
}

/** What becomes of a path on its way to a target, in this order. */
export interface PathsDefinition {
  /** The service's own `path` is taken off. */
  readonly strip: boolean;
  /** The first that matches what is left. */
  readonly rewrite: readonly RewriteDefinition[];
  /** Put before it; empty: nothing. */
  readonly add: string;
  /** Whether Location and Content-Location of answers are told as clients know them. */
  readonly location: boolean;
}

/** An answer that sends clients elsewhere. What is undefined is any. */
export interface RedirectDefinition {
  readonly scheme: "http" | "https" | undefined;
  readonly host: string | undefined;
  /** A `PathPattern`. */
  readonly path: string;
  /** `SCHEME://HOST` or nothing, a `PathTemplate`, and perhaps a query. */
  readonly to: string;
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** Whether the query of the request is kept. */
  readonly query: boolean;
}

/** Values by name of the field; several make as many lines. */
export type FieldValues = Readonly<Record<string, string | readonly string[]>>;

/** What becomes of fields: `remove` first, then `set`, then `add`. */
export interface FieldsDefinition {
  /** In place of every line of that name. */
  readonly set: FieldValues;
  /** Beside those that are there. */
  readonly add: FieldValues;
  readonly remove: readonly string[];
}

export interface HeadersDefinition {
  readonly request: FieldsDefinition & {
    /** In place of the client's Host; `{target}` is the target's own. */
    readonly host: string | undefined;
  };
  readonly response: FieldsDefinition;
}

/** IP addresses and networks (CIDR). */
export interface AccessDefinition {
  /** Nobody else may ask; empty: everybody. */
  readonly allow: readonly string[];
  /** They may not ask, be they allowed or not. */
  readonly deny: readonly string[];
}

/** Of each client address, over all workers of one proxy. */
export interface RateLimitDefinition {
  readonly requestsPerSecond: number;
  /** Requests at once. */
  readonly burst: number;
}

/** Who may ask at all: Basic authentication (RFC 7617). */
export interface AuthDefinition {
  /** Name of a list that each proxy has in a file of its own. */
  readonly users: string;
  readonly realm: string;
  /** Whether targets get `Authorization` as it came. */
  readonly forward: boolean;
  /** Field in which targets are told the user's name. */
  readonly userHeader: string | undefined;
}

export interface ServiceDefinition {
  /** Lower case, without port. None: every host that no other service names. */
  readonly hosts: readonly string[];
  /** Prefix of the paths that belong to the service; begins with `/`. */
  readonly path: string;
  readonly paths: PathsDefinition;
  readonly redirects: readonly RedirectDefinition[];
  readonly headers: HeadersDefinition;
  readonly auth: AuthDefinition | undefined;
  /** A target's answer of 500 or more gives way to the proxy's page for it, if there is one. */
  readonly replaceErrors: boolean;
  readonly policy: BalancingPolicy;
  /** Only with the policy `hash`. */
  readonly hash: HashSource | undefined;
  /** A new target starts at 10 % of its weight and rises over this time; 0: at once. */
  readonly slowStartMs: number;
  /** Whether connections to targets begin with a header that tells the client's address, and which. */
  readonly proxyProtocol: ProxyProtocolDefinition;
  readonly cache: CacheDefinition;
  readonly retry: RetryDefinition;
  readonly health: HealthDefinition;
  readonly compress: CompressDefinition;
  readonly capacity: CapacityDefinition;
  readonly rollout: RolloutDefinition;
  readonly access: AccessDefinition;
  readonly rateLimit: RateLimitDefinition | undefined;
}
