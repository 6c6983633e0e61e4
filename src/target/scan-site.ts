import { createHash } from "node:crypto";
import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import type { FileStore } from "./file-store.ts";
import { isAbsence, isHidden, isServed } from "./site-path.ts";
import { systemErrorCode } from "./target-error.ts";

/** Files digested at the same time. */
const PARALLEL_FILES = 8;

/** What a directory holds at one moment. */
export interface Manifest {
  /** Digest of all relative paths and contents: equal on all replicas that hold the same. */
  readonly digest: string;
  /** SHA-256 by path below the root, with `/` between names. */
  readonly files: ReadonlyMap<string, string>;
  /** Files that are there and cannot be read. */
  readonly unreadable: readonly string[];
}

/**
 * Reads everything that would be served below `root`, a real path. Files whose
 * signature is known are not read again. `onDirectory` is called with each real
 * directory and its inode before it is listed.
 * @throws the system's error when `root` itself cannot be listed
 */
export async function scanSite(
  root: string,
  options: {
    readonly store: FileStore;
    readonly onDirectory?: (realPath: string, inode: string) => void;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Manifest> {
  const scan = new Scan(root, options);
  await scan.directory({ realPath: root, key: "", ancestors: [] });
  return scan.manifest();
}

interface Place {
  readonly realPath: string;
  readonly key: string;
  /** Real paths of the directories on the way: a link back to one is a circle. */
  readonly ancestors: readonly string[];
}

class Scan {
  readonly #root: string;
  readonly #store: FileStore;
  readonly #onDirectory: (realPath: string, inode: string) => void;
  readonly #signal: AbortSignal | undefined;
  readonly #files = new Map<string, string>();
  readonly #realPaths = new Set<string>();
  readonly #unreadable: string[] = [];

  constructor(root: string, options: Parameters<typeof scanSite>[1]) {
    this.#root = root;
    this.#store = options.store;
    this.#onDirectory = options.onDirectory ?? (() => {});
    this.#signal = options.signal;
  }

  async directory(place: Place): Promise<void> {
    this.#signal?.throwIfAborted();
    const entries = await this.#list(place);
    const below: Place[] = [];
    const files: Place[] = [];
    for (const entry of entries) {
      const found = await this.#place(place, entry);
      if (found === undefined) continue;
      (found.isDirectory ? below : files).push(found);
    }
    for (let first = 0; first < files.length; first += PARALLEL_FILES)
      await Promise.all(
        files
          .slice(first, first + PARALLEL_FILES)
          .map((file) => this.#file(file)),
      );
    for (const directory of below) await this.directory(directory);
  }

  manifest(): Manifest {
    this.#store.retain(this.#realPaths);
    const hash = createHash("sha256");
    // Code-unit order: the same on every machine, whatever its locale.
    const keys = [...this.#files.keys()].sort();
    for (const key of keys) hash.update(`${key}\0${this.#files.get(key)}\n`);
    return {
      digest: hash.digest("hex"),
      files: this.#files,
      unreadable: this.#unreadable,
    };
  }

  async #list(place: Place): Promise<Dirent[]> {
    try {
      const { dev, ino } = await stat(place.realPath, { bigint: true });
      this.#onDirectory(place.realPath, `${dev}:${ino}`);
      return await readdir(place.realPath, { withFileTypes: true });
    } catch (error) {
      if (place.key === "" || !isAbsence(error)) throw error;
      this.#note(place, error);
      return [];
    }
  }

  /** Where an entry leads, links followed; undefined for what is not served. */
  async #place(
    parent: Place,
    entry: Dirent,
  ): Promise<(Place & { readonly isDirectory: boolean }) | undefined> {
    const key = parent.key === "" ? entry.name : `${parent.key}/${entry.name}`;
    const segments = key.split("/");
    const path = join(parent.realPath, entry.name);
    const ancestors = [...parent.ancestors, parent.realPath];
    if (entry.isFile())
      return isHidden(segments)
        ? undefined
        : { realPath: path, key, ancestors, isDirectory: false };
    if (entry.isDirectory())
      return isHidden([...segments, "x"])
        ? undefined
        : { realPath: path, key, ancestors, isDirectory: true };
    if (!entry.isSymbolicLink() || isHidden([...segments, "x"]))
      return undefined;
    return this.#followLink(path, { key, ancestors });
  }

  async #followLink(
    path: string,
    from: Omit<Place, "realPath">,
  ): Promise<(Place & { readonly isDirectory: boolean }) | undefined> {
    try {
      const realPath = await realpath(path);
      if (!isServed(this.#root, realPath)) return undefined;
      const stats = await stat(realPath);
      if (stats.isFile()) return { ...from, realPath, isDirectory: false };
      if (!stats.isDirectory()) return undefined;
      const circle = from.ancestors.some(
        (ancestor) =>
          ancestor === realPath || ancestor.startsWith(realPath + sep),
      );
      return circle ? undefined : { ...from, realPath, isDirectory: true };
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  async #file(place: Place): Promise<void> {
    this.#signal?.throwIfAborted();
    try {
      const digest = await this.#store.digest(place.realPath);
      if (digest === undefined) return;
      this.#files.set(place.key, digest);
      this.#realPaths.add(place.realPath);
    } catch (error) {
      if (!isAbsence(error)) throw error;
      this.#note(place, error);
    }
  }

  /** What vanished between listing and reading is normal; what is forbidden is told. */
  #note(place: Place, error: unknown): void {
    const code = systemErrorCode(error);
    if (code === "EACCES" || code === "EPERM") this.#unreadable.push(place.key);
  }
}
