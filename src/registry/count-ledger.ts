import { join } from "node:path";
import {
  Backoff,
  type Clock,
  delay,
  errorMessage,
  type Journal,
  type JournalLevel,
  silentJournal,
  systemClock,
  type Timer,
} from "../base/index.ts";
import {
  type MultiOp,
  op,
  type ZooKeeper,
  ZooKeeperError,
} from "../zookeeper/index.ts";
import {
  type Count,
  CountBook,
  type CountKey,
  type FlushAttempt,
  keyOf,
} from "./count-book.ts";
import { readCountFile, writeCountFile } from "./count-file.ts";
import { type CountsRead, CountReader } from "./count-reader.ts";
import { ensureNode, hasCode, type NodeAcl } from "./folders.ts";
import { countPath, LEDGER, ledgerPath, requestsPath } from "./layout.ts";

export interface CountLedgerOptions {
  /** Kept in the data directory; see {@link readIdentity}. */
  readonly proxyId: string;
  /** Where counts that could not be written are kept. */
  readonly dataDir?: string | undefined;
  /**
   * Requests answered since this process started, by target: every target in
   * rotation, also those with none, and those that have left. Only grows.
   */
  readonly totals: () => Iterable<CountKey & { readonly answered: number }>;
  /**
   * The targets in rotation, whose counts are read with each flush. Unless
   * given, all of `totals`, which grow by every target that ever left.
   */
  readonly rotation?: () => Iterable<CountKey>;
  /** Cumulative counts over all proxies, ours included, after each flush. */
  readonly onRead?: (counts: readonly Count[], liveProxies: number) => void;
  readonly intervalMs?: number;
  readonly acl?: NodeAcl;
  readonly journal?: Journal;
  readonly clock?: Clock;
}

const MAX_WRITES = 200;
const MAX_TRIES = 10;
const REQUEST_TIMEOUT_MS = 5_000;
const CLOSE_TIMEOUT_MS = 2_000;
const SPOOL_EVERY_MS = 10_000;

/**
 * Keeps the cumulative requests of all targets in ZooKeeper: exact, whatever
 * connections break, and cheap: one read and one write a second for all
 * targets together, nothing while there are no requests.
 */
export class CountLedger implements AsyncDisposable {
  readonly #zk: ZooKeeper;
  readonly #options: CountLedgerOptions;
  readonly #clock: Clock;
  readonly #journal: Journal;
  readonly #reader: CountReader;
  readonly #file: string | undefined;
  #book = new CountBook();
  readonly #folders = new Set<string>();
  #timer: Timer | undefined;
  #ticking: Promise<void> = Promise.resolve();
  #spooledMs = 0;
  #spooled = false;
  #started = false;
  #closed = false;

  constructor(zk: ZooKeeper, options: CountLedgerOptions) {
    this.#zk = zk;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#journal = options.journal ?? silentJournal;
    this.#reader = new CountReader(zk, options.proxyId);
    this.#file =
      options.dataDir === undefined
        ? undefined
        : join(options.dataDir, "counts.json");
  }

