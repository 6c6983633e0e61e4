import type { Journal } from "../base/index.ts";

/** What may be wrong with a value in the registry. */
export type ProblemCode =
  "bad-json" | "bad-value" | "bad-name" | "host-conflict" | "name-mismatch";

export interface Problem {
  /** Below the chroot. */
  readonly path: string;
  readonly code: ProblemCode;
  readonly message: string;
}

/**
 * The values that are wrong at present, by path. Each is told to the journal
 * once, and once more when it is mended.
 */
export class Problems {
  readonly #journal: Journal;
  readonly #byPath = new Map<string, Problem>();
  readonly #unknownKeys = new Map<string, number>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get all(): ReadonlyMap<string, Problem> {
    return this.#byPath;
  }

  /** Keys that nobody here knows, in all values at present. */
  get unknownKeys(): number {
    let sum = 0;
    for (const count of this.#unknownKeys.values()) sum += count;
    return sum;
  }

  set(problem: Problem): void {
    const { path, code, message } = problem;
    if (this.#byPath.get(path)?.message === message) return;
    this.#byPath.set(path, problem);
    this.#journal({
      level: code === "host-conflict" ? "warn" : "error",
      room: "registry",
      event: code,
      message: `Cannot use ${path}: ${message}`,
      path,
    });
  }

  clear(path: string): void {
    this.#unknownKeys.delete(path);
    if (!this.#byPath.delete(path)) return;
    this.#journal({
      level: "info",
      room: "registry",
      event: "problem-mended",
      message: `${path} is good again`,
      path,
    });
  }

  countUnknownKeys(path: string, keys: readonly string[]): void {
    if (keys.length === 0) this.#unknownKeys.delete(path);
    else this.#unknownKeys.set(path, keys.length);
  }
}
