/**
 * The node of one target, for as long as its server runs.
 *
 *   starting ──► registered ◄──► unconfirmed (ZooKeeper is away)
 *                 │  ▲  │
 *                 │  │  └── a newer life of this server took over ──► stood-down
 *                 ▼  │
 *               blocked (another server has the name; waits until it has gone)
 *
 * A deleted node is made again, an expired session means a new node. Which
 * server a node is of, its value says: the same `server` with another `life` is
 * an earlier or a later process of ours, anything else is not ours and is left
 * alone.
 */
import { randomUUID } from "node:crypto";
import {
  type Clock,
  errorMessage,
  type Journal,
  Latest,
  silentJournal,
  systemClock,
} from "../base/index.ts";
import { op, type ZooKeeper } from "../zookeeper/index.ts";
import { ensureNode, hasCode } from "./folders.ts";
import { fillHosts } from "./fill-hosts.ts";
import {
  releasePath,
  releasesPath,
  targetPath,
  targetsPath,
} from "./layout.ts";
import { encodeName } from "./names.ts";
import { type HealVerdict, NodeHealer } from "./node-healer.ts";
import {
  isFinal,
  isRefusal,
  type RegistrationOptions,
  type RegistrationState,
  type ReplaceOptions,
} from "./registration-state.ts";
import { RegistryError } from "./registry-error.ts";
import {
  formatTargetRecord,
  parseTargetRecord,
  readTargetAddress,
  type TargetRecord,
} from "./target-record.ts";
import { type DrainResult, waitForDrain } from "./wait-for-drain.ts";

/** Looks after the node of one target. */
export class Registration implements AsyncDisposable {
  readonly path: string;
  readonly state = new Latest<RegistrationState>({ kind: "starting" });
  readonly #zk: ZooKeeper;
  readonly #options: RegistrationOptions;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #stop = new AbortController();
  readonly #server: string;
  readonly #life: string;
  #wish: TargetRecord;
  #healer: NodeHealer | undefined;
  #hostsFilled = false;
  #wasRegistered = false;
  #failure: unknown;
  #following: Promise<void> = Promise.resolve();

