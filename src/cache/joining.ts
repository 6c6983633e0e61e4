import type { RequestHead } from "../http/index.ts";
import type { ForwardReason } from "./reasons.ts";
import type { MissLookup, StaleLookup } from "./types.ts";

/** Reasons for which the answer to another request will do as well. */
const MAY_JOIN: ReadonlySet<ForwardReason> = new Set([
  "uri-miss",
  "vary-miss",
  "release-miss",
  "stale",
]);

/** Whether a request might be served by the answer to another that is on its way. */
export function mayJoin(
  request: RequestHead,
  lookup: MissLookup | StaleLookup,
): boolean {
  return MAY_JOIN.has(lookup.because) && request.range === undefined;
}
