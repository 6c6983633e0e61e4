/**
 * Imports between the rooms of `src/` go only along this table, type imports
 * too; across rooms only `index.ts` (or `options.ts`) is imported; no circles,
 * not of types either.
 * Prints each breach and exits 1.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

interface Room {
  readonly values: readonly string[];
  /** Rooms of which only types may be imported. */
  readonly types?: readonly string[];
}

const ROOMS: Readonly<Record<string, Room>> = {
  base: { values: [] },
  jute: { values: ["base"] },
  http: { values: ["base"] },
  zookeeper: { values: ["jute", "base"] },
  keeper: { values: ["jute", "base"] },
  cache: { values: ["http", "base"] },
  registry: { values: ["zookeeper", "base"] },
  proxy: { values: ["http", "cache", "base"], types: ["registry"] },
  target: { values: ["registry", "zookeeper", "http", "base"] },
  admin: {
    values: ["http", "base"],
    types: ["cache", "registry", "proxy", "keeper"],
  },
  config: { values: ["base"] },
  cli: {
    values: [
      "base",
      "http",
      "zookeeper",
      "keeper",
      "cache",
      "registry",
      "proxy",
      "target",
      "admin",
      "config",
    ],
  },
};

const IMPORT =
  /^\s*(?:import|export)\s+(?<type>type\s)?(?<clause>[^"'();]*?)\s*\bfrom\s*"(?<from>\.[^"]+)"|^\s*import\s*"(?<bare>\.[^"]+)"|\bimport\(\s*"(?<dynamic>\.[^"]+)"\s*\)/gmsu;

const root = resolve(import.meta.dirname, "..", "src");
const breaches: string[] = [];
const graph = new Map<string, string[]>();

for (const entry of readdirSync(root, {
  recursive: true,
  withFileTypes: true,
})) {
  if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
  const isTest = /\.(?:test|fixture)\.ts$/u.test(entry.name);
  if (!isTest) checkFile(join(entry.parentPath, entry.name));
}
findCircles();

for (const breach of breaches) console.error(breach);
if (breaches.length > 0) {
  console.error(`${breaches.length} breaches of the import table`);
  process.exitCode = 1;
} else {
  console.log(`rooms: ${graph.size} files keep to the import table`);
}

function checkFile(file: string): void {
  const from = place(file);
  const imports: string[] = [];
  graph.set(file, imports);
  const room = ROOMS[from.room];
  if (room === undefined) {
    breaches.push(`${from.path}: no such room in the import table`);
    return;
  }
  for (const match of readFileSync(file, "utf8").matchAll(IMPORT)) {
    const groups = match.groups ?? {};
    const specifier =
      groups["from"] ?? groups["bare"] ?? groups["dynamic"] ?? "";
    const target = resolve(dirname(file), specifier);
    const onlyTypes =
      groups["type"] !== undefined || namesOnlyTypes(groups["clause"] ?? "");
    imports.push(target);
    checkImport(from, place(target), { room, onlyTypes });
  }
}

function namesOnlyTypes(clause: string): boolean {
  const braces = /^\{(?<names>.*)\}$/su.exec(clause.trim());
  const names = (braces?.groups?.["names"] ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length > 0 && names.every((name) => name.startsWith("type "));
}

function checkImport(
  from: Place,
  to: Place,
  rule: { readonly room: Room; readonly onlyTypes: boolean },
): void {
  if (to.room === from.room) return;
  const allowed =
    rule.room.values.includes(to.room) ||
    (rule.onlyTypes && (rule.room.types ?? []).includes(to.room)) ||
    (from.room === "config" && to.file === "options.ts");
  if (!allowed)
    breaches.push(`${from.path}: ${from.room} may not import ${to.path}`);
  else if (to.file !== "index.ts" && to.file !== "options.ts")
    breaches.push(
      `${from.path}: across rooms import ${to.room}/index.ts, not ${to.path}`,
    );
}

interface Place {
  readonly path: string;
  readonly room: string;
  /** Path inside the room. */
  readonly file: string;
}

function place(file: string): Place {
  const path = relative(root, file);
  const [room = "", ...rest] = path.split(sep);
  return { path: join("src", path), room, file: rest.join("/") };
}

function findCircles(): void {
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    const start = trail.indexOf(file);
    if (start !== -1) {
      const circle = [...trail.slice(start), file].map((f) => place(f).path);
      breaches.push(`circle: ${circle.join(" → ")}`);
      return;
    }
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
}
