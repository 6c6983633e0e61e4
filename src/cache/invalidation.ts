import {
  fieldAll,
  type FieldList,
  methodRule,
  type RequestHead,
} from "../http/index.ts";
import { keyPrefix, keyTarget } from "./cache-key.ts";
import type { CacheContext } from "./types.ts";

/**
 * The keys of what a request may have changed (RFC 9111 section 4.4): its own URI
 * after an answer that is no error, and those of the same origin that the answer
 * names in Location and Content-Location.
 */
export function keysChangedBy(
  request: Pick<RequestHead, "method" | "form" | "path" | "query" | "target">,
  context: CacheContext,
  answer: { readonly status: number; readonly fields: FieldList },
): readonly string[] {
  if (methodRule(request.method).safe) return [];
  if (answer.status < 200 || answer.status >= 400) return [];
  const targets = new Set([keyTarget(request)]);
  const base = `${context.scheme}://${context.host}${keyTarget(request)}`;
  const origin = URL.parse(base)?.origin;
  for (const name of ["location", "content-location"]) {
    for (const value of fieldAll(answer.fields, name)) {
      const url = URL.parse(value, base);
      if (url !== null && url.origin === origin)
        targets.add(url.pathname + url.search);
    }
  }
  // One resource on both schemes: a service serves the same on either.
  return ["http", "https"].flatMap((scheme) =>
    [...targets].map(
      (target) =>
        keyPrefix({
          ...context,
          scheme: scheme === "http" ? "http" : "https",
        }) + target,
    ),
  );
}
