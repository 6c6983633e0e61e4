import { systemClock } from "../base/index.ts";
import * as jute from "../jute/index.ts";
import type { SessionId, Zxid } from "../jute/index.ts";
import { parseConnectString, type ServerAddress } from "./connect-string.ts";
import { deleteRecursive } from "./delete-recursive.ts";
import { ensurePath } from "./ensure-path.ts";
import {
  asBuffer,
  type CreateOptions,
  createRequest,
  multi,
  multiError,
  type MultiOp,
  multiRead,
  type MultiReadOp,
  type MultiReadResults,
  type MultiResults,
  type NodeData,
  toBytes,
} from "./multi.ts";
import * as operations from "./operations.ts";
import type {
  AclAnswer,
  AclEntry,
  ChildrenAnswer,
  CreateAnswer,
  DataAnswer,
  Identity,
  ReadPayload,
  Stat,
} from "./operations.ts";
import { createProtected } from "./protected-create.ts";
import { type Operation, Request, type RequestOptions } from "./request.ts";
import type { SessionState } from "./session-state.ts";
import { Session } from "./session.ts";
import type { ZooKeeperOptions } from "./session-options.ts";
import type { StreamKind, WatchEvent } from "./watch-event.ts";
import { WatchStream } from "./watch-stream.ts";
import type { WatchKind } from "./watch-request.ts";
import { WritableSearch } from "./writable-search.ts";
import { checkPath, toServerPath } from "./znode-path.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

interface VersionOptions extends RequestOptions {
  /** The version that the node must have; any unless given. */
  readonly version?: number | undefined;
}

/** Options of the three reads that can set a one-shot watch. */
export interface ReadOptions extends RequestOptions {
  /**
   * Sets a one-shot watch with the read and is called once: with the event, or
   * with `re-synced` when the session, and the watch with it, is gone. The
   * watch survives reconnects of the session.
   */
  readonly onWatch?: ((event: WatchEvent) => void) | undefined;
}

/**
 * A client of a ZooKeeper ensemble, or of a Zoogate keeper. It connects in the
 * background and keeps trying until it is closed.
 *
 * Requests reach the server in the order of the calls. While there is no live
 * session they wait, in a bounded queue, until one is live; a request that was
 * sent when the connection broke fails with `connection-loss`, which says that
 * its outcome is unknown. Requests that wait when their session expires fail
 * with `session-expired`.
 *
 * All paths are below the chroot of the connect string. Data is not copied
 * before it is sent.
 */
export class ZooKeeper implements AsyncDisposable {
  readonly #session: Session;
  readonly #chroot: string;

  /**
   * @throws ZooKeeperError `bad-connect-string`
   * @throws RangeError for an option out of bounds
   */
  constructor(connectString: string, options: ZooKeeperOptions = {}) {
    const { servers, chroot } = parseConnectString(connectString);
    this.#chroot = chroot;
    this.#session = new Session({ servers, chroot }, options);
    if (options.readOnly === true && servers.length > 1) {
      const { tls, clock = systemClock } = options;
      const search = { servers, tls, clock };
      this.#session.follow(new WritableSearch(this.#session, search));
    }
  }

  get state(): SessionState {
    return this.#session.state;
  }

  /** The present state, then each that follows. Ends when the client is closed. */
  states(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<SessionState> {
    return this.#session.states(options.signal);
  }

  /** Resolves while the session is live; rejects when the client is closed or will not renew an expired session. */
  live(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    return this.#session.live(options.signal);
  }

  /** The path on the servers below which all paths of this client lie; "" for the whole tree. */
  get chroot(): string {
    return this.#chroot;
  }

  /** The highest zxid that a server has answered with. */
  get lastZxid(): Zxid {
    return this.#session.lastZxid;
  }

  /** The present or last session. */
  get sessionId(): SessionId | undefined {
    return this.#session.id;
  }

  /** What another client needs to resume this session. A secret. */
  get sessionCredentials():
    { readonly id: SessionId; readonly password: Uint8Array } | undefined {
    return this.#session.credentials;
  }

  /** The server of the present connection. */
  get server(): ServerAddress | undefined {
    return this.#session.server;
  }

  /** How long a session lives without its client, as negotiated; before that, as asked. */
  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }

  /**
   * Whether a server has answered within the session timeout, so that none can
   * have ended the session for silence. It is exact at any moment, also right
   * after the event loop was stalled, before the state has followed.
   */
  get sessionProven(): boolean {
    const { kind } = this.state;
    if (kind !== "live" && kind !== "suspended") return false;
    return this.#session.isProven;
  }

