import { type FileHandle, open } from "node:fs/promises";
import { delay, errorMessage, isAbortOf, type Journal } from "../base/index.ts";
import { ConfigError } from "../config/index.ts";
import type { AccessBatch } from "../proxy/index.ts";
import { type AccessLogFormat, accessLine } from "./access-line.ts";

/** Where the lines go; "-" is stdout. */
const STDOUT = "-";
/** How often the workers' records are fetched. */
const POLL_MS = 200;
/** Losses are told at most this often. */
const TELL_MS = 10_000;

/**
 * Writes one line for each request, in the order of time within each turn.
 * Records wait in the workers while a write is slow; each worker keeps a fixed
 * number, and what gives way is counted and told.
 */
export class AccessLog implements AsyncDisposable {
  readonly #path: string;
  readonly #format: AccessLogFormat;
  readonly #journal: Journal;
  readonly #stop = new AbortController();
  #file: FileHandle | undefined;
  #read: (() => Promise<AccessBatch>) | undefined;
  #running: Promise<void> = Promise.resolve();
  #reopening = false;
  #lost = 0;
  #untold = 0;
  #toldMs = -Infinity;

  private constructor(options: {
    readonly path: string;
    readonly format: AccessLogFormat;
    readonly journal: Journal;
    readonly file: FileHandle | undefined;
  }) {
    this.#path = options.path;
    this.#format = options.format;
    this.#journal = options.journal;
    this.#file = options.file;
  }

  /** @throws ConfigError `unreadable-file` when the file cannot be written */
  static async open(options: {
    /** Of a file, which is added to; "-" for stdout. */
    readonly path: string;
    readonly format: AccessLogFormat;
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
  start(read: () => Promise<AccessBatch>): void {
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
      await this.#turn();
      try {
        await delay(POLL_MS, { signal });
      } catch (error) {
        if (!isAbortOf(error, signal)) throw error;
      }
    }
  }

  async #turn(): Promise<void> {
    if (this.#reopening) await this.#reopen();
    let batch: AccessBatch | undefined;
    try {
      batch = await this.#read?.();
    } catch (error) {
      this.#tellFailure(error);
    }
    if (batch === undefined) return;
    this.#lose(batch.lost);
    if (batch.records.length > 0) {
      const lines = batch.records
        .toSorted((one, other) => one.atMs - other.atMs)
        .map((record) => `${accessLine(record, this.#format)}\n`);
      await this.#write(lines);
    }
    this.#tellLost(performance.now());
  }

  async #write(lines: readonly string[]): Promise<void> {
    try {
      if (this.#path === STDOUT) await writeStdout(lines.join(""));
      else if (this.#file === undefined) this.#lose(lines.length);
      else await this.#file.appendFile(lines.join(""));
    } catch (error) {
      this.#lose(lines.length);
      if (this.#lost === lines.length) this.#tellFailure(error);
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
