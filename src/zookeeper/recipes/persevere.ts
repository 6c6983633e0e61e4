import { Backoff, type Clock, delay } from "../../base/index.ts";
import { isOver, isPassing, type ReadingClient } from "./recipe-client.ts";

/**
 * Calls `attempt` until it neither fails by the moment (a lost connection, an
 * expired session, a full queue) nor the signal fires. An attempt whose outcome
 * may be unknown must look first what became of the one before.
 */
export async function persevere<T>(
  attempt: () => Promise<T>,
  options: {
    readonly client: Pick<ReadingClient, "state">;
    readonly signal?: AbortSignal | undefined;
    readonly clock: Clock;
  },
): Promise<T> {
  const { client, signal, clock } = options;
  const backoff = new Backoff({ minMs: 20, maxMs: 2_000 });
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error) || isOver(client)) throw error;
    }
    await delay(backoff.nextMs(), { signal, clock, keepAlive: true });
  }
}

/** How long `await using` waits for the server to delete what a recipe made. */
export const DISPOSE_LIMIT_MS = 5_000;

/** Waits for `closing`, at most so long; what comes later is ignored. */
export async function atMost(
  limitMs: number,
  closing: Promise<void>,
  clock: Clock,
): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  const limit = delay(limitMs, { clock, signal, keepAlive: true });
  try {
    await Promise.race([closing, limit.catch(() => {})]);
  } finally {
    over.abort();
  }
}
