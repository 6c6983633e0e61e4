import { Backoff } from "../base/index.ts";

/** So short that a server which is there again is found at once. */
const MIN_MS = 20;
/** So long that many clients do not hinder servers that are starting. */
const MAX_MS = 2_000;

/** Several attempts must fit into a session timeout. */
const SHARE_OF_TIMEOUT = 0.2;

/** The delays between attempts to connect. */
export function reconnectBackoff(
  sessionTimeoutMs: number,
  random: (() => number) | undefined,
): Backoff {
  const maxMs = Math.min(MAX_MS, sessionTimeoutMs * SHARE_OF_TIMEOUT);
  return new Backoff({
    minMs: MIN_MS,
    maxMs: Math.max(MIN_MS, maxMs),
    ...(random === undefined ? {} : { random }),
  });
}
