import * as jute from "../jute/index.ts";
import { ServerWatchModes } from "./server-watch-modes.ts";
import type {
  WatchKind,
  WatchListener,
  WatchRequest,
} from "./watch-request.ts";

const KINDS = ["data", "exist", "children", "persistent", "recursive"] as const;
/** Servers accept a little less than 1 MB; small pieces let other replies through. */
const MAX_PIECE_BYTES = 128 * 1_024;

/**
 * The watches that the present session has set, by kind and path on the server.
 * A watch is added in the same turn as the reply that confirms it, so that no
 * notification can come in between.
 */
export class WatchTable {
  readonly #byKind: Readonly<
    Record<WatchKind, Map<string, Set<WatchListener>>>
  > = {
    data: new Map(),
    exist: new Map(),
    children: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  };

  readonly #modes = new ServerWatchModes();
  /** Requests under way that will set a watch, by path. */
  readonly #coming = new Map<string, number>();

  /** Listeners of all kinds. */
  get size(): number {
    let size = 0;
    for (const kind of KINDS)
      for (const listeners of this.#byKind[kind].values())
        size += listeners.size;
    return size;
  }

  /** Called when a request that sets a watch is sent. */
  sending(watch: WatchRequest): void {
    this.#modes.sending(watch);
  }

  add(kind: WatchKind, path: string, listener: WatchListener): void {
    const listeners = this.#byKind[kind].get(path);
    if (listeners === undefined)
      this.#byKind[kind].set(path, new Set([listener]));
    else listeners.add(listener);
  }

  /** Counts a request that will set a watch, until it is settled. */
  async expect(
    { kind, serverPath: path }: WatchRequest,
    settled: Promise<unknown>,
  ): Promise<void> {
    this.#coming.set(path, (this.#coming.get(path) ?? 0) + 1);
    try {
      await settled;
    } catch {
      // The caller of the request is told.
      const staying = kind === "persistent" || kind === "recursive";
      if (staying && !this.#stays(path)) this.#modes.delete(path);
    }
    const count = this.#coming.get(path) ?? 1;
    if (count > 1) this.#coming.set(path, count - 1);
    else this.#coming.delete(path);
  }

  /**
   * Forgets a listener, of whichever kind. Answers true when no listener is
   * left at the path and none is coming, so that the server may forget it too: its removal takes
   * all kinds at once (the types of removeWatches cannot tell them apart).
   */
  remove(path: string, listener: WatchListener): boolean {
    let found = false;
    let left = false;
    for (const kind of KINDS) {
      const listeners = this.#byKind[kind].get(path);
      if (listeners === undefined) continue;
      if (listeners.delete(listener)) found = true;
      if (listeners.size === 0) this.#byKind[kind].delete(path);
      else left = true;
    }
    if (!found || left || this.#coming.has(path)) return false;
    this.#modes.delete(path);
    return true;
  }

  /** The path whose children an event shows to have changed, where the server will not say so. */
  changedParent(type: number, path: string): string | undefined {
    return this.#modes.changedParent(type, path);
  }

  /**
   * The listeners of a notification. One-shot ones are forgotten by this call,
   * as the server has forgotten them.
   */
  take(type: number, path: string): readonly WatchListener[] {
    const found: WatchListener[] = [];
    switch (type) {
      case jute.WatchEventType.created:
      case jute.WatchEventType.dataChanged:
        this.#takeOneShot("data", path, found);
        this.#takeOneShot("exist", path, found);
        this.#findStaying(path, found);
        break;
      case jute.WatchEventType.deleted:
        this.#takeOneShot("data", path, found);
        this.#takeOneShot("exist", path, found);
        this.#takeOneShot("children", path, found);
        this.#findStaying(path, found);
        break;
      case jute.WatchEventType.childrenChanged:
        this.#takeOneShot("children", path, found);
        found.push(...(this.#byKind.persistent.get(path) ?? []));
        break;
      default:
        break;
    }
    return found.length > 1 ? [...new Set(found)] : found;
  }

  /** Empties the table and answers the listeners of one-shot kinds with their paths: a new session has no watches. */
  clear(): readonly (readonly [string, WatchListener])[] {
    const oneShot: (readonly [string, WatchListener])[] = [];
    for (const kind of KINDS) {
      if (kind !== "persistent" && kind !== "recursive")
        for (const [path, listeners] of this.#byKind[kind])
          for (const listener of listeners) oneShot.push([path, listener]);
      this.#byKind[kind].clear();
    }
    this.#modes.restart([], []);
    return oneShot;
  }

  /** Everything, as setWatches requests of at most 128 KB each, for a new connection. */
  *pieces(): Generator<Omit<jute.SetWatches2, "relativeZxid">> {
    const { persistent, recursive } = this.#byKind;
    this.#modes.restart(persistent.keys(), recursive.keys());
    let piece = emptyPiece();
    let pieceBytes = 0;
    for (const kind of KINDS) {
      for (const path of this.#byKind[kind].keys()) {
        const pathBytes = 4 + Buffer.byteLength(path);
        if (pieceBytes > 0 && pieceBytes + pathBytes > MAX_PIECE_BYTES) {
          yield piece;
          piece = emptyPiece();
          pieceBytes = 0;
        }
        piece[PIECE_FIELD[kind]].push(path);
        pieceBytes += pathBytes;
      }
    }
    if (pieceBytes > 0) yield piece;
  }

  #stays(path: string): boolean {
    const { persistent, recursive } = this.#byKind;
    return persistent.has(path) || recursive.has(path);
  }

  #takeOneShot(
    kind: "data" | "exist" | "children",
    path: string,
    found: WatchListener[],
  ): void {
    const listeners = this.#byKind[kind].get(path);
    if (listeners === undefined) return;
    this.#byKind[kind].delete(path);
    found.push(...listeners);
  }

  #findStaying(path: string, found: WatchListener[]): void {
    found.push(...(this.#byKind.persistent.get(path) ?? []));
    const { recursive } = this.#byKind;
    if (recursive.size === 0) return;
    for (let at = path; ;) {
      const listeners = recursive.get(at);
      if (listeners !== undefined) found.push(...listeners);
      if (at === "/") return;
      at = at.slice(0, at.lastIndexOf("/")) || "/";
    }
  }
}

type Piece = Record<
  | "dataWatches"
  | "existWatches"
  | "childWatches"
  | "persistentWatches"
  | "persistentRecursiveWatches",
  string[]
>;

const PIECE_FIELD = {
  data: "dataWatches",
  exist: "existWatches",
  children: "childWatches",
  persistent: "persistentWatches",
  recursive: "persistentRecursiveWatches",
} as const satisfies Record<WatchKind, keyof Piece>;

function emptyPiece(): Piece {
  return {
    dataWatches: [],
    existWatches: [],
    childWatches: [],
    persistentWatches: [],
    persistentRecursiveWatches: [],
  };
}
