import type { ProxyLimits } from "./options.ts";
import type { UpstreamAddress } from "./upstream-address.ts";
import {
  UpstreamConnection,
  type UpstreamOwner,
  type UpstreamUser,
} from "./upstream-connection.ts";
import type { InputBuffers } from "./wire.ts";

/**
 * A POST must not meet a connection that the target is about to close: it takes
 * one that was idle for less than this.
 */
const FRESH_IDLE_MS = 1000;
/** How long before the target's own limit a connection is left alone. */
const KEEP_ALIVE_MARGIN_MS = 1000;

/**
 * The connections to one registration. When the registration goes or changes,
 * so does the pool: an answer always belongs to the release it was opened for.
 */
export class UpstreamPool implements UpstreamOwner {
  readonly #address: UpstreamAddress;
  readonly #limits: ProxyLimits;
  readonly #input: InputBuffers;
  readonly #clock: { readonly coarseMs: number };
  readonly #all = new Set<UpstreamConnection>();
  readonly #idle: UpstreamConnection[] = [];
  #closed = false;
  opened = 0;
  reused = 0;

  constructor(
    address: UpstreamAddress,
    options: {
      readonly limits: ProxyLimits;
      readonly input: InputBuffers;
      /** Exact to a quarter of a second, and costs nothing to ask. */
      readonly clock: { readonly coarseMs: number };
    },
  ) {
    this.#address = address;
    this.#limits = options.limits;
    this.#input = options.input;
    this.#clock = options.clock;
  }

  get connections(): number {
    return this.#all.size;
  }

  /**
   * A connection for one exchange; the last used one first. `fresh` asks for one
   * that was never used, `repeatable: false` for one that is sure to be alive,
   * `introduction` for one that began with these very bytes.
   */
  take(
    user: UpstreamUser,
    request: {
      readonly method: string;
      readonly repeatable: boolean;
      readonly fresh: boolean;
      readonly introduction: Buffer | undefined;
    },
  ): UpstreamConnection {
    const { method, repeatable, fresh, introduction } = request;
    if (!fresh) {
      for (;;) {
        const connection =
          introduction === undefined
            ? this.#idle.pop()
            : this.#popIntroduced(introduction);
        if (connection === undefined) break;
        if (connection.closed) continue;
        const idleMs = this.#clock.coarseMs - connection.idleSinceMs;
        if (
          connection.introduction !== introduction || // of an earlier definition
          this.#isStale(connection, idleMs)
        ) {
          connection.destroy();
          continue;
        }
        if (!repeatable && idleMs >= FRESH_IDLE_MS) {
          this.#idle.push(connection); // the others have been idle for longer
          break;
        }
        this.reused += 1;
        connection.use(user, method);
        return connection;
      }
    }
    this.opened += 1;
    const connection = new UpstreamConnection(this.#address, {
      owner: this,
      limits: this.#limits,
      input: this.#input,
      nowMs: performance.now(),
      introduction,
    });
    this.#all.add(connection);
    connection.use(user, method);
    return connection;
  }

  #popIntroduced(introduction: Buffer): UpstreamConnection | undefined {
    const index = this.#idle.findLastIndex(
      (connection) => connection.introduction === introduction,
    );
    return index === -1 ? undefined : this.#idle.splice(index, 1)[0];
  }

  connectionIdle(connection: UpstreamConnection): void {
    // Of connections for one client each, the oldest is likeliest of one that has left.
    if (
      connection.introduction !== undefined &&
      this.#idle.length >= this.#limits.maxIdleUpstreams
    )
      this.#idle[0]?.destroy();
    if (this.#closed || this.#idle.length >= this.#limits.maxIdleUpstreams) {
      connection.destroy();
      return;
    }
    connection.idleSinceMs = this.#clock.coarseMs;
    this.#idle.push(connection);
  }

  connectionGone(connection: UpstreamConnection): void {
    this.#all.delete(connection);
    const index = this.#idle.lastIndexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
  }

  /** Closes what was not accepted in time and what was idle for too long. */
  sweep(nowMs: number): void {
    for (const connection of this.#all) {
      if (connection.connecting) {
        if (nowMs - connection.openedAtMs >= this.#limits.connectTimeoutMs)
          connection.connectTimedOut();
      } else if (
        connection.idle &&
        this.#isStale(connection, nowMs - connection.idleSinceMs)
      )
        connection.destroy();
    }
  }

  /** Idle connections close now, busy ones after their exchange. */
  close(): void {
    this.#closed = true;
    // Each takes itself off the list.
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /** Everything closes now. */
  destroy(): void {
    this.#closed = true;
    for (const connection of this.#all) connection.destroy();
  }

  #isStale(connection: UpstreamConnection, idleMs: number): boolean {
    return (
      idleMs >= this.#limits.upstreamIdleMs ||
      idleMs >= connection.keepAliveMs - KEEP_ALIVE_MARGIN_MS
    );
  }
}
