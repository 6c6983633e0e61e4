/**
 * A served directory as it is now. Changes are noticed by watchers, and by a
 * sweep of all signatures for whatever watchers miss (network file systems,
 * containers' bind mounts, exhausted watch limits). A manifest is published only
 * after a scan during which nothing moved, or when the directory has not come to
 * rest for {@link MAX_UNREST_MS}.
 *
 * The served directory may itself be a link (`current` → `releases/42`): when it
 * is swapped, root and manifest change together, so the switch is atomic.
 *
 *   resting ──event, sweep──▶ waiting for quiet ──▶ scanning ──same──▶ resting
 *                 ▲                                   │  └─new─▶ published ─▶ resting
 *                 └─────────── moved meanwhile ───────┘
 */
import { type FSWatcher, watch } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import {
  type Clock,
  type Journal,
  Latest,
  systemClock,
  type Timer,
} from "../base/index.ts";
import { DirectoryWatch } from "./directory-watch.ts";
import { FileStore } from "./file-store.ts";
import { type Manifest, scanSite } from "./scan-site.ts";
import { systemErrorCode, TargetError } from "./target-error.ts";

/** Editors write, rename and set modes within a few milliseconds. */
const QUIET_MS = 100;
/** A directory that never rests is taken as it is after this. */
const MAX_UNREST_MS = 5_000;
const SWEEP_MIN_MS = 5_000;
/** Where watching fails, sweeping is all there is. */
const SWEEP_UNWATCHED_MS = 1_000;
const SWEEP_MAX_MS = 60_000;
/** A sweep may take one part in this many of the time. */
const SWEEP_SHARE = 50;

/** A root with what it holds. They belong together: read both from one value. */
export interface SiteState {
  /** Real path of the served directory. */
  readonly root: string;
  readonly manifest: Manifest;
}

export class LiveSite implements AsyncDisposable {
  readonly store = new FileStore();
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #closing = new AbortController();
  readonly #watch: DirectoryWatch;
  readonly #states: Latest<SiteState>;
  #linkWatch: FSWatcher | undefined;
  #timer: Timer | undefined;
  #unrestSinceMs: number | undefined;
  #moved = false;
  #scanning: Promise<void> | undefined;
  #scanMs = 0;
  #trouble = "";

