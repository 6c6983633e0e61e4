/** One request as the access log tells it. */
export interface AccessRecord {
  readonly atMs: number;
  readonly client: string;
  readonly method: string;
  readonly host: string;
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
}

/** The last requests of one worker; the oldest give way. */
export class AccessRing {
  readonly #records: (AccessRecord | undefined)[];
  #next = 0;

  constructor(size: number) {
    this.#records = Array.from({ length: size });
  }

  get keeps(): boolean {
    return this.#records.length > 0;
  }

  push(record: AccessRecord): void {
    if (this.#records.length === 0) return;
    this.#records[this.#next] = record;
    this.#next = (this.#next + 1) % this.#records.length;
  }

  /** Oldest first; empties the ring. */
  drain(): AccessRecord[] {
    const size = this.#records.length;
    const taken: AccessRecord[] = [];
    for (let index = 0; index < size; index++) {
      const at = (this.#next + index) % size;
      const record = this.#records[at];
      if (record !== undefined) taken.push(record);
      this.#records[at] = undefined;
    }
    return taken;
  }
}
