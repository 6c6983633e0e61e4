import { readFile, stat } from "node:fs/promises";
import {
  type Clock,
  errorMessage,
  type Journal,
  systemClock,
  type Timer,
} from "../base/index.ts";
import type { PageMaterial } from "./error-pages.ts";
import { readPageFolder } from "./page-folder.ts";
import { readAuthorities } from "./target-tls.ts";
import {
  MAX_USER_FILE_BYTES,
  readUserFile,
  type UserListMaterial,
} from "./user-file.ts";

/** What stands in files of the proxy's own machine, for all workers. */
export interface SiteMaterial {
  readonly pages: readonly PageMaterial[];
  readonly users: readonly UserListMaterial[];
  /** Who signs the certificates of targets; undefined: whom Node trusts. */
  readonly targetCa?: readonly string[] | undefined;
}

export const NO_SITE_MATERIAL: SiteMaterial = {
  pages: [],
  users: [],
};

/** Where it stands. */
export interface SiteFilePlaces {
  /** Folder of error pages. */
  readonly errorPages: string | undefined;
  /** Files of users, by the name of the list. */
  readonly users: ReadonlyMap<string, string>;
  /** File of the authorities of targets. */
  readonly targetCa: string | undefined;
}

/** How often files of users are looked at: who is shut out should be soon. */
const POLL_MS = 5000;

/**
 * Error pages, lists of users, authorities of targets. Pages and authorities that
 * cannot be read leave the last good ones, and no target is trusted that was not;
 * a list that cannot be read lets nobody in. Lists are read again when
 * their file changes, everything when {@link configure} says so.
 */
export class SiteFiles implements Disposable {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #onChange: (material: SiteMaterial) => void;
  #places: SiteFilePlaces;
  #pages: readonly PageMaterial[] = [];
  #users: readonly UserListMaterial[] = [];
  #targetCa: readonly string[] | undefined;
  #state = "";
  #timer: Timer | undefined;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    places: SiteFilePlaces,
    options: Parameters<typeof SiteFiles.open>[1],
  ) {
    this.#places = places;
    this.#journal = options.journal;
    this.#clock = options.clock ?? systemClock;
    this.#onChange = options.onChange;
  }

  /** Reads everything; what cannot be read is told to the journal. */
  static async open(
    places: SiteFilePlaces,
    options: {
      readonly journal: Journal;
      readonly clock?: Clock;
      /** Called with what has changed, not with what was read at first. */
      readonly onChange: (material: SiteMaterial) => void;
    },
  ): Promise<SiteFiles> {
    const files = new SiteFiles(places, options);
    await files.#read(true);
    files.#watch();
    return files;
  }

  get material(): SiteMaterial {
    const [pages, users] = [this.#pages, this.#users];
    return { pages, users, targetCa: this.#targetCa };
  }

  /** Reads everything anew, perhaps from elsewhere; one after the other. */
  configure(places: SiteFilePlaces): Promise<void> {
    return this.#inTurn(async () => {
      this.#places = places;
      await this.#read(true);
      if (!this.#closed) this.#onChange(this.material);
    });
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#reading = this.#reading.then(work, work);
    return this.#reading;
  }

  #watch(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.after(POLL_MS, () => {
      void this.#inTurn(() => this.#look()).finally(() => this.#watch());
    });
  }

  async #look(): Promise<void> {
    if (this.#closed || (await this.#readState()) === this.#state) return;
    await this.#read(false);
    if (!this.#closed) this.#onChange(this.material);
  }

  async #read(withPages: boolean): Promise<void> {
    const { errorPages, users, targetCa } = this.#places;
    if (withPages) {
      await this.#readPages(errorPages);
      await this.#readAuthorities(targetCa);
    }
    this.#state = await this.#readState();
    this.#users = await Promise.all(
      [...users].map(([name, path]) => this.#readUsers(name, path)),
    );
  }

  async #readPages(folder: string | undefined): Promise<void> {
    try {
      this.#pages = folder === undefined ? [] : await readPageFolder(folder);
    } catch (error) {
      this.#tell(
        "pages-not-read",
        `${errorMessage(error)}; the last good error pages stay`,
      );
    }
  }

  async #readAuthorities(path: string | undefined): Promise<void> {
    try {
      this.#targetCa =
        path === undefined
          ? undefined
          : readAuthorities(await readFile(path, "utf8"));
    } catch (error) {
      this.#targetCa ??= [];
      this.#tell(
        "target-ca-not-read",
        `Cannot read the authorities of targets in ${JSON.stringify(path)}: ${errorMessage(error)}; the last good ones stay`,
      );
    }
  }

  async #readUsers(name: string, path: string): Promise<UserListMaterial> {
    try {
      const { size } = await stat(path);
      if (size > MAX_USER_FILE_BYTES)
        throw new Error(`it should have at most ${MAX_USER_FILE_BYTES} bytes`);
      const { users, problems } = readUserFile(await readFile(path, "utf8"));
      for (const problem of problems)
        this.#tell("user-refused", `${path}: ${problem}`);
      return { name, users };
    } catch (error) {
      this.#tell(
        "users-not-read",
        `Cannot read the users ${name} in ${JSON.stringify(path)}: ${errorMessage(error)}; nobody of them gets in`,
      );
      return { name, users: undefined };
    }
  }

  #tell(event: string, message: string): void {
    this.#journal({ level: "error", room: "proxy", event, message });
  }

  /** Differs once a file is another one, or has been written to. */
  async #readState(): Promise<string> {
    const states = [...this.#places.users].map(async ([name, path]) => {
      try {
        const { ino, size, mtimeMs, ctimeMs } = await stat(path);
        return [name, path, ino, size, mtimeMs, ctimeMs].join(" ");
      } catch {
        return `${name} ${path} missing`;
      }
    });
    return (await Promise.all(states)).join("\n");
  }
}
