import { isToken } from "./characters.ts";
import { splitPlain } from "./fields.ts";

/** What an answer was chosen by (RFC 9110 section 12.5.5). */
export type Vary =
  /** By something that is not in the request: never matches another one. */
  | { readonly kind: "any" }
  /** By these fields, in lower case, sorted, each once. */
  | { readonly kind: "fields"; readonly names: readonly string[] };

const ANY: Vary = Object.freeze({ kind: "any" });

/** Reads a joined `Vary` value. One that is malformed is taken as `*`, the stricter reading. */
export function parseVary(value: string): Vary {
  const names = new Set<string>();
  for (const name of splitPlain(value.toLowerCase())) {
    if (name === "*" || !isToken(name)) return ANY;
    names.add(name);
  }
  return { kind: "fields", names: [...names].sort() };
}
