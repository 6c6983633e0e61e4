import { Backoff } from "../base/index.ts";

/** So short that a server which is there again is found at once. */
const MIN_MS = 20;
/** So long that many clients do not hinder servers that are starting. */
const MAX_MS = 2_000;

/** The delays between attempts to connect. */
export function reconnectBackoff(random: (() => number) | undefined): Backoff {
  return new Backoff({
    minMs: MIN_MS,
    maxMs: MAX_MS,
    ...(random === undefined ? {} : { random }),
  });
}
