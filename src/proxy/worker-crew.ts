import { Worker } from "node:worker_threads";
import {
  Backoff,
  errorMessage,
  type Journal,
  moduleBeside,
} from "../base/index.ts";
import { keepNewObjectsYoung } from "./collector.ts";
import type {
  MessageFromWorker,
  MessageToWorker,
  WorkerSetup,
} from "./worker-messages.ts";

/** How long a thread may take to reset its connections. */
const CUT_MS = 1000;
const RESTART = { minMs: 50, maxMs: 5000 };

interface Member {
  worker: Worker;
  listening: boolean;
  drained: boolean;
  /** Gone, but still in the list: it answers nobody, and says so no more. */
  ended: boolean;
  readonly backoff: Backoff;
  /** After its end: nothing of it is left. */
  tidied: Promise<void>;
}

/**
 * The worker threads: started together, each replaced when it dies, asked and
 * told by message. Column 0 is the main thread's, so worker `n` has column n.
 */
export class WorkerCrew {
  readonly #members = new Map<number, Member>();
  readonly #setup: (column: number) => WorkerSetup;
  readonly #onListening: (
    column: number,
    descriptors: readonly (readonly number[])[],
  ) => void;
  readonly #onReplaced: () => void;
  readonly #onMessage: (message: MessageFromWorker) => void;
  readonly #onEnded: (column: number) => Promise<void>;
  readonly #journal: Journal;
  readonly #replies = new Map<number, (value: unknown) => void>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  #nextReply = 0;
  #closing = false;
  #onDrained: (() => void) | undefined;

  constructor(options: {
    readonly setup: (column: number) => WorkerSetup;
    /** What a worker listens on, by address. */
    readonly onListening: (
      column: number,
      descriptors: readonly (readonly number[])[],
    ) => void;
    /** A worker listens in the place of one that ended. */
    readonly onReplaced: () => void;
    readonly onMessage: (message: MessageFromWorker) => void;
    /** A worker has ended; another gets its column when this has resolved. */
    readonly onEnded: (column: number) => Promise<void>;
    readonly journal: Journal;
  }) {
    keepNewObjectsYoung();
    this.#setup = options.setup;
    this.#onListening = options.onListening;
    this.#onReplaced = options.onReplaced;
    this.#onMessage = options.onMessage;
    this.#onEnded = options.onEnded;
    this.#journal = options.journal;
  }

  /** Resolves when every worker listens; rejects when one cannot. */
  async start(workers: number): Promise<void> {
    await Promise.all(
      Array.from({ length: workers }, (_, index) => this.#spawn(index + 1)),
    );
  }

  /** Columns whose worker has applied what it was started with. */
  columns(): number[] {
    return [...this.#members]
      .filter(([, { listening }]) => listening)
      .map(([column]) => column);
  }

  /** For tests and drills: the thread itself. */
  thread(column: number): Worker | undefined {
    return this.#members.get(column)?.worker;
  }

  tell(message: MessageToWorker): void {
    for (const { worker } of this.#members.values()) send(worker, message);
  }

  /** One reply from each worker; one that dies meanwhile is left out. */
  async ask<Reply>(
    make: (id: number) => MessageToWorker,
  ): Promise<readonly Reply[]> {
    const replies = await Promise.all(
      [...this.#members.values()]
        .filter(({ ended }) => !ended)
        .map(
          ({ worker }) =>
            new Promise<unknown>((resolve) => {
              const id = ++this.#nextReply;
              const settle = (value: unknown) => {
                this.#replies.delete(id);
                worker.off("exit", onExit);
                resolve(value);
              };
              const onExit = () => settle(undefined);
              this.#replies.set(id, settle);
              worker.once("exit", onExit);
              send(worker, make(id));
            }),
        ),
    );
    return replies.filter((reply) => reply !== undefined) as Reply[]; // what the message asked for
  }

  /** Resolves when every worker has finished what it was doing. */
  async drain(): Promise<void> {
    this.#closing = true;
    await new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      this.tell({ kind: "drain" });
      this.#checkDrained();
    });
  }

  /**
   * Resets what is in work, so that no part of an answer looks whole. A thread
   * that hangs is not waited for.
   */
  async cut(): Promise<void> {
    this.#closing = true;
    const cut = new Promise<void>((resolve) => {
      this.#onDrained = resolve;
      this.tell({ kind: "cut" });
      this.#checkDrained();
    });
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, CUT_MS);
    await Promise.race([cut, late]);
    clearTimeout(timer);
  }

  async stop(): Promise<void> {
    this.#closing = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    await Promise.all(
      [...this.#members.values()].map(({ worker }) => worker.terminate()),
    );
    this.#members.clear();
  }

  #spawn(column: number, backoff = new Backoff(RESTART)): Promise<void> {
    const worker = new Worker(moduleBeside(import.meta.url, "./worker"), {
      name: `data ${column}`,
      workerData: this.#setup(column),
    });
    const member: Member = {
      worker,
      listening: false,
      drained: false,
      ended: false,
      backoff,
      tidied: Promise.resolve(),
    };
    this.#members.set(column, member);
    return new Promise((resolve, reject) => {
      worker.on("message", (message: MessageFromWorker) => {
        if (message.kind === "listening") {
          member.listening = true;
          this.#onListening(column, message.descriptors);
          backoff.reset();
          resolve();
        } else if (message.kind === "cannot-listen") {
          reject(new Error(message.message));
          void worker.terminate();
        } else this.#take(member, message);
      });
      worker.on("error", (error: unknown) => {
        this.#journal({
          level: "error",
          room: "proxy",
          event: "worker-failed",
          message: `Worker ${column} failed: ${errorMessage(error)}`,
          error,
        });
      });
      worker.once("exit", (code) => {
        member.drained = true;
        member.ended = true;
        member.tidied = this.#onEnded(column);
        this.#checkDrained();
        if (!member.listening)
          reject(
            new Error(`Cannot start worker ${column}: it ended with ${code}`),
          );
        if (!this.#closing && member.listening) this.#replace(column, member);
      });
    });
  }

  #take(member: Member, message: MessageFromWorker): void {
    if (message.kind === "reply")
      this.#replies.get(message.id)?.(message.value);
    else if (message.kind === "drained") {
      member.drained = true;
      this.#checkDrained();
    } else this.#onMessage(message);
  }

  #replace(column: number, { backoff, tidied }: Member): void {
    this.#members.delete(column);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      if (this.#closing) return;
      const replaced = tidied.then(async () => {
        if (this.#closing) return;
        await this.#spawn(column, backoff);
        this.#onReplaced();
      });
      replaced.catch((error: unknown) => {
        this.#journal({
          level: "error",
          room: "proxy",
          event: "worker-not-replaced",
          message: `Worker ${column} could not be replaced: ${errorMessage(error)}`,
          error,
        });
        const failed = this.#members.get(column);
        if (!this.#closing && failed !== undefined)
          this.#replace(column, failed);
      });
    }, backoff.nextMs());
    timer.unref();
    this.#restarts.add(timer);
  }

  #checkDrained(): void {
    for (const { drained } of this.#members.values()) if (!drained) return;
    this.#onDrained?.();
    this.#onDrained = undefined;
  }
}

function send(worker: Worker, message: MessageToWorker): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  worker.postMessage(message);
}
