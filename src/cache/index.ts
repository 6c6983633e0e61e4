/** RFC 9111: pure decisions, a bounded store, and the two put together. */
export { CACHE_OPTIONS } from "./options.ts";
export {
  FORWARD_REASONS,
  type ForwardReason,
  type ForwardWord,
  HIT_REASONS,
  type HitReason,
  NO_STORE_REASONS,
  type NoStoreReason,
} from "./reasons.ts";
export type {
  AnswerHead,
  BypassLookup,
  CacheContext,
  CacheRules,
  CacheSize,
  CacheStats,
  CacheTotals,
  Fill,
  FillHead,
  FillListener,
  FillSubscription,
  HitLookup,
  Lender,
  Lookup,
  MissLookup,
  Purge,
  StaleLookup,
  Storable,
  StoredBody,
  StoredResponse,
  UnsatisfiableLookup,
} from "./types.ts";
export { type Evaluation, evaluateConditional } from "./conditional.ts";
export type { ClaimWait } from "./fill-claims.ts";
export type { StoreMemory } from "./store-layout.ts";
export { createStoreMemory } from "./store-memory.ts";
export { StoreKeeper } from "./store-keeper.ts";
export { HttpCache } from "./http-cache.ts";
