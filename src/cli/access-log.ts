import { type FileHandle, open } from "node:fs/promises";
import { delay, errorMessage, isAbortOf, type Journal } from "../base/index.ts";
import { ConfigError } from "../config/index.ts";
import type { AccessLines } from "../proxy/index.ts";

/** Where the lines go; "-" is stdout. */
const STDOUT = "-";
/** How often the workers' records are fetched, */
const POLL_MS = 200;
/** and after how long when a turn brought so many that more will have come. */
const BUSY_POLL_MS = 20;
const BUSY_LINES = 4096;
/** Losses are told at most this often. */
const TELL_MS = 10_000;

/**
 * Writes one line for each request, those of one worker in the order of time.
 * Records wait in the workers while a write is slow; each worker keeps a fixed
 * number, and what gives way is counted and told.
 */
export class AccessLog implements AsyncDisposable {
  readonly #path: string;
  readonly #journal: Journal;
  readonly #stop = new AbortController();
  #file: FileHandle | undefined;
  #read: (() => Promise<AccessLines>) | undefined;
  #running: Promise<void> = Promise.resolve();
  #reopening = false;
  #lost = 0;
  #untold = 0;
  #toldMs = -Infinity;

  private constructor(options: {
    readonly path: string;
    readonly journal: Journal;
    readonly file: FileHandle | undefined;
  }) {
    this.#path = options.path;
    this.#journal = options.journal;
    this.#file = options.file;
  }

  /** @throws ConfigError `unreadable-file` when the file cannot be written */
  static async open(options: {
    /** Of a file, which is added to; "-" for stdout. */
    readonly path: string;
    readonly journal: Journal;
  }): Promise<AccessLog> {
    const { path } = options;
    if (path === STDOUT) {
      // Whoever read it may leave: the write's own error tells.
      process.stdout.on("error", () => {});
      return new AccessLog({ ...options, file: undefined });
    }
    try {
      return new AccessLog({ ...options, file: await open(path, "a", 0o640) });
    } catch (error) {
      throw new ConfigError(
        "unreadable-file",
        `Cannot write the access log ${JSON.stringify(path)}: ${errorMessage(error)}`,
        error,
      );
    }
  }

  /** Lines that were never written. */
  get lost(): number {
    return this.#lost;
  }

  /** Begins to fetch and write; `read` empties what the workers keep. */
  start(read: () => Promise<AccessLines>): void {
    this.#read = read;
    this.#running = this.#run();
  }

  /** Opens the file of that name again with the next turn: for whoever has moved it away. */
  reopen(): void {
    this.#reopening = true;
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    await this.#running;
    await this.#turn();
    this.#tellLost(Infinity);
    await this.#file?.close();
    this.#file = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const lines = await this.#turn();
      try {
        await delay(lines < BUSY_LINES ? POLL_MS : BUSY_POLL_MS, {
          signal,
        });
      } catch (error) {
        if (!isAbortOf(error, signal)) throw error;
      }
    }
  }

  /** Answers how many lines there were. */
  async #turn(): Promise<number> {
    if (this.#reopening) await this.#reopen();
    let batch: AccessLines | undefined;
    try {
      batch = await this.#read?.();
    } catch (error) {
      this.#tellFailure(error);
    }
    if (batch === undefined) return 0;
    this.#lose(batch.lost);
    if (batch.lines > 0) await this.#write(batch);
    this.#tellLost(performance.now());
    return batch.lines;
  }

  async #write({ text, lines }: AccessLines): Promise<void> {
    try {
      if (this.#path === STDOUT) await writeStdout(text);
      else if (this.#file === undefined) this.#lose(lines);
      else await this.#file.appendFile(text);
    } catch (error) {
      if (this.#lost === 0) this.#tellFailure(error);
      this.#lose(lines);
    }
  }

  async #reopen(): Promise<void> {
    this.#reopening = false;
    if (this.#path === STDOUT) return;
    try {
      const next = await open(this.#path, "a", 0o640);
      await this.#file?.close();
      this.#file = next;
      this.#journal({
        level: "info",
        room: "cli",
        event: "access-log-reopened",
        message: `The access log ${this.#path} was opened anew`,
      });
    } catch (error) {
      this.#tellFailure(error);
    }
  }

  #lose(lines: number): void {
    this.#lost += lines;
    this.#untold += lines;
  }

  #tellLost(nowMs: number): void {
    if (this.#untold === 0 || nowMs - this.#toldMs < TELL_MS) return;
    this.#journal({
      level: "warn",
      room: "cli",
      event: "access-log-lost",
      message: `${this.#untold} lines of the access log were lost`,
      lines: this.#untold,
    });
    this.#untold = 0;
    this.#toldMs = nowMs;
  }

  #tellFailure(error: unknown): void {
    this.#journal({
      level: "error",
      room: "cli",
      event: "access-log-failed",
      message: `Cannot write the access log ${this.#path}`,
      error,
    });
  }
}

function writeStdout(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => {
      if (error === null || error === undefined) resolve();
      else reject(error);
    });
  });
}
