import { fileKey, parseBytes, parseDurationMs } from "../base/index.ts";
import { checkDefinition, defaultDefinition } from "./definition-schema.ts";
import type { ServiceDefinition } from "./definition.ts";
import { encodeName } from "./names.ts";
import { readTargetAddress, type TargetAddress } from "./target-record.ts";

/** A target that a file names. */
export interface StaticTarget {
  readonly name: string;
  readonly url: string;
  readonly weight: number;
  readonly release: string | undefined;
}

/** A service that a file names. */
export interface StaticService {
  readonly name: string;
  /** Undefined: the file names targets only, and leaves the rest to the registry. */
  readonly definition: ServiceDefinition | undefined;
  readonly release: string | undefined;
  readonly targets: readonly StaticTarget[];
}

/** One thing that is wrong, and where it stands below `services`. */
export interface StaticProblem {
  readonly path: readonly (string | number)[];
  /** Whether the key itself is wrong. */
  readonly on: "key" | "value";
  /** Follows the name of what is wrong and a colon. */
  readonly message: string;
}

/** What reading the services of a file gives. */
export type StaticReading =
  | { readonly kind: "services"; readonly services: readonly StaticService[] }
  | { readonly kind: "reject"; readonly problems: readonly StaticProblem[] };

type Keys = Readonly<Record<string, unknown>>;
type Path = StaticProblem["path"];

/**
 * Every key of a definition; those that hold keys themselves as such, and lists
 * of keys as a list of one.
 */
const KEYS: Keys = {
  ...defaultDefinition,
  paths: { ...defaultDefinition.paths, rewrite: [{ from: "", to: "" }] },
  auth: { users: "", realm: "", forward: false, userHeader: "" },
  headers: {
    request: { host: "", set: "", add: "", remove: "" },
    response: { set: "", add: "", remove: "" },
  },
  redirects: [{ scheme: "", host: "", path: "", to: "", status: 0, query: "" }],
  health: {
    ...defaultDefinition.health,
    active: { path: "", intervalMs: 0, timeoutMs: 0, rise: 0, fall: 0 },
  },
  rateLimit: { requestsPerSecond: 0, burst: 0 },
};
const MAX_WEIGHT = 1_000_000;

/**
 * Reads the services of a configuration file. They are defined as in a znode,
 * but for durations and sizes, which are written `headTimeout: 10s` and
 * `maxEntrySize: 1MB`; an unknown key is an error.
 */
export function readStaticServices(value: unknown): StaticReading {
  const problems: StaticProblem[] = [];
  if (!isMap(value)) {
    problems.push(
      wrong([], "it should be names of services and what they are"),
    );
    return { kind: "reject", problems };
  }
  const services = Object.entries(value).map(([name, given]) =>
    readService(name, given ?? {}, problems),
  );
  findRivals(services, problems);
  return problems.length > 0
    ? { kind: "reject", problems }
    : { kind: "services", services };
}

function readService(
  name: string,
  given: unknown,
  problems: StaticProblem[],
): StaticService {
  if (!isName(name))
    problems.push(
      wrong([name], "a service's name has 1 to 128 characters", "key"),
    );
  if (!isMap(given)) {
    problems.push(wrong([name], "it should be keys and their values"));
    return { name, definition: undefined, release: undefined, targets: [] };
  }
  const { targets, release, ...rest } = given;
  const serviceRelease = readRelease(release, [name, "release"], problems);
  return {
    name,
    definition: readDefinition(name, rest, problems),
    release: serviceRelease,
    targets: readTargets(targets, {
      path: [name, "targets"],
      release: serviceRelease,
      problems,
    }),
  };
}

function readDefinition(
  name: string,
  given: Keys,
  problems: StaticProblem[],
): ServiceDefinition | undefined {
  if (Object.keys(given).length === 0) return undefined;
  const before = problems.length;
  const plain = withUnits(given, KEYS, { path: [name], problems });
  if (problems.length > before) return undefined;
  const checked = checkDefinition(plain);
  if (checked.kind === "definition") return checked.definition;
  const path = checked.path.map((key) =>
    typeof key === "string" ? fileKey(key) : key,
  );
  problems.push(wrong([name, ...path], checked.message));
  return undefined;
}

/** The same with the names and numbers of a znode. */
function withUnits(
  given: Keys,
  known: Keys,
  at: { readonly path: Path; readonly problems: StaticProblem[] },
): Keys {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const path = [...at.path, key];
    const name = Object.keys(known).find((one) => fileKey(one) === key);
    if (name === undefined) {
      const keys = Object.keys(known).map(fileKey).join(", ");
      at.problems.push(
        wrong(path, `there is no such key, known are ${keys}`, "key"),
      );
      continue;
    }
    const below = known[name];
    if (value === null) continue;
    if (isMap(below) && name !== "hash") {
      if (isMap(value)) plain[name] = withUnits(value, below, { ...at, path });
      else at.problems.push(wrong(path, "it should be keys and their values"));
    } else if (Array.isArray(below) && isMap(below[0]))
      plain[name] = listWithUnits(value, below[0], { ...at, path });
    else if (name === key) plain[name] = value;
    else {
      const [parse, form] = name.endsWith("Ms")
        ? ([parseDurationMs, 'a duration with its unit, as in "10s"'] as const)
        : ([parseBytes, 'a size with its unit, as in "64KB"'] as const);
      const number =
        value === 0 ? 0 : typeof value === "string" ? parse(value) : undefined;
      if (number === undefined)
        at.problems.push(
          wrong(path, `${JSON.stringify(value)} should be ${form}`),
        );
      plain[name] = number;
    }
  }
  return plain;
}

