import { type ACL, Permission } from "../jute/index.ts";
import {
  errorCode,
  EXPORT_HEADER,
  type ExportedNode,
  type NotMoved,
} from "./export-tree.ts";
import { KeeperError } from "./keeper-error.ts";
import { isValidPath, parentPath } from "./paths.ts";

/** What is written to; the ZooKeeper client of this package is one. */
export interface TreeTarget {
  create(
    path: string,
    data: Buffer | null,
    options: {
      readonly acl?: readonly ACL[];
      readonly mode?: "persistent" | "persistent-sequential";
    },
  ): Promise<{ readonly path: string }>;
  delete(path: string): Promise<void>;
  exists(path: string): Promise<object | undefined>;
  setData(path: string, data: Buffer | null): Promise<unknown>;
  setAcl(path: string, acl: readonly ACL[]): Promise<unknown>;
}

/** What an import did. */
export interface ImportReport {
  readonly created: number;
  /** Nodes that were there and got the data and ACL of the file. */
  readonly replaced: number;
  readonly notMoved: readonly NotMoved[];
}

/** Children made and deleted again so that sequential names go on where they were. */
const MAX_SEQUENCE_STEPS = 10_000;
/** Requests under way at one time. */
const IN_FLIGHT = 100;

/**
 * Writes an export into a server. Unless `replace` is set, nothing is written
 * when one of its nodes is there already. It is no transaction: when it fails in
 * the middle, what was written stays, and it can be repeated with `replace`.
 *
 * @throws KeeperError `import-refused` for a file that is no export or does not fit
 * @throws what the target throws
 */
export async function importTree(
  target: TreeTarget,
  lines: Iterable<string> | AsyncIterable<string>,
  options: { readonly replace?: boolean } = {},
): Promise<ImportReport> {
  const nodes = await readNodes(lines);
  if (options.replace !== true) await refuseExisting(target, nodes);
  const families = familiesOf(nodes);
  const notMoved: NotMoved[] = [];
  let created = 0;
  let replaced = 0;
  // A server answers one client's requests in their order: a parent that was
  // asked for before its child is there before it.
  for (let start = 0; start < nodes.length; start += IN_FLIGHT) {
    const puts = nodes.slice(start, start + IN_FLIGHT).map((node) =>
      // A node with children is opened until they are there.
      putNode(target, node, families.has(node.path) ? OPEN : toAcl(node)),
    );
    for (const wasNew of await Promise.all(puts)) {
      if (wasNew) created += 1;
      else replaced += 1;
    }
  }
  for (const node of nodes.toReversed()) {
    const family = families.get(node.path);
    if (family === undefined && node.path !== "/") continue;
    if (!(await moveSequence(target, node, family)))
      notMoved.push({ path: node.path, because: "sequence-too-high" });
    await target.setAcl(node.path, toAcl(node));
  }
  return { created, replaced, notMoved };
}

const OPEN: readonly ACL[] = [
  { perms: Permission.all, id: { scheme: "world", id: "anyone" } },
];

function toAcl(node: ExportedNode): readonly ACL[] {
  return node.acl.map(([perms, scheme, id]) => ({ perms, id: { scheme, id } }));
}

/** Answers whether the node was not there before. */
async function putNode(
  target: TreeTarget,
  node: ExportedNode,
  acl: readonly ACL[],
): Promise<boolean> {
  const data = node.data === null ? null : Buffer.from(node.data, "base64");
  if (node.path !== "/") {
    try {
      await target.create(node.path, data, { acl });
      return true;
    } catch (error) {
      if (errorCode(error) !== "node-exists") throw error;
    }
  }
  await target.setData(node.path, data);
  if (acl !== OPEN) await target.setAcl(node.path, acl);
  return false;
}

/** The children that a node has in the file. */
interface Family {
  children: number;
  /** One of them has a name that ends with a sequence number. */
  numbered: boolean;
}

function familiesOf(nodes: readonly ExportedNode[]): Map<string, Family> {
  const families = new Map<string, Family>();
  for (const { path } of nodes) {
    if (path === "/") continue;
    const above = parentPath(path);
    const key = above === undefined || above === "" ? "/" : above;
    const family = families.get(key) ?? { children: 0, numbered: false };
    family.children += 1;
    family.numbered ||= /\d{10}$/u.test(path);
    families.set(key, family);
  }
  return families;
}

/** Answers whether sequential children will be numbered as in the source. */
async function moveSequence(
  target: TreeTarget,
  node: ExportedNode,
  family: Family | undefined,
): Promise<boolean> {
  // Only where numbers are in use does it matter where they go on.
  if (family === undefined || !family.numbered) return true;
  const own = node.path === "/" ? "" : node.path;
  let missing = node.created - family.children;
  if (missing > MAX_SEQUENCE_STEPS) return false;
  while (missing > 0) {
    const count = Math.min(missing, IN_FLIGHT);
    missing -= count;
    const made = await Promise.all(
      Array.from({ length: count }, () =>
        target.create(`${own}/import-`, null, {
          acl: OPEN,
          mode: "persistent-sequential",
        }),
      ),
    );
    await Promise.all(made.map(({ path }) => target.delete(path)));
  }
  return true;
}

async function refuseExisting(
  target: TreeTarget,
  nodes: readonly ExportedNode[],
): Promise<void> {
  for (const { path } of nodes) {
    if (path !== "/" && (await target.exists(path)) !== undefined)
      throw refused(`${path} is there already`);
  }
}

async function readNodes(
  lines: Iterable<string> | AsyncIterable<string>,
): Promise<ExportedNode[]> {
  const nodes: ExportedNode[] = [];
  const known = new Set<string>();
  let number = 0;
  for await (const line of lines) {
    if (line.trim() === "") continue;
    number += 1;
    const value = parseLine(line, number);
    if (number === 1) {
      if (!isHeader(value))
        throw refused("its first line does not say that it is an export");
      continue;
    }
    const node = toNode(value, number);
    if (known.has(node.path)) throw refused(`${node.path} is in it twice`);
    known.add(node.path);
    nodes.push(node);
  }
  if (number === 0) throw refused("it is empty");
  return nodes;
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw refused(`line ${number} is no JSON`, error);
  }
}

function isHeader(value: unknown): boolean {
  return (
    isRecord(value) &&
    value["format"] === EXPORT_HEADER.format &&
    value["version"] === EXPORT_HEADER.version
  );
}

function toNode(value: unknown, number: number): ExportedNode {
  if (!isRecord(value)) throw refused(`line ${number} is no node`);
  const { path, data, acl, created } = value;
  if (typeof path !== "string" || !isValidPath(path))
    throw refused(`line ${number} has no valid path`);
  if (data !== null && typeof data !== "string")
    throw refused(`the data of ${path} is neither text nor null`);
  if (!Array.isArray(acl) || acl.length === 0 || !acl.every(isAclEntry))
    throw refused(`${path} has no valid ACL`);
  if (typeof created !== "number" || !Number.isSafeInteger(created))
    throw refused(`${path} has no count of children`);
  return { path, data, acl, created };
}

function isAclEntry(value: unknown): value is [number, string, string] {
  return (
    Array.isArray(value) &&
    value.length === 3 &&
    Number.isInteger(value[0]) &&
    typeof value[1] === "string" &&
    typeof value[2] === "string"
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function refused(what: string, cause?: unknown): KeeperError {
  return new KeeperError(
    "import-refused",
    `Cannot import: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
