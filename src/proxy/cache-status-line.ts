import { FORWARD_REASONS, type ForwardReason } from "../cache/index.ts";
import { cacheStatus } from "../http/index.ts";

const lines = new Map<string, string>();

/**
 * `Cache-Status` (RFC 9211) of an answer that a target gave. There are as many
 * as there are reasons, so each is made once.
 */
export function forwardedLine(
  cache: string,
  because: ForwardReason,
  stored: boolean,
): string {
  const key = `${because}${stored ? "+" : "-"}${cache}`;
  let line = lines.get(key);
  if (line === undefined) {
    const { fwd } = FORWARD_REASONS[because];
    line = `Cache-Status: ${cacheStatus({
      cache,
      forward: fwd,
      stored,
      ...(because === fwd ? {} : { detail: because }),
    })}\r\n`;
    lines.set(key, line);
  }
  return line;
}