  /** Takes up what the last life left, and begins to count. */
  async start(): Promise<void> {
    if (this.#started) return;
    this.#started = true;
    if (this.#file !== undefined) {
      try {
        const saved = await readCountFile(this.#file);
        this.#spooled = saved !== undefined;
        this.#book = new CountBook(saved);
      } catch (error) {
        this.#tell("warn", `Cannot read ${this.#file}`, error);
      }
    }
    this.#schedule();
  }

  /** Counts what there is now, besides the regular rounds. */
  async flush(): Promise<void> {
    const round = this.#ticking.then(() => this.#round());
    this.#ticking = round;
    await round;
  }

  /** Flushes; what cannot be written within two seconds is kept on disk. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    if (!this.#started) return;
    const limit = delay(CLOSE_TIMEOUT_MS, { clock: this.#clock });
    await Promise.race([this.flush(), limit]);
    // A round that hangs has not seen the latest.
    this.#observe();
    await this.#spool();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(this.#options.intervalMs ?? 1_000, () => {
      void this.flush().then(() => {
        if (!this.#closed) this.#schedule();
      });
    });
  }

  #observe(): void {
    this.#book.observe(this.#options.totals(), this.#options.rotation?.());
  }

  /** Never rejects. */
  async #round(): Promise<void> {
    this.#observe();
    if (!this.#book.hasWork) return;
    try {
      if (this.#zk.state.kind === "live") await this.#flush();
      if (this.#spooled && !this.#book.hasWork) await this.#spool();
    } catch (error) {
      // They are written with the next round; an outage is not told each second.
      const expected = EXPECTED.some((code) => hasCode(error, code));
      this.#tell(
        expected ? "debug" : "warn",
        "Cannot write the counts of requests",
        error,
      );
    }
    const nowMs = this.#clock.nowMs();
    if (this.#book.hasWork && nowMs - this.#spooledMs >= SPOOL_EVERY_MS)
      await this.#spool();
  }

  async #flush(): Promise<void> {
    const backoff = new Backoff({ minMs: 5, maxMs: 100 });
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const read = await this.#reader.read(this.#book.targets());
      this.#book.settle(read.ledger);
      const attempt = this.#book.begin(MAX_WRITES);
      if (attempt === undefined) {
        this.#told(read, []);
        return;
      }
      const outcome = await this.#write(attempt, read);
      if (outcome === "done") {
        this.#book.done(attempt);
        this.#told(read, attempt.counts);
        return;
      }
      if (outcome === "unknown") {
        this.#book.unknown(attempt);
        await this.#zk.sync(LEDGER, { timeoutMs: REQUEST_TIMEOUT_MS });
        continue;
      }
      await delay(backoff.nextMs(), { clock: this.#clock });
    }
  }

  async #write(
    attempt: FlushAttempt,
    read: CountsRead,
  ): Promise<"done" | "conflict" | "unknown"> {
    try {
      const ops = await this.#ops(attempt, read);
      await this.#zk.multi(ops, { timeoutMs: REQUEST_TIMEOUT_MS });
      return "done";
    } catch (error) {
      if (!(error instanceof ZooKeeperError)) throw error;
      if (error.op?.startsWith("multi") === true && error.maybeDone)
        return "unknown";
      if (!CONFLICTS.has(error.code)) throw error;
      if (error.code === "no-node") this.#folders.clear();
      return "conflict";
    }
  }

  async #ops(attempt: FlushAttempt, read: CountsRead): Promise<MultiOp[]> {
    const { acl, proxyId } = this.#options;
    const ledger = ledgerPath(proxyId);
    const number = String(attempt.number);
    if (read.ledger === undefined) await this.#ensureFolder(LEDGER);
    const ops: MultiOp[] = [
      read.ledger === undefined
        ? op.create(ledger, number, { acl })
        : op.setData(ledger, number, { version: read.ledger.version }),
    ];
    for (const count of attempt.counts) {
      const path = countPath(count.service, count.target);
      const known = read.counts.get(keyOf(count));
      if (known === undefined) {
        await this.#ensureFolder(requestsPath(count.service));
        ops.push(op.create(path, String(count.requests), { acl }));
      } else {
        const sum = String(known.requests + count.requests);
        ops.push(op.setData(path, sum, { version: known.version }));
      }
    }
    return ops;
  }

  async #ensureFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    await ensureNode(this.#zk, path, { acl: this.#options.acl });
    this.#folders.add(path);
  }

  #told(read: CountsRead, flushed: readonly Count[]): void {
    const { onRead } = this.#options;
    if (onRead === undefined) return;
    const sums = new Map<string, Count>();
    for (const [key, { service, target, requests }] of read.counts)
      sums.set(key, { service, target, requests });
    for (const { service, target, requests } of flushed) {
      const key = keyOf({ service, target });
      const sum = (sums.get(key)?.requests ?? 0) + requests;
      sums.set(key, { service, target, requests: sum });
    }
    onRead([...sums.values()], read.liveProxies);
  }

  async #spool(): Promise<void> {
    if (this.#file === undefined) return;
    this.#spooledMs = this.#clock.nowMs();
    try {
      const saved = this.#book.save();
      await writeCountFile(this.#file, saved);
      this.#spooled = saved !== undefined;
    } catch (error) {
      this.#tell("warn", `Cannot keep counts in ${this.#file}`, error);
    }
  }

  #tell(level: JournalLevel, what: string, error: unknown): void {
    this.#journal({
      level,
      room: "registry",
      event: "counts-not-written",
      message: `${what}: ${errorMessage(error)}`,
      error,
    });
  }
}

/** Another proxy, or an operator, was faster: read again. */
const CONFLICTS: ReadonlySet<string> = new Set([
  "bad-version",
  "node-exists",
  "no-node",
]);

/** What a lost connection looks like. */
const EXPECTED = [
  "closed",
  "connection-loss",
  "deadline",
  "session-expired",
] as const;
