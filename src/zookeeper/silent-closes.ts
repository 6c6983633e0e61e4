import type { ServerAddress } from "./connect-string.ts";

/**
 * Decides when to give up the zxid that we have seen.
 *
 * A server that is behind what a client has seen closes its connection without
 * a word, as it must: another server may be ahead. But where every server has
 * done so for a whole session timeout, none is ahead: the ensemble was rebuilt,
 * or restored from an older state, and would refuse this client for ever. From
 * then on the client presents 0. A server that cannot be reached may still be
 * ahead, so it keeps the client waiting.
 */
export class SilentCloses {
  readonly #serverCount: number;
  readonly #closed = new Set<string>();
  #sinceMs: number | undefined;

  constructor(serverCount: number) {
    this.#serverCount = serverCount;
  }

  /** A server took the connect request and closed without an answer. */
  add(server: ServerAddress, nowMs: number): void {
    this.#closed.add(nameOf(server));
    this.#sinceMs ??= nowMs;
  }

  /** A server took our zxid, could not be reached, or said nothing at all. */
  remove(server: ServerAddress): void {
    this.#closed.delete(nameOf(server));
  }

  /** The session is live. */
  reset(): void {
    this.#closed.clear();
    this.#sinceMs = undefined;
  }

  /** Whether to present 0 instead of the highest zxid seen. */
  allRefuse(nowMs: number, sessionTimeoutMs: number): boolean {
    return (
      this.#sinceMs !== undefined &&
      this.#closed.size >= this.#serverCount &&
      nowMs - this.#sinceMs >= sessionTimeoutMs
    );
  }
}

function nameOf(server: ServerAddress): string {
  return `${server.host} ${server.port}`;
}
