/** What a keeper counts; every field is a gauge or a counter for metrics. */
export interface KeeperStats {
  readonly zxid: number;
  readonly nodes: number;
  readonly ephemerals: number;
  readonly watches: number;
  readonly sessions: number;
  readonly connections: number;
  /** Estimated memory of nodes and watches. */
  readonly treeBytes: number;
  readonly watchBytes: number;
  readonly packetsReceived: number;
  readonly packetsSent: number;
  readonly sessionsExpired: number;
  /** Refused for a limit before their first byte was read. */
  readonly connectionsRefused: number;
  /** Closed by the keeper, by reason. */
  readonly cuts: Readonly<Record<string, number>>;
  readonly connectionsCut: number;
  readonly commits: number;
  readonly commitSeconds: number;
  /** From the arrival of requests to their answers. */
  readonly latencyMinMs: number;
  readonly latencyAverageMs: number;
  readonly latencyMaxMs: number;
  readonly uptimeMs: number;
}

/** The counters behind {@link KeeperStats}. */
export class Counters {
  packetsReceived = 0;
  packetsSent = 0;
  sessionsExpired = 0;
  connectionsRefused = 0;
  connectionsCut = 0;
  commits = 0;
  commitSeconds = 0;
  readonly cuts: Record<string, number> = {};
  #turns = 0;
  #turnMs = 0;
  #minMs = Infinity;
  #maxMs = 0;

  addTurn(durationMs: number): void {
    this.#turns += 1;
    this.#turnMs += durationMs;
    if (durationMs < this.#minMs) this.#minMs = durationMs;
    if (durationMs > this.#maxMs) this.#maxMs = durationMs;
  }

  addCut(because: string): void {
    this.connectionsCut += 1;
    this.cuts[because] = (this.cuts[because] ?? 0) + 1;
  }

  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.#turns = 0;
    this.#turnMs = 0;
    this.#minMs = Infinity;
    this.#maxMs = 0;
  }

  get latencyMinMs(): number {
    return this.#turns === 0 ? 0 : this.#minMs;
  }

  get latencyAverageMs(): number {
    return this.#turns === 0 ? 0 : this.#turnMs / this.#turns;
  }

  get latencyMaxMs(): number {
    return this.#maxMs;
  }
}
