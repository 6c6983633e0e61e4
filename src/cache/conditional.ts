import type { RequestHead } from "../http/index.ts";
import type { FillHead, StoredResponse } from "./types.ts";

/** How a request with conditions or a range is answered from a whole answer. */
export type Evaluation =
  | "full"
  | "not-modified"
  | "precondition-failed"
  | "range-not-satisfiable"
  /** Bytes from `start` up to and without `end`. */
  | { readonly kind: "range"; readonly start: number; readonly end: number };

export function evaluateConditional(
  _request: RequestHead,
  _entry: StoredResponse | FillHead,
): Evaluation {
  return "full";
}
