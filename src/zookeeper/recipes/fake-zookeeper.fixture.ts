/**
 * A ZooKeeper server and its clients in memory, for tests of recipes: one tree,
 * and for each client a first-in, first-out connection whose messages move only
 * when the test says so. It keeps the guarantees that recipes rest on (order of
 * answers, notification before the answer that shows the change), and drops,
 * delays and cuts at any message.
 */
import { setImmediate as turn } from "node:timers/promises";
import { Channel, Latest } from "../../base/index.ts";
import { type SessionId, type Stat, toSessionId } from "../../jute/index.ts";
import type { SessionState } from "../session-state.ts";
import type { ReSyncReason, WatchEvent } from "../watch-event.ts";
import { ZooKeeperError } from "../zookeeper-error.ts";
import type { ReadingClient } from "./recipe-client.ts";

interface FakeNode {
  data: Buffer | null;
  czxid: bigint;
  mzxid: bigint;
  pzxid: bigint;
  version: number;
  cversion: number;
  owner: bigint;
}

type FakeEventKind =
  "created" | "deleted" | "data-changed" | "children-changed";

/** The tree. Writes take effect, and notify, at once. */
export class FakeServer {
  readonly nodes = new Map<string, FakeNode>();
  zxid = 0n;
  addWatch = true;
  readonly unreadable = new Set<string>();
  readonly clients = new Set<FakeClient>();

  constructor() {
    this.#put("/", null);
  }

  create(path: string, data = ""): void {
    const parent = this.nodes.get(parentOf(path));
    if (parent === undefined) throw new ZooKeeperError("no-node", { path });
    if (this.nodes.has(path)) throw new ZooKeeperError("node-exists", { path });
    this.zxid += 1n;
    this.#put(path, Buffer.from(data));
    this.#touchParent(path);
    this.#notify("created", path);
  }

  set(path: string, data: string): void {
    const node = this.nodes.get(path);
    if (node === undefined) throw new ZooKeeperError("no-node", { path });
    this.zxid += 1n;
    node.data = Buffer.from(data);
    node.mzxid = this.zxid;
    node.version += 1;
    this.#notify("data-changed", path);
  }

  delete(path: string): void {
    if (!this.nodes.has(path)) throw new ZooKeeperError("no-node", { path });
    if (this.childrenOf(path).length > 0)
      throw new ZooKeeperError("not-empty", { path });
    this.zxid += 1n;
    this.nodes.delete(path);
    this.#touchParent(path);
    this.#notify("deleted", path);
  }

  childrenOf(path: string): string[] {
    const prefix = path === "/" ? "/" : `${path}/`;
    return [...this.nodes.keys()]
      .filter(
        (other) =>
          other !== "/" &&
          other.startsWith(prefix) &&
          !other.includes("/", prefix.length),
      )
      .map((other) => other.slice(prefix.length));
  }

  statOf(path: string): Stat {
    const node = this.nodes.get(path);
    if (node === undefined)
      throw new ZooKeeperError("no-node", { path, op: "getData" });
    return {
      czxid: node.czxid,
      mzxid: node.mzxid,
      pzxid: node.pzxid,
      ctime: 0n,
      mtime: 0n,
      version: node.version,
      cversion: node.cversion,
      aversion: 0,
      ephemeralOwner: node.owner,
      dataLength: node.data?.length ?? 0,
      numChildren: this.childrenOf(path).length,
    };
  }

  /** Path, czxid, mzxid and data of each node at or below `root`, as text. */
  picture(root: string): string[] {
    const prefix = root === "/" ? "/" : `${root}/`;
    return [...this.nodes]
      .filter(([path]) => path === root || path.startsWith(prefix))
      .map(([path, node]) => {
        const relative = path === root ? "" : path.slice(prefix.length);
        const data = node.data?.toString() ?? "null";
        return `${relative} ${node.czxid} ${node.mzxid} ${data}`;
      })
      .sort();
  }

  /** Another, older or newer, tree in place of this one. */
  rebuild(): void {
    this.nodes.clear();
    this.zxid = 0n;
    this.#put("/", null);
  }

  #put(path: string, data: Buffer | null): void {
    this.nodes.set(path, {
      data,
      czxid: this.zxid,
      mzxid: this.zxid,
      pzxid: this.zxid,
      version: 0,
      cversion: 0,
      owner: 0n,
    });
  }

  #touchParent(path: string): void {
    const parent = this.nodes.get(parentOf(path));
    if (parent === undefined) return;
    parent.cversion += 1;
    parent.pzxid = this.zxid;
  }

  #notify(kind: FakeEventKind, path: string): void {
    for (const client of this.clients) {
      client.changed(kind, path);
      if (kind !== "data-changed")
        client.changed("children-changed", parentOf(path));
    }
  }
}

interface FakeStream {
  readonly path: string;
  readonly events: Channel<WatchEvent>;
  /** The server knows of it. */
  armed: boolean;
  owed: "armed" | "new-session" | undefined;
}

