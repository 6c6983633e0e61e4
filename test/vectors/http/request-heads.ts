import { REQUEST_FIELDS } from "./request-fields.ts";
import { REQUEST_FRAMING } from "./request-framing.ts";
import { REQUEST_LINES } from "./request-lines.ts";
import type { RequestVector } from "./vector.ts";

/** Request heads (RFC 9110, RFC 9112). */
export const REQUEST_HEADS: readonly RequestVector[] = [
  ...REQUEST_LINES,
  ...REQUEST_FIELDS,
  ...REQUEST_FRAMING,
];
