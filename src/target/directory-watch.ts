import { type FSWatcher, watch } from "node:fs";

interface Watched {
  readonly watcher: FSWatcher;
  readonly inode: string;
}

/**
 * One watcher for each directory of a site. (Node's own recursive watching takes
 * one for each file on Linux and can miss what is created in a directory that
 * was itself just created; here a directory is watched before it is listed.)
 * Where the system refuses to watch, `failure` says why and the owner polls.
 */
export class DirectoryWatch implements Disposable {
  readonly #watchers = new Map<string, Watched>();
  readonly #onEvent: () => void;
  #mentioned = new Set<string>();
  #failure: unknown;
  #closed = false;

  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  /** Why some directory is not watched (limits, network file systems), if so. */
  get failure(): unknown {
    return this.#failure;
  }

  get size(): number {
    return this.#watchers.size;
  }

  /**
   * Watches a directory from now on; once a round for each one that is to stay.
   * Another `inode` under the same name is another directory: the system's
   * watch died with the former one.
   */
  add(directory: string, inode: string): void {
    if (this.#closed) return;
    this.#mentioned.add(directory);
    if (this.#watchers.get(directory)?.inode === inode) return;
    this.#drop(directory);
    try {
      const watcher = watch(directory, { persistent: false });
      watcher.on("change", this.#onEvent);
      watcher.on("error", (error) => {
        // Windows reports the removal of a watched directory as EPERM.
        this.#drop(directory);
        this.#failure = error;
        this.#onEvent();
      });
      this.#watchers.set(directory, { watcher, inode });
    } catch (error) {
      this.#failure = error;
    }
  }

  /** Begins a round: directories that are not added again until {@link endRound} are left. */
  beginRound(): void {
    this.#mentioned = new Set();
    this.#failure = undefined;
  }

  endRound(): void {
    for (const directory of this.#watchers.keys()) {
      if (!this.#mentioned.has(directory)) this.#drop(directory);
    }
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const directory of this.#watchers.keys()) this.#drop(directory);
  }

  #drop(directory: string): void {
    this.#watchers.get(directory)?.watcher.close();
    this.#watchers.delete(directory);
  }
}
