/**
 * Which requests have been counted in ZooKeeper and which have not. A flush
 * writes counts and a ledger in one step; when its answer is lost, the ledger
 * tells whether it happened.
 *
 * Each attempt has a number of its own and is made at the ledger's version, so
 * that of all attempts at one version at most one happens, however late. The
 * requests of an attempt count as unflushed until the ledger shows its number.
 */

/** One target of a service. */
export interface CountKey {
  readonly service: string;
  readonly target: string;
}

export interface Count extends CountKey {
  readonly requests: number;
}

/** A flush under way, or one whose outcome is unknown. */
export interface FlushAttempt {
  readonly number: number;
  readonly counts: readonly Count[];
}

/** What is kept on disk between two lives. */
export interface SavedCounts {
  /** The ledger that `unflushed` starts from; "none": there was none; "any": it was never read. */
  readonly ledger: number | "none" | "any";
  readonly unflushed: readonly Count[];
  readonly doubtful: readonly FlushAttempt[];
}

/** What was read of the ledger's node; undefined: there is none. */
export type LedgerValue =
  { readonly number: number; readonly version: number } | undefined;

export class CountBook {
  readonly #unflushed = new Map<string, Count>();
  /** The totals of the data plane as they were last seen. */
  readonly #seen = new Map<string, number>();
  #asked: CountKey[] = [];
  #doubtful: FlushAttempt[] = [];
  #ledger: LedgerValue;
  #ledgerRead = false;
  #lastNumber = 0;
  #saved: SavedCounts | undefined;

  /** `saved`: what the last life left; it counts once the ledger has confirmed it. */
  constructor(saved?: SavedCounts) {
    this.#saved = saved;
  }

  /** Whether something waits for a flush or for a word about an earlier one. */
  get hasWork(): boolean {
    return (
      this.#unflushed.size > 0 ||
      this.#doubtful.length > 0 ||
      this.#saved !== undefined
    );
  }

  /**
   * Takes in the data plane's totals, which only grow. `rotation` are the
   * targets whose counts are asked for; all of the totals unless given.
   */
  observe(
    totals: Iterable<CountKey & { readonly answered: number }>,
    rotation?: Iterable<CountKey>,
  ): void {
    this.#asked = [...(rotation ?? [])];
    for (const { service, target, answered } of totals) {
      const key = keyOf({ service, target });
      const seen = this.#seen.get(key) ?? 0;
      if (rotation === undefined) this.#asked.push({ service, target });
      this.#seen.set(key, answered);
      // Fewer than before: it was forgotten meanwhile and counts from 0 again.
      const requests = answered < seen ? answered : answered - seen;
      if (requests > 0) this.#add({ service, target, requests });
    }
  }

  /** Those whose counts are asked for, and those that are still to be flushed. */
  targets(): CountKey[] {
    const targets = new Map<string, CountKey>();
    for (const target of [...this.#asked, ...this.#unflushed.values()])
      targets.set(keyOf(target), target);
    return [...targets.values()];
  }

  /**
   * What the ledger says now, read after any attempt's outcome was lost (and
   * after a `sync`): settles what is doubtful.
   */
  settle(ledger: LedgerValue): void {
    const moved = this.#ledgerRead && ledger?.version !== this.#ledger?.version;
    const done = this.#doubtful.find(({ number }) => number === ledger?.number);
    if (done !== undefined) this.#subtract(done.counts);
    // An attempt at a version that has passed can happen no more.
    if (done !== undefined || moved) this.#doubtful = [];
    this.#ledger = ledger;
    this.#ledgerRead = true;
    this.#lastNumber = Math.max(this.#lastNumber, ledger?.number ?? 0);
    this.#takeSaved(ledger);
  }

  /** The next flush, of at most `limit` counts. Call {@link CountBook.settle} before. */
  begin(limit: number): FlushAttempt | undefined {
    if (this.#unflushed.size === 0) return undefined;
    this.#lastNumber += 1;
    const counts = [...this.#unflushed.values()].slice(0, limit);
    return { number: this.#lastNumber, counts };
  }

  /** It happened. */
  done(attempt: FlushAttempt): void {
    this.#subtract(attempt.counts);
    this.#doubtful = [];
    this.#ledger = {
      number: attempt.number,
      version: (this.#ledger?.version ?? -1) + 1,
    };
  }

  /** Nobody knows whether it happened, or still will. */
  unknown(attempt: FlushAttempt): void {
    this.#doubtful.push(attempt);
  }

  /** What must survive this process; undefined: nothing. */
  save(): SavedCounts | undefined {
    if (!this.hasWork) return undefined;
    const unflushed = new Map(this.#unflushed);
    for (const count of this.#saved?.unflushed ?? [])
      addTo(unflushed, count, count.requests);
    const ledger = this.#ledgerRead
      ? (this.#ledger?.number ?? "none")
      : (this.#saved?.ledger ?? "any");
    return {
      ledger,
      unflushed: [...unflushed.values()],
      doubtful: [...this.#doubtful, ...(this.#saved?.doubtful ?? [])],
    };
  }

  #takeSaved(ledger: LedgerValue): void {
    const saved = this.#saved;
    if (saved === undefined) return;
    this.#saved = undefined;
    const number = ledger?.number ?? "none";
    const done = saved.doubtful.find((attempt) => attempt.number === number);
    // Otherwise it was flushed after it had been saved.
    if (saved.ledger !== "any" && saved.ledger !== number && !done) return;
    for (const count of saved.unflushed) this.#add(count);
    if (done !== undefined) this.#subtract(done.counts);
    else this.#doubtful.push(...saved.doubtful);
    for (const attempt of saved.doubtful)
      this.#lastNumber = Math.max(this.#lastNumber, attempt.number);
  }

  #add(count: Count): void {
    addTo(this.#unflushed, count, count.requests);
  }

  #subtract(counts: readonly Count[]): void {
    for (const count of counts) addTo(this.#unflushed, count, -count.requests);
  }
}

/** One text for one target. */
export function keyOf({ service, target }: CountKey): string {
  return `${service}/${target}`;
}

function addTo(
  counts: Map<string, Count>,
  { service, target }: CountKey,
  by: number,
): void {
  const key = keyOf({ service, target });
  const requests = (counts.get(key)?.requests ?? 0) + by;
  if (requests <= 0) counts.delete(key);
  else counts.set(key, { service, target, requests });
}
