import { splitList } from "../http/index.ts";

/**
 * Whether a target switches to nothing but what the client asked for (RFC 9110
 * section 7.8: "A server MUST NOT switch to a protocol that was not indicated by
 * the client"). Both are values of Upgrade; h2c stands in no `asked`.
 */
export function isOffered(
  asked: string | undefined,
  granted: string | undefined,
): boolean {
  const offers = splitList(asked?.toLowerCase() ?? "") ?? [];
  const chosen = splitList(granted?.toLowerCase() ?? "") ?? [];
  return chosen.length > 0 && chosen.every((name) => offers.includes(name));
}
