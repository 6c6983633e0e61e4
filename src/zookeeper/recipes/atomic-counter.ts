import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../base/index.ts";
import { type MultiOp, op } from "../multi.ts";
import { childPath } from "../znode-path.ts";
import { ZooKeeperError } from "../zookeeper-error.ts";
import { deleteIfThere } from "./protected-name.ts";
import { persevere } from "./persevere.ts";
import { errorCode, isPassing, type WritingClient } from "./recipe-client.ts";

export interface AtomicCounterOptions {
  /** The value of a counter that does not exist yet. Default 0. */
  readonly initial?: bigint | undefined;
  readonly clock?: Clock | undefined;
}

interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

interface Reading {
  readonly value: bigint;
  readonly version: number;
}

/**
 * A whole number in a znode (decimal text, as kazoo's Counter writes it) that
 * many change at once, each change taking effect exactly once.
 *
 * A change is one multi: the number at the version that was read, and the
 * change's own number in a marker, an ephemeral child of this counter object.
 * When the answer is lost, the marker says whether the change was made. Only
 * when the session expires at that moment nobody knows; then the call rejects
 * with `connection-loss`.
 */
export class AtomicCounter implements AsyncDisposable {
  readonly path: string;
  readonly #client: WritingClient;
  readonly #initial: bigint;
  readonly #clock: Clock;
  readonly #marker: string;
  #lastChange = 0;
  #markerMade = false;
  /** Changes of one object follow each other: the marker holds one number. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    client: WritingClient,
    path: string,
    options: AtomicCounterOptions = {},
  ) {
    this.path = path;
    this.#client = client;
    this.#initial = options.initial ?? 0n;
    this.#clock = options.clock ?? systemClock;
    this.#marker = childPath(path, `_c_${randomUUID()}-marker`);
  }

  /** The value that the server has now. */
  async get(options: CallOptions = {}): Promise<bigint> {
    return persevere(
      async () => (await this.#read(options))?.value ?? this.#initial,
      this.#retry(options),
    );
  }

  /** Adds, and answers the sum. */
  async add(
    delta: bigint | number,
    options: CallOptions = {},
  ): Promise<bigint> {
    return this.update((value) => value + BigInt(delta), options);
  }

  /** Puts a value in place of another; answers whether the other was there. */
  async compareAndSet(
    expected: bigint,
    value: bigint,
    options: CallOptions = {},
  ): Promise<boolean> {
    let swapped = false;
    await this.update((present) => {
      swapped = present === expected;
      return swapped ? value : present;
    }, options);
    return swapped;
  }

  /**
   * Replaces the value by what `change` makes of it, which is called again when
   * another change came first. Answers the new value.
   */
  update(
    change: (value: bigint) => bigint,
    options: CallOptions = {},
  ): Promise<bigint> {
    const turn = this.#last.then(() => this.#update(change, options));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Removes the marker; the number stays. */
  async close(options: CallOptions = {}): Promise<void> {
    await this.#last;
    if (!this.#markerMade) return;
    this.#markerMade = false;
    await deleteIfThere(this.#client, this.#marker, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close().catch(() => {}); // it goes with the session
  }

  #retry(options: CallOptions): Parameters<typeof persevere>[1] {
    return { ...options, client: this.#client, clock: this.#clock };
  }

  async #update(
    change: (value: bigint) => bigint,
    options: CallOptions,
  ): Promise<bigint> {
    const retry = this.#retry(options);
    for (;;) {
      const reading = await persevere(() => this.#readOrCreate(options), retry);
      const value = change(reading.value);
      if (value === reading.value) return value;
      this.#lastChange += 1;
      if (await this.#write(value, reading.version, options)) return value;
    }
  }

  /** Whether it was written; false where another change came first. */
  async #write(
    value: bigint,
    version: number,
    options: CallOptions,
  ): Promise<boolean> {
    const session = this.#client.sessionId;
    const ops: MultiOp[] = [
      op.setData(this.path, String(value), { version }),
      this.#markerMade
        ? op.setData(this.#marker, String(this.#lastChange))
        : op.create(this.#marker, String(this.#lastChange), {
            mode: "ephemeral",
          }),
    ];
    try {
      await this.#client.multi(ops, options);
      this.#markerMade = true;
      return true;
    } catch (error) {
      const code = errorCode(error);
      if (code === "bad-version") return false;
      if (code === "no-node" && this.#markerMade) {
        this.#markerMade = false; // it went with its session
        return false;
      }
      if (code === "session-expired") return false; // nothing was sent
      if (!isPassing(error)) throw error;
      return this.#wasWritten(session, error, options);
    }
  }

  /** After a lost answer. */
  async #wasWritten(
    session: bigint | undefined,
    lost: unknown,
    options: CallOptions,
  ): Promise<boolean> {
    const marker = await persevere(async () => {
      // The server asked now may be behind the one that took the change.
      await this.#client.sync(this.path, options);
      return this.#readMarker(options);
    }, this.#retry(options));
    if (session !== this.#client.sessionId)
      throw new ZooKeeperError("connection-loss", {
        op: "change the counter",
        path: this.path,
        cause: lost,
      });
    this.#markerMade = marker !== undefined;
    return marker === this.#lastChange;
  }

  async #readMarker(options: CallOptions): Promise<number | undefined> {
    try {
      const { data } = await this.#client.getData(this.#marker, options);
      return Number(data?.toString());
    } catch (error) {
      if (errorCode(error) === "no-node") return undefined;
      throw error;
    }
  }

  async #read(options: CallOptions): Promise<Reading | undefined> {
    try {
      const { data, stat } = await this.#client.getData(this.path, options);
      return { value: parse(data, this.path), version: stat.version };
    } catch (error) {
      if (errorCode(error) === "no-node") return undefined;
      throw error;
    }
  }

  async #readOrCreate(options: CallOptions): Promise<Reading> {
    for (;;) {
      const reading = await this.#read(options);
      if (reading !== undefined) return reading;
      try {
        await this.#client.create(this.path, String(this.#initial), options);
      } catch (error) {
        const code = errorCode(error);
        if (code === "no-node") {
          const above = this.path.slice(0, this.path.lastIndexOf("/"));
          await this.#client.ensurePath(above === "" ? "/" : above, options);
        } else if (code !== "node-exists") throw error;
      }
    }
  }
}

function parse(data: Buffer | null, path: string): bigint {
  const text = data?.toString() ?? "";
  if (/^-?\d+$/u.test(text)) return BigInt(text);
  if (text === "") return 0n;
  throw new ZooKeeperError("bad-reply", {
    op: "read the counter",
    path,
    detail: "its data is not a decimal integer",
  });
}
