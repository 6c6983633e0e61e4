import type { Stat } from "../../jute/index.ts";
import type { ChildrenAnswer, DataAnswer } from "../operations.ts";
import type { WatchEvent } from "../watch-event.ts";
import { absolutePath, childPath, relativePath } from "./mirror-node.ts";
import type { ReadingClient } from "./recipe-client.ts";

/** What a source makes the mirror do. */
export interface MirrorSourceTarget {
  /** `path` is to be read again; with `deep`, its children too. */
  invalidate(path: string, options: { readonly deep: boolean }): void;
  /** From now on changes are told: read everything. */
  armed(): void;
  /** Something may have been missed: read everything again. */
  interrupted(): void;
}

/** Where a mirror reads its nodes, and one way of being told what changes. */
export interface MirrorSource {
  /** Runs until the client closes or the signal fires; throws where it cannot go on. */
  follow(): Promise<void>;
  /** A walk is about to read everything. */
  restart(): void;
  getData(path: string): Promise<DataAnswer>;
  getChildren(path: string): Promise<ChildrenAnswer>;
  /** Whether a walk must list the children of such a node. */
  lists(stat: Stat): boolean;
  /** Which of the children just listed must be read. */
  descend(path: string, names: readonly string[]): Iterable<string>;
  /** `path` does not exist. */
  absent(path: string): void;
}

export interface MirrorSourceOptions {
  readonly client: ReadingClient;
  readonly root: string;
  readonly target: MirrorSourceTarget;
  readonly signal: AbortSignal;
}

/**
 * One persistent recursive watch on the root (ZooKeeper 3.6, ZOOKEEPER-1416).
 * It tells of nodes made, changed and deleted, never of lists of children: a
 * child made later is told of by itself, so a leaf need not be listed.
 */
export class RecursiveMirrorSource implements MirrorSource {
  readonly #options: MirrorSourceOptions;

  constructor(options: MirrorSourceOptions) {
    this.#options = options;
  }

  async follow(): Promise<void> {
    const { client, root, target, signal } = this.#options;
    for await (const event of client.watch(root, {
      kind: "recursive",
      signal,
    })) {
      if (event.kind === "re-synced") {
        if (event.because === "armed") target.armed();
        else target.interrupted();
        continue;
      }
      const path = relativePath(root, event.path);
      if (path !== undefined) target.invalidate(path, { deep: false });
    }
  }

  restart(): void {}

  getData(path: string): Promise<DataAnswer> {
    const { client, root } = this.#options;
    return client.getData(absolutePath(root, path));
  }

  getChildren(path: string): Promise<ChildrenAnswer> {
    const { client, root } = this.#options;
    return client.getChildren(absolutePath(root, path));
  }

  lists(stat: Stat): boolean {
    return stat.numChildren > 0;
  }

  descend(_path: string, names: readonly string[]): Iterable<string> {
    return names;
  }

  absent(): void {}
}

/**
 * The same for servers without `addWatch`: each read sets a one-shot watch,
 * unless one stands on that node. Every event ends its watch and has the node
 * read again, which sets the next one; so a change comes either before that
 * read, which shows it, or after it, and is told. A child that is listed and
 * not watched is new, and read with its own children.
 *
 * A root that does not exist is watched by `exists`. After every reconnect
 * everything is read, as with the recursive watch.
 */
export class OneShotMirrorSource implements MirrorSource {
  readonly #options: MirrorSourceOptions;
  readonly #dataWatched = new Set<string>();
  readonly #childrenWatched = new Set<string>();
  /** Paths listed since the walk began: only their new children are read. */
  readonly #listed = new Set<string>();

  constructor(options: MirrorSourceOptions) {
    this.#options = options;
  }

  async follow(): Promise<void> {
    const { client, target, signal } = this.#options;
    let first = true;
    for await (const state of client.states({ signal })) {
      if (state.kind !== "live") continue;
      if (first) target.armed();
      else target.interrupted();
      first = false;
    }
  }

  restart(): void {
    this.#listed.clear();
  }

  async getData(path: string): Promise<DataAnswer> {
    const { client, root } = this.#options;
    const absolute = absolutePath(root, path);
    if (path === "") await this.#watchRoot(absolute);
    if (this.#dataWatched.has(path)) return client.getData(absolute);
    this.#dataWatched.add(path);
    try {
      return await client.getData(absolute, {
        onWatch: (event) => this.#happened(this.#dataWatched, path, event),
      });
    } catch (error) {
      this.#dataWatched.delete(path); // an answer without a node sets no watch
      throw error;
    }
  }

  async getChildren(path: string): Promise<ChildrenAnswer> {
    const { client, root } = this.#options;
    const absolute = absolutePath(root, path);
    if (this.#childrenWatched.has(path)) return client.getChildren(absolute);
    this.#childrenWatched.add(path);
    try {
      return await client.getChildren(absolute, {
        onWatch: (event) => this.#happened(this.#childrenWatched, path, event),
      });
    } catch (error) {
      this.#childrenWatched.delete(path);
      throw error;
    }
  }

  /** Without a watch a child made later would be overlooked; an ephemeral node never has any. */
  lists(stat: Stat): boolean {
    return stat.ephemeralOwner === 0n;
  }

  descend(path: string, names: readonly string[]): Iterable<string> {
    if (!this.#listed.has(path)) {
      this.#listed.add(path);
      return names;
    }
    return names.filter(
      (name) => !this.#dataWatched.has(childPath(path, name)),
    );
  }

  absent(path: string): void {
    this.#listed.delete(path);
  }

  /** `exists` sets a watch on what is not there as well. */
  async #watchRoot(absolute: string): Promise<void> {
    if (this.#dataWatched.has("")) return;
    this.#dataWatched.add("");
    try {
      await this.#options.client.exists(absolute, {
        onWatch: (event) => this.#happened(this.#dataWatched, "", event),
      });
    } catch (error) {
      this.#dataWatched.delete("");
      throw error;
    }
  }

  #happened(watched: Set<string>, path: string, event: WatchEvent): void {
    const { signal, target } = this.#options;
    watched.delete(path);
    if (signal.aborted) return;
    target.invalidate(path, { deep: event.kind !== "data-changed" });
  }
}