  /** Creates a node; `path` in the answer carries the sequence number of a sequential one. */
  create(
    path: string,
    data: NodeData = null,
    options: CreateOptions & RequestOptions = {},
  ): Promise<CreateAnswer> {
    const sequential = options.mode?.includes("sequential") === true;
    // A sequential name may be empty: the number is appended to it.
    const fault = checkPath(sequential ? `${path}1` : path);
    if (fault !== undefined) return badPath("create", path, fault);
    const form = createRequest(toServerPath(this.#chroot, path), data, options);
    if (form.code === jute.OpCode.createTTL)
      return this.#submit(
        new Request(operations.createTTL, form.payload, path, options),
      );
    const operation =
      form.code === jute.OpCode.createContainer
        ? operations.createContainer
        : operations.create2;
    return this.#submit(new Request(operation, form.payload, path, options));
  }

  /**
   * Creates a node whose name begins with a random prefix, so that after a lost
   * reply it is found again instead of created twice. For sequential nodes.
   */
  createProtected(
    path: string,
    data: NodeData = null,
    options: CreateOptions & RequestOptions = {},
  ): Promise<CreateAnswer> {
    return createProtected(this, { path, data, options });
  }

  delete(path: string, options: VersionOptions = {}): Promise<void> {
    const version = options.version ?? -1;
    return this.#at(operations.deleteNode, path, options, (serverPath) => ({
      path: serverPath,
      version,
    }));
  }

  /** Deletes a node and everything below it; nothing happens where there is no such node. */
  deleteRecursive(path: string, options: RequestOptions = {}): Promise<void> {
    return deleteRecursive(this, path, options);
  }

  /** Undefined where there is no such node. */
  exists(path: string, options?: ReadOptions): Promise<Stat | undefined> {
    return this.#read(operations.exists, path, options, "data");
  }

  getData(path: string, options?: ReadOptions): Promise<DataAnswer> {
    return this.#read(operations.getData, path, options, "data");
  }

  setData(
    path: string,
    data: NodeData,
    options: VersionOptions = {},
  ): Promise<Stat> {
    const bytes = toBytes(data);
    const version = options.version ?? -1;
    return this.#at(operations.setData, path, options, (serverPath) => ({
      path: serverPath,
      data: bytes === null ? null : asBuffer(bytes),
      version,
    }));
  }

  getChildren(path: string, options?: ReadOptions): Promise<ChildrenAnswer> {
    return this.#read(operations.getChildren2, path, options, "children");
  }

  getAcl(path: string, options: RequestOptions = {}): Promise<AclAnswer> {
    return this.#at(operations.getACL, path, options, (serverPath) => ({
      path: serverPath,
    }));
  }

  /** `version` is that of the ACL (`aversion`). */
  setAcl(
    path: string,
    acl: readonly AclEntry[],
    options: VersionOptions = {},
  ): Promise<Stat> {
    const version = options.version ?? -1;
    return this.#at(operations.setACL, path, options, (serverPath) => ({
      path: serverPath,
      acl,
      version,
    }));
  }

  /** Makes the server catch up with the leader before it answers what follows. */
  sync(path = "/", options: RequestOptions = {}): Promise<void> {
    return this.#at(operations.sync, path, options, (serverPath) => ({
      path: serverPath,
    }));
  }

  /** Who the servers think this connection is. */
  whoAmI(options: RequestOptions = {}): Promise<readonly Identity[]> {
    return this.#submit(
      new Request(operations.whoAmI, undefined, undefined, options),
    );
  }

  /** The ephemeral nodes of this session at or below a path. */
  getEphemerals(
    prefixPath = "/",
    options: RequestOptions = {},
  ): Promise<readonly string[]> {
    return this.#at(
      operations.getEphemerals,
      prefixPath,
      options,
      (serverPath) => ({ prefixPath: serverPath }),
    );
  }

  /** The number of nodes below a path, at every depth. */
  getAllChildrenNumber(
    path: string,
    options: RequestOptions = {},
  ): Promise<number> {
    return this.#at(
      operations.getAllChildrenNumber,
      path,
      options,
      (serverPath) => ({ path: serverPath }),
    );
  }

  /**
   * Does all of the operations or none of them. Results stand at the positions
   * of their operations.
   * @throws ZooKeeperError with the code of the operation that failed, its
   *   position in `failedIndex` and the fate of each in `results`
   */
  async multi<const Ops extends readonly MultiOp[]>(
    ops: Ops,
    options: RequestOptions = {},
  ): Promise<MultiResults<Ops>> {
    for (const { kind, path, ...rest } of ops) {
      const create = "options" in rest ? rest.options : undefined;
      const sequential = create?.mode?.includes("sequential") === true;
      const fault = checkPath(sequential ? `${path}1` : path);
      if (fault !== undefined) return badPath(`multi ${kind}`, path, fault);
    }
    const payload = { chroot: this.#chroot, ops };
    const outcome = await this.#submit(
      new Request(multi, payload, undefined, options),
    );
    if (outcome.kind === "undone") throw multiError(outcome.numbers, ops);
    return outcome.results as MultiResults<Ops>; // the server answers in the order of the operations
  }

  /** Reads several nodes in one request; each has its own result or error. */
  async multiRead<const Ops extends readonly MultiReadOp[]>(
    ops: Ops,
    options: RequestOptions = {},
  ): Promise<MultiReadResults<Ops>> {
    for (const { kind, path } of ops) {
      const fault = checkPath(path);
      if (fault !== undefined) return badPath(`multiRead ${kind}`, path, fault);
    }
    const payload = { chroot: this.#chroot, ops };
    const results = await this.#submit(
      new Request(multiRead, payload, undefined, options),
    );
    return results as unknown as MultiReadResults<Ops>; // as above
  }

  /**
   * Changes at a path, as they come, for as long as the loop runs; the first
   * event is `re-synced` because it was `armed`. What is read after an event is
   * at least as new as the event. The watch is set again by itself after every
   * event, reconnect and expiry, and removed when the loop ends. The loop ends
   * when the client is closed and throws `signal.reason` on abort.
   *
   *     for await (const event of zk.watch("/config", { kind: "data" }))
   *       console.log(event.kind, await zk.exists("/config"));
   */
  watch(
    path: string,
    options: {
      readonly kind: StreamKind;
      readonly signal?: AbortSignal | undefined;
    },
  ): AsyncIterable<WatchEvent> {
    const fault = checkPath(path);
    if (fault !== undefined) throw pathError("watch", path, fault);
    return new WatchStream(this.#session, { path, ...options });
  }

  /** Creates a persistent node and those above it (the chroot too) where they are missing. */
  ensurePath(path: string, options: RequestOptions = {}): Promise<void> {
    const fault = checkPath(path);
    if (fault !== undefined) return badPath("ensurePath", path, fault);
    return ensurePath(this.#session, {
      serverPath: toServerPath(this.#chroot, path),
      options,
    });
  }

  /**
   * Authenticates this connection and every later one. A credential that the
   * server refuses is not sent again.
   * @throws ZooKeeperError `auth-failed`
   */
  addAuth(scheme: string, auth: string | Uint8Array): Promise<void> {
    return this.#session.addAuth({ scheme, auth });
  }

  /** The configuration of the ensemble, as text in `data`. */
  getConfig(options: RequestOptions = {}): Promise<DataAnswer> {
    const path = "/zookeeper/config"; // the same under every chroot
    return this.#submit(
      new Request(operations.getData, { path, watch: false }, path, options),
    );
  }

  /** Changes the ensemble, by joining and leaving servers or by a whole list of members. Answers the new configuration. */
  reconfig(
    change: {
      readonly joining?: readonly string[];
      readonly leaving?: readonly string[];
      readonly members?: readonly string[];
      /** Only from this configuration (its version), any unless given. */
      readonly fromConfig?: bigint;
    },
    options: RequestOptions = {},
  ): Promise<DataAnswer> {
    const payload = {
      joiningServers: change.joining?.join(",") ?? null,
      leavingServers: change.leaving?.join(",") ?? null,
      newMembers: change.members?.join(",") ?? null,
      curConfigId: change.fromConfig ?? -1n,
    };
    return this.#submit(
      new Request(operations.reconfig, payload, undefined, options),
    );
  }

  /**
   * Ends the session: ephemeral nodes go at once. Waits for what is in flight
   * and for the server's answer, at most until the signal fires, two seconds
   * unless given. Requests that wait for a connection fail with `closed`.
   */
  close(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    return this.#session.close(options.signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #submit<Payload, Answer>(request: Request<Payload, Answer>): Promise<Answer> {
    this.#session.submit(request);
    return request.promise;
  }

  #at<Payload, Answer>(
    operation: Operation<Payload, Answer>,
    path: string,
    options: RequestOptions,
    payload: (serverPath: string) => Payload,
  ): Promise<Answer> {
    const fault = checkPath(path);
    if (fault !== undefined) return badPath(operation.name, path, fault);
    return this.#submit(
      new Request(
        operation,
        payload(toServerPath(this.#chroot, path)),
        path,
        options,
      ),
    );
  }

  #read<Answer>(
    operation: Operation<ReadPayload, Answer>,
    path: string,
    options: ReadOptions | undefined,
    kind: WatchKind,
  ): Promise<Answer> {
    const fault = checkPath(path);
    if (fault !== undefined) return badPath(operation.name, path, fault);
    const serverPath = toServerPath(this.#chroot, path);
    const onWatch = options?.onWatch;
    const watch = onWatch !== undefined;
    const payload = { path: serverPath, watch };
    const request = new Request(operation, payload, path, options);
    if (onWatch !== undefined)
      request.watch = { kind, serverPath, listener: onWatch, payload };
    return this.#submit(request);
  }
}

function pathError(op: string, path: string, detail: string): ZooKeeperError {
  return new ZooKeeperError("bad-path", { op, path, detail });
}

function badPath(op: string, path: string, detail: string): Promise<never> {
  return Promise.reject(pathError(op, path, detail));
}
