import { type Clock, delay, type Journal, systemClock } from "../base/index.ts";
import type { DrainOutcome, Registrar } from "./registrar.ts";

/** How long proxies may take to acknowledge a drain. */
export const DRAIN_LIMIT_MS = 8_000;
/** How long idle connections are talked out of their keep-alive when nobody acknowledges. */
const HANG_UP_MS = 2_000;

/**
 * The orderly way out: draining, acknowledged, gone. When the acknowledgements do
 * not come, the server asks each client that still comes to close its
 * connection, for two seconds. Afterwards the server may stop.
 */
export async function leave(options: {
  readonly registrar: Registrar;
  /** Makes the server send `Connection: close`, where it is ours. */
  readonly hangUp?: () => void;
  readonly journal: Journal;
  readonly clock?: Clock;
  /** Ends the patience. */
  readonly kill?: AbortSignal | undefined;
}): Promise<DrainOutcome> {
  const { registrar, hangUp, journal, clock = systemClock, kill } = options;
  const limit = new AbortController();
  const timer = clock.after(DRAIN_LIMIT_MS, () => limit.abort(), {
    keepAlive: true,
  });
  const signals = kill === undefined ? [limit.signal] : [limit.signal, kill];
  const outcome = await registrar.drain({ signal: AbortSignal.any(signals) });
  timer.cancel();
  if (outcome === "acknowledged") return outcome;
  journal({
    level: "warn",
    room: "target",
    event: "drain-unacknowledged",
    message:
      outcome === "away"
        ? "Leaving while ZooKeeper is away: proxies learn of it by refused connections"
        : "Leaving although not every proxy has acknowledged the drain",
    outcome,
  });
  hangUp?.();
  await delay(HANG_UP_MS, { clock, signal: kill, keepAlive: true }).catch(
    () => {},
  );
  return outcome;
}
