import { FORWARD_REASONS, type ForwardReason } from "../cache/index.ts";
import { cacheStatus } from "../http/index.ts";

const storedLines = new Map<ForwardReason, string>();
const otherLines = new Map<ForwardReason, string>();

/**
 * `Cache-Status` (RFC 9211) of an answer that a target gave. There are as many
 * as there are reasons, so each is made once for a thread and its one name.
 */
export function forwardedLine(
  cache: string,
  because: ForwardReason,
  stored: boolean,
): string {
  const lines = stored ? storedLines : otherLines;
  let line = lines.get(because);
  if (line === undefined) {
    const { fwd } = FORWARD_REASONS[because];
    line = `Cache-Status: ${cacheStatus({
      cache,
      forward: fwd,
      stored,
      ...(because === fwd ? {} : { detail: because }),
    })}\r\n`;
    lines.set(because, line);
  }
  return line;
}
