import { AddWatchMode, WatchEventType } from "../jute/index.ts";
import type { WatchRequest } from "./watch-request.ts";
import { parentPath } from "./znode-path.ts";

type StayingMode = "persistent" | "recursive";

/**
 * Which watches that stay the server holds for this connection.
 *
 * Servers before 3.9 keep one mode for each path (ZOOKEEPER-4466): a one-shot
 * watch set where a watch stays replaces it, and both are gone after one event;
 * so does a persistent one with a recursive one. So where a watch stays, no
 * other is asked for: its events serve all, and the one kind that a recursive
 * watch lacks, changed children, follows from the events of the children. Later
 * servers, where a persistent watch was there first, tell that twice.
 *
 * BUG: a one-shot watch that is asked for between an addWatch and the server's
 * refusal of it is never set. Servers refuse only what they do not know at all.
 */
export class ServerWatchModes {
  readonly #modes = new Map<string, StayingMode>();

  /** Called when a request is sent; changes what it asks for where that would do harm. */
  sending({ kind, serverPath, payload }: WatchRequest): void {
    const present = this.#modes.get(serverPath);
    if (kind === "persistent" || kind === "recursive") {
      const mode = present === "recursive" ? present : kind;
      this.#modes.set(serverPath, mode);
      if (mode === "recursive") payload.mode = AddWatchMode.persistentRecursive;
    } else if (present !== undefined) {
      payload.watch = false;
    }
  }

  /** The server holds nothing at this path, or has refused to. */
  delete(path: string): void {
    this.#modes.delete(path);
  }

  /** A new connection holds what setWatches has just named, recursive ones last. */
  restart(persistent: Iterable<string>, recursive: Iterable<string>): void {
    this.#modes.clear();
    for (const path of persistent) this.#modes.set(path, "persistent");
    for (const path of recursive) this.#modes.set(path, "recursive");
  }

  /** The path whose children an event shows to have changed, where the server will not say so. */
  changedParent(type: number, path: string): string | undefined {
    if (type !== WatchEventType.created && type !== WatchEventType.deleted)
      return undefined;
    const parent = parentPath(path);
    if (parent === undefined || this.#modes.get(parent) !== "recursive")
      return undefined;
    return parent;
  }
}
