import type { Acl } from "./acl.ts";

/** Bits of the kinds of watch that one watcher has on one path. */
export const Watch = {
  data: 1,
  child: 2,
  persistentData: 4,
  persistentChild: 8,
  recursive: 16,
} as const;

const ONE_SHOT = Watch.data | Watch.child;
const ANY_DATA = Watch.data | Watch.persistentData;
const ANY_CHILD = Watch.child | Watch.persistentChild;
const BOTH = ANY_DATA | ANY_CHILD;

/** Whoever is told. */
export interface Watcher {
  /** Its watches by path; kept by the table. */
  readonly watches: Map<string, number>;
  /** Called in the order in which things happened. */
  notify(type: number, path: string): void;
  /** A client that may not read a node is not told of it (CVE-2024-23944). */
  maySee(acl: Acl): boolean;
}

/** One thing that happened to one path. */
export interface WatchTrigger {
  /** A `WatchEventType`. */
  readonly type: number;
  readonly path: string;
  /** Of the node, or of its parent where a list of children changed. */
  readonly acl: Acl;
}

/** Memory of one watch besides its path, for the bound of memory. */
const MEMORY_PER_WATCH = 150;

/**
 * Who watches what.
 *
 *   data             one-shot: created, deleted, data changed
 *   child            one-shot: deleted, children changed
 *   persistentData, persistentChild   the same, and they stay
 *   recursive        stays, and sees the whole subtree, without children changed
 *
 * A path has mostly one watcher, which is kept without a set around it.
 */
export class WatchTable {
  readonly #byPath = new Map<string, Watcher | Set<Watcher>>();
  #recursiveCount = 0;
  #count = 0;
  #bytes = 0;

  /** Pairs of a watcher and a path. */
  get count(): number {
    return this.#count;
  }

  get pathCount(): number {
    return this.#byPath.size;
  }

  /** An estimate of the memory that it holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Every path with those that watch it. */
  *entries(): Generator<readonly [string, readonly Watcher[]], void, void> {
    for (const [path, held] of this.#byPath)
      yield [path, held instanceof Set ? [...held] : [held]];
  }

  add(watcher: Watcher, path: string, kinds: number): void {
    const before = watcher.watches.get(path) ?? 0;
    const after = before | kinds;
    if (after === before) return;
    watcher.watches.set(path, after);
    if ((after & ~before & Watch.recursive) !== 0) this.#recursiveCount += 1;
    if (before !== 0) return;
    this.#count += 1;
    this.#bytes += MEMORY_PER_WATCH + path.length;
    const held = this.#byPath.get(path);
    if (held === undefined) this.#byPath.set(path, watcher);
    else if (held instanceof Set) held.add(watcher);
    else this.#byPath.set(path, new Set([held, watcher]));
  }

  /** Whether the watcher has one of these kinds on the path. */
  has(watcher: Watcher, path: string, kinds: number): boolean {
    return ((watcher.watches.get(path) ?? 0) & kinds) !== 0;
  }

  /** Removes these kinds; answers whether there was one of them. */
  remove(watcher: Watcher, path: string, kinds: number): boolean {
    const before = watcher.watches.get(path) ?? 0;
    if ((before & kinds) === 0) return false;
    this.#keep(watcher, path, { before, after: before & ~kinds });
    return true;
  }

  /** Removes everything of a watcher that has gone. */
  removeAll(watcher: Watcher): void {
    for (const [path, before] of watcher.watches)
      this.#keep(watcher, path, { before, after: 0 });
    watcher.watches.clear();
  }

  /** A node appeared or its data changed. */
  triggerData(trigger: WatchTrigger): void {
    this.#trigger(trigger, ANY_DATA, true);
  }

  /** A node went: its data and child watches are told once. */
  triggerDeleted(trigger: WatchTrigger): void {
    this.#trigger(trigger, BOTH, true);
  }

  /** The list of children changed; recursive watches hear of the child itself instead. */
  triggerChildren(trigger: WatchTrigger): void {
    this.#trigger(trigger, ANY_CHILD, false);
  }

  #trigger(trigger: WatchTrigger, kinds: number, recursive: boolean): void {
    const told =
      recursive && this.#recursiveCount > 0 ? new Set<Watcher>() : undefined;
    const held = this.#byPath.get(trigger.path);
    if (held instanceof Set) {
      for (const watcher of held) this.#tell(watcher, trigger, { kinds, told });
    } else if (held !== undefined) this.#tell(held, trigger, { kinds, told });
    if (told !== undefined) this.#tellRecursive(trigger, told);
  }

  #tell(
    watcher: Watcher,
    trigger: WatchTrigger,
    how: { readonly kinds: number; readonly told: Set<Watcher> | undefined },
  ): void {
    const before = watcher.watches.get(trigger.path) ?? 0;
    const kinds =
      how.told === undefined ? how.kinds : how.kinds | Watch.recursive;
    if ((before & kinds) === 0) return;
    const after = before & ~(how.kinds & ONE_SHOT);
    if (after !== before) this.#keep(watcher, trigger.path, { before, after });
    how.told?.add(watcher);
    if (watcher.maySee(trigger.acl)) watcher.notify(trigger.type, trigger.path);
  }

  #tellRecursive(trigger: WatchTrigger, told: Set<Watcher>): void {
    let path = trigger.path;
    while (path !== "/") {
      path = path.slice(0, Math.max(1, path.lastIndexOf("/")));
      const held = this.#byPath.get(path);
      if (held === undefined) continue;
      for (const watcher of held instanceof Set ? held : [held]) {
        if (told.has(watcher) || !this.has(watcher, path, Watch.recursive))
          continue;
        told.add(watcher);
        if (watcher.maySee(trigger.acl))
          watcher.notify(trigger.type, trigger.path);
      }
    }
  }

  #keep(
    watcher: Watcher,
    path: string,
    kinds: { readonly before: number; readonly after: number },
  ): void {
    if ((kinds.before & ~kinds.after & Watch.recursive) !== 0)
      this.#recursiveCount -= 1;
    if (kinds.after !== 0) {
      watcher.watches.set(path, kinds.after);
      return;
    }
    watcher.watches.delete(path);
    this.#count -= 1;
    this.#bytes -= MEMORY_PER_WATCH + path.length;
    const held = this.#byPath.get(path);
    if (!(held instanceof Set)) {
      this.#byPath.delete(path);
      return;
    }
    held.delete(watcher);
    if (held.size === 0) this.#byPath.delete(path);
  }
}