function listWithUnits(
  value: unknown,
  known: Keys,
  at: { readonly path: Path; readonly problems: StaticProblem[] },
): readonly unknown[] {
  if (!Array.isArray(value)) {
    at.problems.push(wrong(at.path, "it should be a list"));
    return [];
  }
  return value.map((item: unknown, index) => {
    const path = [...at.path, index];
    if (isMap(item)) return withUnits(item, known, { ...at, path });
    at.problems.push(wrong(path, "it should be keys and their values"));
    return item;
  });
}

function readTargets(
  given: unknown,
  at: {
    readonly path: Path;
    readonly release: string | undefined;
    readonly problems: StaticProblem[];
  },
): readonly StaticTarget[] {
  const { path, problems } = at;
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) {
    problems.push(wrong(path, "it should be a list of targets"));
    return [];
  }
  const targets = new Map<string, StaticTarget>();
  for (const [index, item] of given.entries()) {
    const target = readTarget(item, { ...at, path: [...path, index] });
    if (target === undefined) continue;
    if (targets.has(target.name))
      problems.push(wrong([...path, index], `${target.name} is named twice`));
    targets.set(target.name, target);
  }
  return [...targets.values()];
}

function readTarget(
  item: unknown,
  at: {
    readonly path: Path;
    readonly release: string | undefined;
    readonly problems: StaticProblem[];
  },
): StaticTarget | undefined {
  const { path, problems } = at;
  const given: Keys | undefined =
    typeof item === "string" ? { url: item } : isMap(item) ? item : undefined;
  if (given === undefined) {
    problems.push(
      wrong(path, "it should be a URL, or {url: …, weight: …, name: …}"),
    );
    return undefined;
  }
  const { url, weight = 1, name, release, ...unknown } = given;
  for (const key of Object.keys(unknown))
    problems.push(
      wrong(
        [...path, key],
        "there is no such key, known are url, weight, name, release",
        "key",
      ),
    );
  const address = typeof url === "string" ? readTargetAddress(url) : undefined;
  if (typeof url !== "string" || address === undefined) {
    problems.push(
      wrong(
        typeof item === "string" ? path : [...path, "url"],
        `${JSON.stringify(url)} should be http(s)://HOST:PORT or unix:/PATH`,
      ),
    );
    return undefined;
  }
  if (typeof weight !== "number" || !(weight > 0 && weight <= MAX_WEIGHT))
    problems.push(
      wrong(
        [...path, "weight"],
        `${JSON.stringify(weight)} should be a number above 0, at most ${MAX_WEIGHT}`,
      ),
    );
  const named = name ?? defaultName(address);
  if (!isName(named)) {
    problems.push(wrong([...path, "name"], "a name has 1 to 128 characters"));
    return undefined;
  }
  return {
    name: named,
    url,
    weight: typeof weight === "number" ? weight : 1,
    release: readRelease(release, [...path, "release"], problems) ?? at.release,
  };
}

function defaultName({ host, port, socketPath }: TargetAddress): string {
  if (socketPath !== undefined) return socketPath;
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function readRelease(
  release: unknown,
  path: Path,
  problems: StaticProblem[],
): string | undefined {
  if (release === undefined || release === null) return undefined;
  if (isName(release)) return release;
  problems.push(
    wrong(
      path,
      `${JSON.stringify(release)} should be text, in quotes if need be`,
    ),
  );
  return undefined;
}

/** Two services that claim the same requests: in one file that is a mistake. */
function findRivals(
  services: readonly StaticService[],
  problems: StaticProblem[],
): void {
  const claims = new Map<string, string>();
  for (const { name, definition } of services) {
    if (definition === undefined) continue;
    const hosts = definition.hosts.length === 0 ? ["*"] : definition.hosts;
    for (const host of hosts) {
      const claim = `${host} ${definition.path}`;
      const rival = claims.get(claim);
      if (rival !== undefined)
        problems.push(
          wrong(
            [name],
            `${rival} has ${host === "*" ? "every other host" : host} at ${definition.path} already`,
          ),
        );
      claims.set(claim, name);
    }
  }
}

function wrong(
  path: Path,
  message: string,
  on: StaticProblem["on"] = "value",
): StaticProblem {
  return { path, on, message };
}

function isName(name: unknown): name is string {
  if (typeof name !== "string") return false;
  try {
    encodeName(name);
    return true;
  } catch {
    return false;
  }
}

function isMap(value: unknown): value is Keys {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
