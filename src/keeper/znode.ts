import type { SessionId, Writer } from "../jute/index.ts";
import type { Acl } from "./acl.ts";

/** `ttlMs` of a node that goes when its last child has gone. */
export const CONTAINER = -1;
/** `ttlMs` of a node that stays. */
export const NO_TTL = 0;

/** The session that ephemeral nodes belong to. */
export interface EphemeralOwner {
  readonly id: SessionId;
  readonly ephemerals: Set<Znode>;
}

/** What a new node is made of. */
export interface ZnodeParts {
  readonly id: number;
  readonly path: string;
  readonly parent: Znode | undefined;
  readonly data: string | null;
  readonly acl: Acl;
  readonly zxid: number;
  readonly wallMs: number;
  readonly owner: EphemeralOwner | undefined;
  readonly ttlMs: number;
}

/**
 * One node of the tree. Its data is a string of which each character is one
 * byte: 100,000 small buffers cost several times the memory of 100,000 small
 * strings, and a slice of a receive buffer would keep all of it alive.
 */
export class Znode {
  /** The key in storage: a parent's is lower than its children's. */
  readonly id: number;
  readonly path: string;
  readonly parent: Znode | undefined;
  readonly czxid: number;
  readonly ctimeMs: number;
  /** Of an ephemeral node. */
  readonly owner: EphemeralOwner | undefined;
  /** How long it stays without children and changes; also {@link NO_TTL} or {@link CONTAINER}. */
  readonly ttlMs: number;
  data: string | null;
  acl: Acl;
  mzxid: number;
  pzxid: number;
  mtimeMs: number;
  version = 0;
  aversion = 0;
  /**
   * Children ever created: the number of the next sequential child. What
   * clients see as cversion counts deletions too and follows from it.
   */
  childrenCreated = 0;
  children: Set<Znode> | undefined;
  /** It is in the list of changes that wait to be committed. */
  uncommitted = false;
  /** Storage has a row of it. */
  stored = false;
  removed = false;

  constructor(parts: ZnodeParts) {
    this.id = parts.id;
    this.path = parts.path;
    this.parent = parts.parent;
    this.data = parts.data;
    this.acl = parts.acl;
    this.czxid = parts.zxid;
    this.mzxid = parts.zxid;
    this.pzxid = parts.zxid;
    this.ctimeMs = parts.wallMs;
    this.mtimeMs = parts.wallMs;
    this.owner = parts.owner;
    this.ttlMs = parts.ttlMs;
  }

  get childCount(): number {
    return this.children === undefined ? 0 : this.children.size;
  }

  /** The last element of its path. */
  get name(): string {
    return this.path.slice(this.path.lastIndexOf("/") + 1);
  }

  /** An estimate of what it holds of memory; see `MEMORY_PER_NODE`. */
  get bytes(): number {
    return (
      MEMORY_PER_NODE +
      this.path.length +
      (this.data === null ? 0 : this.data.length)
    );
  }
}

/** Of a node without its path and data: measured, 100,000 nodes of 100 bytes. */
const MEMORY_PER_NODE = 300;

/** Writes the 68 bytes of a node's Stat. */
export function writeStat(writer: Writer, node: Znode): void {
  writer.longNumber(node.czxid);
  writer.longNumber(node.mzxid);
  writer.longNumber(node.ctimeMs);
  writer.longNumber(node.mtimeMs);
  writer.int(node.version);
  writer.int(visibleCversion(node));
  writer.int(node.aversion);
  if (node.owner === undefined) writer.longNumber(0);
  else writer.long(node.owner.id);
  writer.int(node.data === null ? 0 : node.data.length);
  writer.int(node.childCount);
  writer.longNumber(node.pzxid);
}

/** Creations and deletions of children: 2 × created − present is created + deleted. */
export function visibleCversion(node: Znode): number {
  return (node.childrenCreated * 2 - node.childCount) | 0;
}
