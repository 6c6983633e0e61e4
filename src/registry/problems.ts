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
 * The values that are wrong at present. Each is told to the journal
 * once, and once more when it is mended.
 */
export class Problems {
  readonly #journal: Journal;
  readonly #byKey = new Map<string, Problem>();
  readonly #unknownKeys = new Map<string, number>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get all(): readonly Problem[] {
    return [...this.#byKey.values()];
  }

  /** Keys that nobody here knows, in all values at present. */
  get unknownKeys(): number {
    let sum = 0;
    for (const count of this.#unknownKeys.values()) sum += count;
    return sum;
  }

  /** `key` lets a path have a second problem beside that of its value. */
  set(problem: Problem, key = problem.path): void {
    const { path, code, message } = problem;
    if (this.#byKey.get(key)?.message === message) return;
    this.#byKey.set(key, problem);
    this.#journal({
      level: code === "host-conflict" ? "warn" : "error",
      room: "registry",
      event: code,
      message: `Cannot use the value of ${path}: ${message}`,
      path,
    });
  }

  clear(key: string): void {
    this.#unknownKeys.delete(key);
    const problem = this.#byKey.get(key);
    if (problem === undefined) return;
    this.#byKey.delete(key);
    this.#journal({
      level: "info",
      room: "registry",
      event: "problem-mended",
      message: `The value of ${problem.path} is good again, or gone`,
      path: problem.path,
    });
  }

  countUnknownKeys(path: string, keys: readonly string[]): void {
    if (keys.length === 0) this.#unknownKeys.delete(path);
    else this.#unknownKeys.set(path, keys.length);
  }
}
