import { WatchEventType } from "../jute/index.ts";
import { applyChange, type Change, deletion, revertChange } from "./changes.ts";
import type { Session, SessionTable } from "./session-table.ts";
import type { Tree } from "./tree.ts";
import { WatchTable } from "./watch-table.ts";
import { CONTAINER, type Znode } from "./znode.ts";

/** Everything that one turn changed, to be made durable as one transaction. */
export interface PendingCommit {
  /** The last zxid that was given out. */
  readonly zxid: number;
  /** Each node once: new, changed or removed; what it is now is what counts. */
  readonly nodes: readonly Znode[];
  readonly openedSessions: readonly Session[];
  readonly closedSessions: readonly Session[];
}

/** What a restart begins with. */
export interface RestoredState {
  readonly tree: Tree;
  readonly sessions: SessionTable;
  readonly zxid: number;
}

/** The state of the keeper: the tree, its sessions, its watches and the count of transactions. */
export class Database {
  readonly tree: Tree;
  readonly sessions: SessionTable;
  readonly watches = new WatchTable();
  readonly #maxMemoryBytes: number;
  #zxid: number;
  #committedZxid: number;
  /** Something changed that is no transaction. */
  #touched = false;
  #nodes: Znode[] = [];
  #opened: Session[] = [];
  #closed: Session[] = [];

  constructor(
    state: RestoredState,
    options: { readonly maxMemoryBytes: number },
  ) {
    this.tree = state.tree;
    this.sessions = state.sessions;
    this.#zxid = state.zxid;
    this.#committedZxid = state.zxid;
    this.#maxMemoryBytes = options.maxMemoryBytes;
  }

  /** The number of the last transaction, refused ones included. */
  get zxid(): number {
    return this.#zxid;
  }

  /** Transactions that are not committed yet. */
  get pendingCount(): number {
    return this.#zxid - this.#committedZxid;
  }

  /** Whether tree and watches hold as much memory as they may. */
  get full(): boolean {
    return this.tree.bytes + this.watches.bytes > this.#maxMemoryBytes;
  }

  /** Begins a transaction. A refused one has its number too, as in Apache ZooKeeper. */
  takeZxid(): number {
    this.#zxid += 1;
    return this.#zxid;
  }

  apply(change: Change): void {
    applyChange(this.tree, change);
    this.#markChange(change);
  }

  revert(change: Change): void {
    revertChange(this.tree, change);
    this.#markChange(change);
  }

  /** Fires the watches that the change concerns. */
  announce(change: Change): void {
    const { node } = change;
    const { path, acl } = node;
    switch (change.kind) {
      case "create":
        this.watches.triggerData({ type: WatchEventType.created, path, acl });
        this.#announceChildren(change.parent);
        return;
      case "delete":
        this.watches.triggerDeleted({
          type: WatchEventType.deleted,
          path,
          acl,
        });
        this.#announceChildren(change.parent);
        return;
      case "set-data":
        this.watches.triggerData({
          type: WatchEventType.dataChanged,
          path,
          acl,
        });
        return;
      case "set-acl":
      case "check":
        return;
      default:
        change satisfies never;
    }
  }

  openSession(timeoutMs: number, nowMs: number): Session {
    this.takeZxid();
    const session = this.sessions.create({ timeoutMs, nowMs });
    this.#opened.push(session);
    return session;
  }

  /** The timeout that a client asked for when it came back. */
  setTimeout(session: Session, timeoutMs: number): void {
    session.timeoutMs = timeoutMs;
    this.#opened.push(session);
    this.#touched = true;
  }

  /** Ends a session; its ephemeral nodes go in the same transaction. */
  closeSession(session: Session): void {
    if (session.closed) return;
    const zxid = this.takeZxid();
    this.#deleteAll([...session.ephemerals], zxid);
    this.sessions.remove(session);
    this.#closed.push(session);
  }

  /**
   * Deletes containers that lost their last child, and childless nodes whose
   * time to live has passed. Each is a transaction of its own. Answers how many.
   */
  deletePassed(wallMs: number): number {
    const passed = [...this.tree.passing()].filter((node) =>
      hasPassed(node, wallMs),
    );
    for (const node of passed) this.#deleteAll([node], this.takeZxid());
    return passed.length;
  }

  /** What has to be made durable before anybody may hear of this turn; undefined if nothing. */
  takePending(): PendingCommit | undefined {
    if (this.#zxid === this.#committedZxid && !this.#touched) return undefined;
    this.#touched = false;
    const pending: PendingCommit = {
      zxid: this.#zxid,
      nodes: this.#nodes,
      openedSessions: this.#opened,
      closedSessions: this.#closed,
    };
    for (const node of this.#nodes) node.uncommitted = false;
    this.#committedZxid = this.#zxid;
    this.#nodes = [];
    if (this.#opened.length > 0) this.#opened = [];
    if (this.#closed.length > 0) this.#closed = [];
    return pending;
  }

  #deleteAll(nodes: readonly Znode[], zxid: number): void {
    const changes: Change[] = [];
    for (const node of nodes) {
      if (node.parent === undefined) continue;
      const change = deletion(node, node.parent, zxid);
      this.apply(change);
      changes.push(change);
    }
    for (const change of changes) this.announce(change);
  }

  #announceChildren(parent: Znode): void {
    this.watches.triggerChildren({
      type: WatchEventType.childrenChanged,
      path: parent.path,
      acl: parent.acl,
    });
  }

  #markChange(change: Change): void {
    switch (change.kind) {
      case "create":
      case "delete":
        this.#mark(change.parent);
        this.#mark(change.node);
        return;
      case "set-data":
      case "set-acl":
        this.#mark(change.node);
        return;
      case "check":
        return;
      default:
        change satisfies never;
    }
  }

  #mark(node: Znode): void {
    if (node.uncommitted) return;
    node.uncommitted = true;
    this.#nodes.push(node);
  }
}

/** A container counts only once it has had a child, so that its creator has time to make one. */
function hasPassed(node: Znode, wallMs: number): boolean {
  if (node.children !== undefined) return false;
  if (node.ttlMs === CONTAINER) return node.childrenCreated > 0;
  return wallMs - node.mtimeMs > node.ttlMs;
}
