import type { ServiceDefinition } from "../registry/index.ts";
import { NetworkGate } from "./network-gate.ts";
import type { BucketRate } from "./shared-buckets.ts";

/** Who may ask a service, and how often. */
export interface ServiceGuard {
  readonly gate: NetworkGate;
  readonly rate: BucketRate | undefined;
  /** Tells its buckets from those of others. */
  readonly purpose: number;
}

/** Undefined where anybody may ask as often as he likes. */
export function serviceGuard(
  name: string,
  { access, rateLimit }: ServiceDefinition,
): ServiceGuard | undefined {
  const gate = new NetworkGate(access);
  if (gate.isOpen && rateLimit === undefined) return undefined;
  return {
    gate,
    rate: rateLimit && {
      perSecond: rateLimit.requestsPerSecond,
      burst: rateLimit.burst,
    },
    purpose: purposeOf(name),
  };
}

/** FNV-1a; small numbers are the proxy's own purposes. */
function purposeOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(name))
    hash = Math.imul(hash ^ byte, 0x01000193);
  return hash | 0x100;
}
