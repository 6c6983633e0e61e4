import { type FieldList, httpDate, type RequestHead } from "../http/index.ts";
import {
  ageOf,
  type AnswerFacts,
  dateMsOf,
  freshenedFields,
  readAnswerFacts,
} from "./answer-facts.ts";
import { Entry, type EntryParts } from "./entry.ts";
import { decideStorage, type Terms } from "./policy.ts";
import type { NoStoreReason } from "./reasons.ts";
import type { CacheRules } from "./types.ts";
import { selectorOf } from "./vary.ts";

/**
 * Whether an answer to a conditional request is about the stored answer
 * (RFC 9111 section 4.3.4): the validators that it has are the stored ones.
 */
export function isSameRepresentation(
  facts: Pick<AnswerFacts, "etag" | "lastModified">,
  stored: Pick<Entry, "etag" | "lastModifiedMs">,
): boolean {
  if (facts.etag !== undefined)
    return weakTag(facts.etag) === weakTag(stored.etag ?? "");
  const modifiedMs = dateMsOf(facts.lastModified);
  return (
    modifiedMs === undefined ||
    stored.lastModifiedMs === undefined ||
    modifiedMs === stored.lastModifiedMs
  );
}

/** RFC 9110 section 8.8.3.2: weak comparison ignores `W/`. */
function weakTag(etag: string): string {
  return etag.startsWith("W/") ? etag.slice(2) : etag;
}

/**
 * The stored answer with the fields of a 304 (RFC 9111 section 3.2) and the
 * lifetime they name. `because`: it may be served once, but no longer stored.
 */
export function freshen(
  stored: Entry,
  update: FieldList,
  asked: {
    readonly request: RequestHead;
    readonly rules: CacheRules;
    readonly requestedAtMs: number;
    readonly receivedAtMs: number;
    readonly staleWhileDownMs: number;
  },
): { readonly entry: Entry; readonly because: NoStoreReason | undefined } {
  const { request, receivedAtMs } = asked;
  const fields = freshenedFields(stored.fields, update, httpDate(receivedAtMs));
  // Age and the targeted field are not among the fields that are kept.
  const { age, targetedCacheControl = stored.targetedControl } =
    readAnswerFacts(update);
  const facts = { ...readAnswerFacts(fields), age, targetedCacheControl };
  const decision = decideStorage({ ...asked, status: stored.status, facts });
  const selector = selectorOf(facts.vary, request.fields);
  const parts: EntryParts = {
    key: stored.key,
    service: stored.service,
    selector: typeof selector === "string" ? stored.selector : selector,
    release: stored.release,
    status: stored.status,
    fields,
    targetedControl: targetedCacheControl,
    etag: facts.etag,
    lastModifiedMs: dateMsOf(facts.lastModified),
    dateMs: dateMsOf(facts.date) ?? receivedAtMs,
    storedAtMs: receivedAtMs,
    terms: decision.store ? decision.terms : usedUp(receivedAtMs, ageOf(facts)),
  };
  const entry = new Entry(parts, stored.body, stored.edition);
  if (!decision.store) return { entry, because: decision.because };
  if (selector === "star") return { entry, because: "vary-star" };
  if (selector === "too-wide") return { entry, because: "vary-too-wide" };
  return { entry, because: undefined };
}

function usedUp(receivedAtMs: number, ageS: number): Terms {
  return {
    bornAtMs: receivedAtMs - ageS * 1000,
    freshUntilMs: 0,
    whileRevalidatingUntilMs: 0,
    onErrorUntilMs: 0,
    whileDownUntilMs: 0,
    neverStale: true,
    servesCookie: false,
    servesAuthorization: false,
  };
}
