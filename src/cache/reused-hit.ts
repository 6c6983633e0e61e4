import type { HitReason } from "./reasons.ts";
import type { HitLookup, StoredResponse } from "./types.ts";

/** A hit costs no allocation: there is one of these for each cache. */
export class ReusedHit implements HitLookup {
  readonly kind = "hit";
  entry: StoredResponse;
  because: HitReason = "fresh";
  ageS = 0;
  ttlS = 0;
  constructor(entry: StoredResponse) {
    this.entry = entry;
  }
}
