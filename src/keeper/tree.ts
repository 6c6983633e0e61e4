import { OPEN_ACL, READ_ACL } from "./acl.ts";
import { NO_TTL, Znode } from "./znode.ts";

/** The nodes that every tree begins with, as Apache ZooKeeper makes them. */
const FIRST_PATHS = [
  "/zookeeper",
  "/zookeeper/quota",
  "/zookeeper/config",
] as const;

/** Nodes that cannot be deleted. */
const SPECIAL_PATHS: ReadonlySet<string> = new Set(["/", ...FIRST_PATHS]);

/** Whether `path` may never be deleted. */
export function isSpecialPath(path: string): boolean {
  return SPECIAL_PATHS.has(path);
}

/** All nodes by path. It checks nothing and triggers nothing. */
export class Tree {
  readonly #nodes = new Map<string, Znode>();
  /** Containers, and nodes with a time to live. */
  readonly #passing = new Set<Znode>();
  #root: Znode;
  #nextId = 1;
  #bytes = 0;
  #ephemeralCount = 0;

  constructor() {
    this.#root = this.#makeRoot();
  }

  /** A tree with nothing but the nodes that Apache ZooKeeper makes. */
  static fresh(): Tree {
    const tree = new Tree();
    tree.#add(tree.#root);
    for (const path of FIRST_PATHS) {
      const slash = path.lastIndexOf("/");
      const node = new Znode({
        id: tree.takeId(),
        path,
        parent: tree.get(path.slice(0, slash)),
        data: "",
        acl: path === "/zookeeper/config" ? READ_ACL : OPEN_ACL,
        zxid: 0,
        wallMs: 0,
        owner: undefined,
        ttlMs: NO_TTL,
      });
      // Apache ZooKeeper sets this ACL without a version.
      if (node.acl === READ_ACL) node.aversion = -1;
      tree.add(node);
    }
    return tree;
  }

  get root(): Znode {
    return this.#root;
  }

  /** How many nodes there are, the root included. */
  get size(): number {
    return this.#nodes.size - 1;
  }

  get ephemeralCount(): number {
    return this.#ephemeralCount;
  }

  /** An estimate of the memory that it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The root answers to `/` and to the empty path, as in Apache ZooKeeper. */
  get(path: string): Znode | undefined {
    return this.#nodes.get(path);
  }

  takeId(): number {
    const id = this.#nextId;
    this.#nextId += 1;
    return id;
  }

  /** Puts a node under its parent, which is in the tree. */
  add(node: Znode): void {
    const parent = node.parent;
    if (parent !== undefined) (parent.children ??= new Set()).add(node);
    this.#add(node);
  }

  /** Takes a node without children out. */
  remove(node: Znode): void {
    this.#nodes.delete(node.path);
    const siblings = node.parent?.children;
    siblings?.delete(node);
    if (siblings?.size === 0 && node.parent !== undefined)
      node.parent.children = undefined;
    this.#bytes -= node.bytes;
    node.removed = true;
    if (node.owner !== undefined) {
      node.owner.ephemerals.delete(node);
      this.#ephemeralCount -= 1;
    }
    if (node.ttlMs !== NO_TTL) this.#passing.delete(node);
  }

  setData(node: Znode, data: string | null): void {
    this.#bytes += (data?.length ?? 0) - (node.data?.length ?? 0);
    node.data = data;
  }

  /** Containers, and nodes with a time to live. */
  passing(): Iterable<Znode> {
    return this.#passing;
  }

  /** All nodes, each parent before its children. */
  *all(): Generator<Znode, void, void> {
    const waiting: Znode[] = [this.#root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      yield node;
      if (node.children !== undefined) waiting.push(...node.children);
    }
  }

  /** Adds a node as storage kept it. */
  restore(node: Znode): void {
    this.#nextId = Math.max(this.#nextId, node.id + 1);
    if (node.parent === undefined) {
      this.#root = node;
      this.#add(node);
    } else this.add(node);
  }

  #add(node: Znode): void {
    this.#nodes.set(node.path, node);
    if (node.parent === undefined) this.#nodes.set("", node);
    this.#bytes += node.bytes;
    node.removed = false;
    if (node.owner !== undefined) {
      node.owner.ephemerals.add(node);
      this.#ephemeralCount += 1;
    }
    if (node.ttlMs !== NO_TTL) this.#passing.add(node);
  }

  #makeRoot(): Znode {
    return new Znode({
      id: this.takeId(),
      path: "/",
      parent: undefined,
      data: "",
      acl: OPEN_ACL,
      zxid: 0,
      wallMs: 0,
      owner: undefined,
      ttlMs: NO_TTL,
    });
  }
}