  /**
   * Reads the directory once and follows it from then on.
   * @throws TargetError `unreadable-directory`
   */
  static async open(
    directory: string,
    options: {
      readonly journal: Journal;
      readonly clock?: Clock;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<LiveSite> {
    const { journal, clock = systemClock, signal } = options;
    const root = await checkDirectory(directory);
    const site = new LiveSite({ directory, root, clock, journal });
    try {
      site.#watchLink();
      const first = site.#scan(root, signal);
      site.#scanning = first.then(
        () => {},
        () => {},
      );
      site.#publish({ root, manifest: await first });
    } catch (error) {
      await site.close();
      signal?.throwIfAborted();
      throw unreadable(directory, error);
    }
    site.#afterScan();
    return site;
  }

  private constructor(given: {
    readonly directory: string;
    readonly root: string;
    readonly clock: Clock;
    readonly journal: Journal;
  }) {
    this.#directory = resolve(given.directory);
    this.#clock = given.clock;
    this.#journal = given.journal;
    this.#watch = new DirectoryWatch(() => this.#onEvent());
    const empty = { digest: "", files: new Map(), unreadable: [] };
    this.#states = new Latest({ root: given.root, manifest: empty });
  }

  /** What is served now. */
  get state(): SiteState {
    return this.#states.value;
  }

  /** The present state, then each newer one. */
  states(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): AsyncIterable<SiteState> {
    return this.#states.watch(options);
  }

  /** Looks again soon. For callers that saw a file differ from the manifest. */
  refresh(): void {
    if (this.#unrestSinceMs === undefined) this.#onEvent();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#timer?.cancel();
    this.#watch[Symbol.dispose]();
    this.#linkWatch?.close();
    this.#states.close();
    await this.#scanning;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #onEvent(): void {
    if (this.#closing.signal.aborted) return;
    this.#moved = true;
    const nowMs = this.#clock.nowMs();
    this.#unrestSinceMs ??= nowMs;
    if (this.#scanning !== undefined) return;
    const latestMs = this.#unrestSinceMs + MAX_UNREST_MS;
    this.#after(Math.max(0, Math.min(QUIET_MS, latestMs - nowMs)));
  }

  #afterScan(): void {
    this.#scanning = undefined;
    if (this.#moved) this.#onEvent();
    else this.#rest();
  }

  #rest(): void {
    const minMs =
      this.#watch.failure === undefined ? SWEEP_MIN_MS : SWEEP_UNWATCHED_MS;
    const wishedMs = Math.max(minMs, this.#scanMs * SWEEP_SHARE);
    this.#after(Math.min(SWEEP_MAX_MS, wishedMs));
  }

  #after(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#closing.signal.aborted) return;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#scanning = this.#rescan().finally(() => this.#afterScan());
    });
  }

  /** Never rejects: what cannot be read now is read at the next event or sweep. */
  async #rescan(): Promise<void> {
    this.#moved = false;
    try {
      const root = await realpath(this.#directory);
      const manifest = await this.#scan(root, this.#closing.signal);
      const nowMs = this.#clock.nowMs();
      const unrestMs = nowMs - (this.#unrestSinceMs ?? nowMs);
      if (this.#moved && unrestMs < MAX_UNREST_MS) return;
      this.#unrestSinceMs = this.#moved ? nowMs : undefined;
      this.#publish({ root, manifest });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.#unrestSinceMs = undefined;
      this.#complain("site-unreadable", "cannot be read", error);
    }
  }

  async #scan(
    root: string,
    signal: AbortSignal | undefined,
  ): Promise<Manifest> {
    const startMs = this.#clock.nowMs();
    this.#watch.beginRound();
    const manifest = await scanSite(root, {
      store: this.store,
      onDirectory: (directory, inode) => this.#watch.add(directory, inode),
      signal,
    });
    this.#watch.endRound();
    this.#scanMs = this.#clock.nowMs() - startMs;
    return manifest;
  }

  #publish(next: SiteState): void {
    const { root, manifest } = this.state;
    const had = manifest.files.size > 0;
    if (next.manifest.files.size === 0 && had) {
      // A build that empties its folder first: not a release of nothing.
      this.#complain("site-empty", "holds no files; the last release stays");
      return;
    }
    const [unread] = next.manifest.unreadable;
    if (unread === undefined) this.#trouble = "";
    else
      this.#complain(
        "site-partly-unreadable",
        `holds ${next.manifest.unreadable.length} entries that may not be read, among them ${JSON.stringify(unread)}`,
      );
    if (next.root === root && next.manifest.digest === manifest.digest) return;
    this.#states.set(next);
  }

  /** Once for each trouble, not once for each sweep. */
  #complain(event: string, what: string, error?: unknown): void {
    if (this.#trouble === event) return;
    this.#trouble = event;
    this.#journal({
      level: "warn",
      room: "target",
      event,
      message: `${this.#directory} ${what}`,
      ...(error === undefined ? {} : { error }),
    });
  }

  /** Notices that the served directory itself was replaced. */
  #watchLink(): void {
    const name = basename(this.#directory);
    try {
      this.#linkWatch = watch(dirname(this.#directory), { persistent: false });
    } catch {
      return; // The sweep notices it too.
    }
    this.#linkWatch.on("change", (_event, changed) => {
      if (changed === null || changed.toString() === name) this.#onEvent();
    });
    this.#linkWatch.on("error", () => {});
  }
}

/**
 * The real path of a directory that can be listed.
 * @throws TargetError `unreadable-directory`
 */
export async function checkDirectory(directory: string): Promise<string> {
  try {
    const root = await realpath(directory);
    const stats = await stat(root);
    if (stats.isDirectory()) return root;
  } catch (error) {
    throw unreadable(directory, error);
  }
  throw new TargetError(
    "unreadable-directory",
    `Cannot serve ${JSON.stringify(directory)}: it is not a directory`,
  );
}

function unreadable(directory: string, cause: unknown): TargetError {
  return new TargetError(
    "unreadable-directory",
    `Cannot serve ${JSON.stringify(directory)}: ${whyUnreadable(cause)}`,
    { cause },
  );
}

function whyUnreadable(cause: unknown): string {
  switch (systemErrorCode(cause)) {
    case "ENOENT":
      return "there is no such directory";
    case "ENOTDIR":
      return "it is not a directory";
    case "EACCES":
    case "EPERM":
      return "permission to read it is denied";
    default:
      return "the directory cannot be read";
  }
}
