import {
  type Clock,
  errorMessage,
  type Journal,
  Latest,
  silentJournal,
  systemClock,
  type Timer,
} from "../base/index.ts";
import { op, type ZooKeeper } from "../zookeeper/index.ts";
import { ensureNode, hasCode, type NodeAcl } from "./folders.ts";
import { PROXIES, proxyPath } from "./layout.ts";
import { type HealVerdict, NodeHealer } from "./node-healer.ts";
import {
  type DrainAcknowledgement,
  formatProxyRecord,
  type ProxyRecord,
} from "./proxy-record.ts";
import type { SnapshotChange, TargetView } from "./snapshot.ts";

export interface ProxyPresenceOptions {
  /** Unique for each process. */
  readonly id: string;
  readonly host: string;
  readonly version: string;
  readonly listeners?: readonly string[];
  /** Where other hosts reach the admin API. */
  readonly admin?: string | undefined;
  readonly acl?: NodeAcl;
  readonly journal?: Journal;
  readonly clock?: Clock;
}

/** For each service and release: targets ready, and those of them that answer. */
export type ReleaseNumbers = ProxyRecord["releases"];

/** The node is rewritten at most this often. */
const REWRITE_MS = 100;
/** What follows a change at once (a drain's acknowledgement) goes with it. */
const GATHER_MS = 10;

/**
 * The ephemeral node by which a proxy tells what it has done: how far it has
 * read `/services`, and which draining targets it has let go of. It stands
 * before the proxy reads the registry.
 */
export class ProxyPresence implements AsyncDisposable {
  readonly path: string;
  readonly #zk: ZooKeeper;
  readonly #options: ProxyPresenceOptions;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #stands = new Latest(false);
  readonly #drained = new Map<string, DrainAcknowledgement>();
  #record: ProxyRecord;
  #healer: NodeHealer | undefined;
  #timer: Timer | undefined;
  #writtenMs = -REWRITE_MS;
  #closed = false;

  constructor(zk: ZooKeeper, options: ProxyPresenceOptions) {
    this.#zk = zk;
    this.#options = options;
    this.#journal = options.journal ?? silentJournal;
    this.#clock = options.clock ?? systemClock;
    this.path = proxyPath(options.id);
    this.#record = {
      host: options.host,
      version: options.version,
      listeners: [...(options.listeners ?? [])],
      admin: options.admin,
      since: this.#clock.wallMs(),
      zxid: 0n,
      drained: [],
      releases: {},
    };
  }

  /** Resolves when the node stands for the first time; it is kept until close. */
  async start(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    this.#healer ??= new NodeHealer({
      zk: this.#zk,
      path: this.path,
      watch: "exists",
      settle: (signal) => this.#settle(signal),
      judge: (error) => this.#judge(error),
      journal: this.#journal,
      clock: this.#clock,
    });
    await this.#stands.when((stands) => stands, options);
  }

  /** Called when the data plane has been given changes: everything up to `zxid`. */
  applied(zxid: bigint, changes: readonly SnapshotChange[]): void {
    for (const change of changes) {
      if (change.kind === "target-gone")
        this.#drained.delete(`${change.service}/${change.name}`);
      else if (change.kind === "target") this.#renew(change.target);
    }
    this.#set({ zxid });
  }

  /** No request is in flight to this draining target, and none will be. */
  acknowledge(target: TargetView): void {
    const { service, name, czxid, mzxid } = target;
    this.#drained.set(`${service}/${name}`, {
      service,
      target: name,
      czxid,
      mzxid,
    });
    this.#set({});
  }

  setListeners(listeners: readonly string[], admin?: string): void {
    this.#set({ listeners: [...listeners], admin });
  }

  setReleases(releases: ReleaseNumbers): void {
    this.#set({ releases });
  }

  /** Deletes the node. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    await this.#healer?.close();
    this.#stands.close();
    if (this.#healer === undefined || this.#zk.state.kind !== "live") return;
    try {
      await this.#zk.delete(this.path, { timeoutMs: 2_000 });
    } catch {
      // It goes with the session.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * A target that goes on draining keeps its acknowledgement, under the number
   * of its latest write: nothing was sent to it in between.
   */
  #renew(target: TargetView): void {
    const key = `${target.service}/${target.name}`;
    const known = this.#drained.get(key);
    if (known === undefined) return;
    if (target.state === "draining" && target.czxid === known.czxid)
      this.#drained.set(key, { ...known, mzxid: target.mzxid });
    else this.#drained.delete(key);
  }

  #set(change: Partial<ProxyRecord>): void {
    const before = formatProxyRecord(this.#record);
    this.#record = {
      ...this.#record,
      ...change,
      drained: [...this.#drained.values()],
    };
    if (this.#closed || formatProxyRecord(this.#record) === before) return;
    const waitMs = this.#writtenMs + REWRITE_MS - this.#clock.nowMs();
    this.#timer ??= this.#clock.after(Math.max(GATHER_MS, waitMs), () => {
      this.#timer = undefined;
      this.#healer?.kick();
    });
  }

  async #settle(signal: AbortSignal): Promise<void> {
    this.#writtenMs = this.#clock.nowMs();
    const data = formatProxyRecord(this.#record);
    const { acl } = this.#options;
    const create = { mode: "ephemeral", acl } as const;
    try {
      const stat = await this.#zk.setData(this.path, data, { signal });
      // Of a session that we have lost: it would go with that one.
      if (stat.ephemeralOwner !== this.#zk.sessionId)
        await this.#zk.multi(
          [op.delete(this.path), op.create(this.path, data, create)],
          { signal },
        );
    } catch (error) {
      if (!hasCode(error, "no-node")) throw error;
      await ensureNode(this.#zk, PROXIES, { acl, signal });
      await this.#zk.create(this.path, data, { ...create, signal });
    }
    this.#stands.set(true);
  }

  #judge(error: unknown): HealVerdict {
    this.#journal({
      level: hasCode(error, "connection-loss") ? "debug" : "warn",
      room: "registry",
      event: "presence-failed",
      message: `Cannot write ${this.path}: ${errorMessage(error)}; trying again`,
      path: this.path,
      error,
    });
    return "retry";
  }
}