  /** @throws RegistryError `bad-name`, `bad-value` */
  constructor(zk: ZooKeeper, options: RegistrationOptions) {
    this.#zk = zk;
    this.#options = options;
    this.#journal = options.journal ?? silentJournal;
    this.#clock = options.clock ?? systemClock;
    if (readTargetAddress(options.url) === undefined)
      throw new RegistryError(
        "bad-value",
        `Cannot register ${JSON.stringify(options.url)}: it is not http(s)://HOST:PORT or unix:/PATH`,
      );
    this.path = targetPath(options.service, options.name);
    if (options.release !== undefined) encodeName(options.release);
    this.#server = options.server ?? options.url;
    this.#life = options.life ?? randomUUID();
    this.#wish = {
      url: options.url,
      weight: options.weight ?? 1,
      release: options.release,
      commit: options.commit,
      state: "ready",
      since: this.#clock.wallMs(),
      server: this.#server,
      life: this.#life,
    };
  }

  /**
   * Registers, and keeps registered until {@link Registration.close}. Resolves
   * when the node stands for the first time; waits while ZooKeeper is away.
   * Closes when it fails.
   * @throws RegistryError `name-taken` when another server has the name,
   *   `not-allowed` when ZooKeeper refuses, `bad-value` for a bad host name
   */
  async start(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    if (this.#healer === undefined) {
      this.#healer = new NodeHealer({
        zk: this.#zk,
        path: this.path,
        watch: "data",
        settle: (signal) => this.#settle(signal),
        judge: (error) => this.#judge(error),
        journal: this.#journal,
        clock: this.#clock,
      });
      this.#following = this.#followSession();
    }
    const state = await this.state.when(
      ({ kind }) => kind !== "starting" && kind !== "unconfirmed",
      options,
    );
    if (state.kind === "registered") return;
    await this.close();
    throw state.kind === "blocked" ? state.error : (this.#failure ?? ended());
  }

  /**
   * Registers anew, as another registration: what proxies hold of the former
   * one (connections, cached answers of another release) ends. Resolves when
   * the new node stands.
   */
  async replace(
    replacement: ReplaceOptions,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const { release, commit } = replacement;
    if (release !== undefined) encodeName(release);
    const before = this.state.value;
    this.#wish = { ...this.#wish, release, commit };
    this.#healer?.kick();
    await this.state.when(
      (state) =>
        isFinal(state) ||
        (state.kind === "registered" &&
          state !== before &&
          state.record.release === release),
      options,
    );
  }

  /** Announces another state; resolves when the node says it. */
  async setState(
    state: "ready" | "draining",
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<RegistrationState> {
    this.#wish = { ...this.#wish, state };
    this.#healer?.kick();
    return this.state.when(
      (now) =>
        isFinal(now) ||
        (now.kind === "registered" && now.record.state === state),
      options,
    );
  }

  /**
   * Leaves in order: says `draining`, waits until every live proxy has
   * acknowledged that with no request in flight, at most `limitMs`, and deletes
   * the node. Never throws for what ZooKeeper does: the answer says how far it
   * came.
   */
  async drain(
    options: {
      readonly limitMs?: number;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<DrainResult> {
    const limit = new AbortController();
    const timer = this.#clock.after(options.limitMs ?? 8_000, () =>
      limit.abort(new Error("the limit has passed")),
    );
    const signal =
      options.signal === undefined
        ? limit.signal
        : AbortSignal.any([limit.signal, options.signal]);
    try {
      return await this.#drain(signal);
    } catch (error) {
      return { kind: "unconfirmed", because: errorMessage(error) };
    } finally {
      timer.cancel();
      await this.close();
    }
  }

  /** Deletes the node, if it is still ours, and stops looking after it. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#healer?.close();
    await this.#following;
    if (this.#healer !== undefined) await this.#delete();
    this.state.set({ kind: "closed" });
    this.state.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #drain(signal: AbortSignal): Promise<DrainResult> {
    if (this.#zk.state.kind !== "live")
      return { kind: "unconfirmed", because: "ZooKeeper is away" };
    const state = await this.setState("draining", { signal });
    if (state.kind !== "registered")
      return { kind: "unconfirmed", because: `it is ${state.kind}` };
    return waitForDrain(this.#zk, {
      drain: {
        service: this.#options.service,
        target: this.#options.name,
        czxid: state.czxid,
        mzxid: state.mzxid,
      },
      signal,
      journal: this.#journal,
      clock: this.#clock,
    });
  }

  async #settle(signal: AbortSignal): Promise<void> {
    const wish = this.#wish;
    await this.#prepare(wish, signal);
    const node = await this.#read(signal);
    if (node === undefined) return this.#create(wish, signal);
    const parsed = parseTargetRecord(node.data);
    const record = parsed.kind === "value" ? parsed.value : undefined;
    const { version } = node.stat;
    if (node.stat.ephemeralOwner === this.#zk.sessionId) {
      if (record === undefined || record.release === wish.release) {
        if (formatTargetRecord(wish) === node.data?.toString())
          return this.#registered(node.stat, wish);
        const data = formatTargetRecord(wish);
        const stat = await this.#zk.setData(this.path, data, {
          version,
          signal,
        });
        return this.#registered(stat, wish);
      }
      return this.#replace(wish, { version, signal });
    }
    if (record === undefined || (record.server ?? record.url) !== this.#server)
      throw this.#nameTaken(record);
    if (record.life !== this.#life && this.#isNewer(record))
      return this.#standDown();
    return this.#replace(wish, { version, signal });
  }

  /** The folders, the definition and the release stand before the target does. */
  async #prepare(
    { release }: TargetRecord,
    signal: AbortSignal,
  ): Promise<void> {
    const { service, acl, hosts = [] } = this.#options;
    if (!this.#hostsFilled) {
      await fillHosts(this.#zk, {
        service,
        hosts,
        acl,
        journal: this.#journal,
        signal,
      });
      this.#hostsFilled = true;
    }
    if (release === undefined) return;
    const path = releasePath(service, release);
    if ((await this.#zk.exists(path, { signal })) === undefined)
      await ensureNode(this.#zk, path, { acl, signal });
  }

  async #read(signal: AbortSignal) {
    try {
      return await this.#zk.getData(this.path, { signal });
    } catch (error) {
      if (hasCode(error, "no-node")) return undefined;
      throw error;
    }
  }

  async #create(wish: TargetRecord, signal: AbortSignal): Promise<void> {
    const { acl, service } = this.#options;
    const data = formatTargetRecord(wish);
    const create = { mode: "ephemeral", acl, signal } as const;
    try {
      const { stat } = await this.#zk.create(this.path, data, create);
      this.#registered(stat, wish);
    } catch (error) {
      if (!hasCode(error, "no-node")) throw error;
      await ensureNode(this.#zk, targetsPath(service), { acl, signal });
      await ensureNode(this.#zk, releasesPath(service), { acl, signal });
      const { stat } = await this.#zk.create(this.path, data, create);
      this.#registered(stat, wish);
    }
  }

  /** In one step, so that nobody sees the target gone. */
  async #replace(
    wish: TargetRecord,
    options: { readonly version: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { acl } = this.#options;
    const { version, signal } = options;
    const data = formatTargetRecord(wish);
    const [, created] = await this.#zk.multi(
      [
        op.delete(this.path, { version }),
        op.create(this.path, data, { mode: "ephemeral", acl }),
      ],
      { signal },
    );
    // Some servers answer a create within a multi without its stat.
    const stat = created.stat ?? (await this.#zk.exists(this.path, { signal }));
    if (stat !== undefined) this.#registered(stat, wish);
  }

  #registered(
    stat: { readonly czxid: bigint; readonly mzxid: bigint },
    record: TargetRecord,
  ): void {
    const { czxid, mzxid } = stat;
    const before = this.state.value;
    this.#wasRegistered = true;
    if (
      before.kind === "registered" &&
      before.czxid === czxid &&
      before.mzxid === mzxid
    )
      return;
    this.state.set({
      kind: "registered",
      path: this.path,
      czxid,
      mzxid,
      record,
    });
    this.#journal({
      level: "info",
      room: "registry",
      event: "registered",
      message: `${this.path} is ${record.state}${record.release === undefined ? "" : `, release ${record.release}`}`,
      path: this.path,
      czxid: czxid.toString(16),
    });
  }

  /** The first process to register is the latest: it was started last. */
  #isNewer(record: TargetRecord): boolean {
    return (
      this.#wasRegistered && (record.since ?? 0) >= (this.#wish.since ?? 0)
    );
  }

  #standDown(): void {
    this.#failure = new RegistryError(
      "stood-down",
      `Cannot keep ${this.path}: a newer process of the same server has registered`,
      { path: this.path },
    );
    this.#journal({
      level: "warn",
      room: "registry",
      event: "stood-down",
      message: `A newer process of the same server has registered as ${this.path}: this one stands down`,
      path: this.path,
    });
    this.state.set({ kind: "stood-down" });
    throw this.#failure;
  }

  #nameTaken(record: TargetRecord | undefined): RegistryError {
    const who =
      record === undefined ? "a node that is not a target" : record.url;
    return new RegistryError(
      "name-taken",
      `Cannot register as ${this.path}: the name belongs to ${who}, another name is needed (--name)`,
      { path: this.path },
    );
  }

  #judge(error: unknown): HealVerdict {
    if (error instanceof RegistryError) {
      if (error.code === "stood-down") return "stop";
      this.#block(error);
      return "wait";
    }
    if (!this.#wasRegistered && isRefusal(error)) {
      this.#block(
        new RegistryError(
          "not-allowed",
          `Cannot register as ${this.path}: ZooKeeper wants other credentials (${errorMessage(error)})`,
          { path: this.path, cause: error },
        ),
      );
      return "wait";
    }
    // Somebody was faster, or the outcome is unknown: look again.
    const expected = (
      [
        "bad-version",
        "node-exists",
        "no-node",
        "connection-loss",
        "session-expired",
      ] as const
    ).some((code) => hasCode(error, code));
    if (!expected)
      this.#journal({
        level: "warn",
        room: "registry",
        event: "registration-failed",
        message: `Cannot register as ${this.path}: ${errorMessage(error)}; trying again`,
        path: this.path,
        error,
      });
    return "retry";
  }

  #block(error: RegistryError): void {
    if (this.state.value.kind !== "blocked")
      this.#journal({
        level: "error",
        room: "registry",
        event: error.code,
        message: error.message,
        path: this.path,
      });
    this.state.set({ kind: "blocked", error });
  }

  async #followSession(): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const { kind } of this.#zk.states({ signal })) {
        if (kind === "live") this.#healer?.kick();
        else if (this.state.value.kind === "registered")
          this.state.set({ kind: "unconfirmed" });
      }
    } catch {
      // aborted by close
    }
  }

  async #delete(): Promise<void> {
    if (this.#zk.state.kind !== "live") return;
    const signal = AbortSignal.timeout(2_000);
    try {
      // Sent after a create that may still be under way, and so answered after it.
      const { stat } = await this.#zk.getData(this.path, { signal });
      if (stat.ephemeralOwner === this.#zk.sessionId)
        await this.#zk.delete(this.path, { version: stat.version, signal });
    } catch {
      // It goes with the session.
    }
  }
}

function ended(): RegistryError {
  return new RegistryError("closed", "Cannot register: it was closed");
}