type OneShotKind = "data" | "exist" | "children";

interface OneShot {
  kind: OneShotKind;
  readonly path: string;
  readonly listener: (event: WatchEvent) => void;
  /** The answer that confirms it has reached the client. */
  confirmed: boolean;
  /** The server has not spent it. */
  armed: boolean;
}

interface FakeRequest {
  /** Runs at the server; what it answers is done at the client on delivery. */
  run(): () => void;
  fail(error: unknown): void;
}

/** One client and its connection. */
export class FakeClient implements ReadingClient {
  readonly #states = new Latest<SessionState>(liveState(1n, false));
  readonly #server: FakeServer;
  readonly #streams = new Set<FakeStream>();
  readonly #oneShots = new Set<OneShot>();
  /** Calls not yet sent: they survive a cut. */
  #waiting: FakeRequest[] = [];
  #sent: FakeRequest[] = [];
  /** On their way from the server. */
  #inbox: {
    readonly request?: FakeRequest;
    readonly zxid: bigint;
    deliver(): void;
  }[] = [];
  #connected = true;
  #lastZxid = 0n;

  constructor(server: FakeServer) {
    this.#server = server;
    server.clients.add(this);
  }

  get state(): SessionState {
    return this.#states.value;
  }

  states: ReadingClient["states"] = (options) => this.#states.watch(options);

  /** Messages in both directions that have not been moved. */
  get backlog(): number {
    return this.#sent.length + this.#inbox.length;
  }

  getData: ReadingClient["getData"] = (path, options) =>
    this.#read(path, "data", options?.onWatch, () => {
      const stat = this.#server.statOf(path);
      if (this.#server.unreadable.has(path))
        throw new ZooKeeperError("no-auth", { path });
      const data = this.#server.nodes.get(path)?.data ?? null;
      return { data, stat, zxid: this.#server.zxid };
    });

  exists: ReadingClient["exists"] = (path, options) => {
    const present = () => this.#server.nodes.has(path);
    const kind = () => (present() ? "data" : "exist");
    return this.#read(path, kind, options?.onWatch, () =>
      present() ? this.#server.statOf(path) : undefined,
    );
  };

  getChildren: ReadingClient["getChildren"] = (path, options) =>
    this.#read(path, "children", options?.onWatch, () => ({
      stat: this.#server.statOf(path),
      children: this.#server.childrenOf(path),
      zxid: this.#server.zxid,
    }));

  sync: ReadingClient["sync"] = () => this.#call(() => undefined);

  watch: ReadingClient["watch"] = (path, { signal }) => {
    const stream: FakeStream = {
      path,
      armed: false,
      owed: "armed",
      events: new Channel<WatchEvent>({
        limit: 100,
        onReturn: () => void this.#streams.delete(stream),
      }),
    };
    const stop = () => {
      this.#streams.delete(stream);
      stream.events.fail(signal?.reason);
    };
    if (signal?.aborted === true) stop();
    else {
      signal?.addEventListener("abort", stop, { once: true });
      this.#streams.add(stream);
      this.#arm(stream);
    }
    return stream.events;
  };

  /** Called by the server. */
  changed(kind: FakeEventKind, path: string): void {
    const event: WatchEvent = { kind, path };
    if (kind !== "children-changed")
      for (const stream of this.#streams)
        if (stream.armed && isWithin(path, stream.path))
          this.#post(() => tell(stream, event));
    for (const oneShot of this.#oneShots)
      if (oneShot.armed && oneShot.path === path && ends(oneShot.kind, kind))
        this.#fire(oneShot, event);
  }

  /** Moves one message: a request to the server, or something back. */
  step(which: "request" | "inbox"): void {
    if (which === "request") {
      const request = this.#sent.shift();
      if (request === undefined) return;
      const deliver = request.run();
      this.#inbox.push({ request, deliver, zxid: this.#server.zxid });
    } else {
      const item = this.#inbox.shift();
      if (item === undefined) return;
      if (item.request !== undefined) this.#lastZxid = item.zxid;
      item.deliver();
    }
  }

  cut(): void {
    if (!this.#connected) return;
    this.#connected = false;
    const lost = this.#inbox.flatMap((item) => item.request ?? []);
    lost.push(...this.#sent);
    this.#inbox = [];
    this.#sent = [];
    for (const stream of this.#streams) stream.armed = false;
    for (const oneShot of this.#oneShots)
      if (!oneShot.confirmed) this.#oneShots.delete(oneShot);
    for (const request of lost)
      request.fail(new ZooKeeperError("connection-loss"));
  }

  /** With the same session, unless a state with another id is given. */
  reconnect(state: SessionState = liveState(this.#sessionId, false)): void {
    if (this.#connected || state.kind !== "live") return;
    const newSession = state.id !== this.#sessionId;
    this.#connected = true;
    if (state.newTree) this.#lastZxid = 0n;
    if (newSession) {
      for (const request of this.#waiting)
        request.fail(new ZooKeeperError("session-expired"));
      this.#waiting = [];
    }
    this.#setWatches(newSession);
    this.#states.set(state);
    for (const stream of this.#streams) {
      if (newSession || stream.owed !== undefined) {
        stream.owed ??= "new-session";
        this.#arm(stream);
      } else {
        stream.armed = true;
        tell(stream, resynced(stream.path, "reconnected"));
      }
    }
    this.#sent.push(...this.#waiting);
    this.#waiting = [];
  }

  close(): void {
    for (const stream of this.#streams) stream.events.close();
    this.#states.close();
    this.#server.clients.delete(this);
  }

  /** Moves everything until nothing is left to move. */
  async settle(): Promise<void> {
    for (;;) {
      while (this.backlog > 0) {
        this.step("inbox");
        this.step("request");
        await turn();
      }
      await turn();
      await turn();
      if (this.backlog === 0) return;
    }
  }

  get #sessionId(): SessionId {
    const { state } = this;
    return state.kind === "live" ? state.id : toSessionId(0n);
  }

  /** What the server does with setWatches: what was missed is told at once. */
  #setWatches(newSession: boolean): void {
    for (const oneShot of this.#oneShots) {
      const { kind, path, listener } = oneShot;
      if (newSession) {
        this.#oneShots.delete(oneShot);
        listener(resynced(path, "new-session"));
        continue;
      }
      oneShot.armed = true;
      const node = this.#server.nodes.get(path);
      const relative = this.#lastZxid;
      if (kind === "exist") {
        if (node !== undefined) this.#fire(oneShot, { kind: "created", path });
      } else if (node === undefined)
        this.#fire(oneShot, { kind: "deleted", path });
      else if (kind === "data" && node.mzxid > relative)
        this.#fire(oneShot, { kind: "data-changed", path });
      else if (kind === "children" && node.pzxid > relative)
        this.#fire(oneShot, { kind: "children-changed", path });
    }
  }

  #fire(oneShot: OneShot, event: WatchEvent): void {
    oneShot.armed = false;
    this.#post(() => {
      this.#oneShots.delete(oneShot);
      oneShot.listener(event);
    });
  }

  #post(deliver: () => void): void {
    this.#inbox.push({ deliver, zxid: 0n });
  }

  #arm(stream: FakeStream): void {
    const { path } = stream;
    this.#send({
      run: () => {
        if (!this.#server.addWatch)
          return () => stream.events.fail(new ZooKeeperError("unimplemented"));
        stream.armed = true;
        return () => {
          tell(stream, resynced(path, stream.owed ?? "armed"));
          stream.owed = undefined;
        };
      },
      fail: () => {
        // It is owed, so the next connection sets it.
      },
    });
  }

  #read<T>(
    path: string,
    kind: OneShotKind | (() => OneShotKind),
    listener: ((event: WatchEvent) => void) | undefined,
    action: () => T,
  ): Promise<T> {
    if (listener === undefined) return this.#call(action);
    const oneShot: OneShot = {
      kind: "data",
      path,
      listener,
      confirmed: false,
      armed: true,
    };
    const run = () => {
      const answer = action();
      oneShot.kind = typeof kind === "string" ? kind : kind();
      this.#oneShots.add(oneShot);
      return answer;
    };
    return this.#call(run, () => {
      oneShot.confirmed = true;
    });
  }

  #call<T>(action: () => T, onAnswer: () => void = () => {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#send({
        run: () => {
          try {
            const value = action();
            return () => {
              onAnswer();
              resolve(value);
            };
          } catch (error) {
            return () => reject(withZxid(error, this.#server.zxid));
          }
        },
        fail: reject,
      });
    });
  }

  #send(request: FakeRequest): void {
    (this.#connected ? this.#sent : this.#waiting).push(request);
  }
}

function withZxid(error: unknown, zxid: bigint): unknown {
  return error instanceof ZooKeeperError
    ? Object.assign(error, { zxid })
    : error;
}

function tell(stream: FakeStream, event: WatchEvent): void {
  if (stream.events.push(event) !== "full") return;
  stream.events.clear();
  stream.events.push(resynced(stream.path, "overflow"));
}

function resynced(path: string, because: ReSyncReason): WatchEvent {
  return { kind: "re-synced", path, because, newTree: false };
}

/** Whether the event of a path ends a one-shot watch of that kind on it. */
function ends(kind: OneShotKind, event: FakeEventKind): boolean {
  if (kind === "children")
    return event === "children-changed" || event === "deleted";
  if (kind === "exist") return event === "created";
  return event === "data-changed" || event === "deleted";
}

function isWithin(path: string, root: string): boolean {
  return path === root || path.startsWith(root === "/" ? "/" : `${root}/`);
}

/** A state in which a client is live. */
export function liveState(id: bigint, newTree: boolean): SessionState {
  return {
    kind: "live",
    id: toSessionId(id),
    timeoutMs: 10_000,
    readOnly: false,
    newTree,
  };
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}
