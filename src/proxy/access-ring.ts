/** One request as the access log tells it. */
export interface AccessRecord {
  readonly atMs: number;
  readonly client: string;
  readonly method: string;
  readonly host: string;
  /** Of HTTP, as the client spoke it. */
  readonly version: "1.0" | "1.1" | "2.0";
  /** Path and query as received. */
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
  readonly ms: number;
  readonly service: string;
  /** Empty when no target was asked. */
  readonly target: string;
  /** `hit`, or why it was not. */
  readonly cache: string;
  /** The `Referer` and `User-Agent` fields, empty where there is none. */
  readonly referer: string;
  readonly agent: string;
}

/** What {@link AccessRing.drain} took out. */
export interface AccessBatch {
  /** Oldest first. */
  readonly records: readonly AccessRecord[];
  /** Records that gave way since the last time. */
  readonly lost: number;
}

export const NO_RECORDS: AccessBatch = { records: [], lost: 0 };

/** The last requests of one worker; the oldest give way. */
export class AccessRing {
  readonly #records: (AccessRecord | undefined)[];
  #next = 0;
  #lost = 0;

  constructor(size: number) {
    this.#records = Array.from({ length: size });
  }

  get keeps(): boolean {
    return this.#records.length > 0;
  }

  push(record: AccessRecord): void {
    if (this.#records.length === 0) return;
    if (this.#records[this.#next] !== undefined) this.#lost += 1;
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % this.#records.length;
  }

  /** Empties the ring. */
  drain(): AccessBatch {
    const size = this.#records.length;
    const taken: AccessRecord[] = [];
    for (let index = 0; index < size; index++) {
      const at = (this.#next + index) % size;
      const record = this.#records[at];
      if (record !== undefined) taken.push(record);
      this.#records[at] = undefined;
    }
    const lost = this.#lost;
    this.#lost = 0;
    return { records: taken, lost };
  }
}
