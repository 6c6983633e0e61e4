import { rm } from "node:fs/promises";
import {
  errorMessage,
  readTextIfPresent,
  writeFileAtomic,
} from "../base/index.ts";
import { ConfigError } from "../config/index.ts";

/** The number of the process that serves, in a file; it goes with the process. */
export class PidFile implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** @throws ConfigError `unreadable-file` when it cannot be written */
  static async write(path: string): Promise<PidFile> {
    try {
      await writeFileAtomic(path, `${process.pid}\n`);
    } catch (error) {
      throw new ConfigError(
        "unreadable-file",
        `Cannot write the pid file ${JSON.stringify(path)}: ${errorMessage(error)}`,
        error,
      );
    }
    return new PidFile(path);
  }

  /** A successor has put its own number there, which stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const text = await readTextIfPresent(this.#path);
      if (text?.trim() === String(process.pid))
        await rm(this.#path, { force: true });
    } catch {
      // It names a process that is gone; whoever reads it looks.
    }
  }
}
