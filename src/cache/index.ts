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
  CacheStats,
  Fill,
  FillHead,
  FillListener,
  FillSubscription,
  HitLookup,
  Lookup,
  MissLookup,
  Purge,
  StaleLookup,
  Storable,
  StoredResponse,
  UnsatisfiableLookup,
} from "./types.ts";
export { type Evaluation, evaluateConditional } from "./conditional.ts";
export { HttpCache } from "./http-cache.ts";
