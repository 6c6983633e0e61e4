import type { StoredResponse } from "../cache/index.ts";
import type { AnswerRules } from "./answer-rules.ts";

const NAME = "strict-transport-security";
const IN_HEAD = /\r\nstrict-transport-security:/i;

/** The line that `maxAgeS` asks for; empty for 0. */
export function hstsLine(maxAgeS: number): string {
  return maxAgeS === 0
    ? ""
    : `Strict-Transport-Security: max-age=${maxAgeS}\r\n`;
}

/**
 * A head with the line added. A target's own stays: RFC 6797 section 7.1 has
 * the field "MUST NOT" stand twice, and the target may know its subdomains.
 */
export function withHsts(head: string, line: string): string {
  if (line === "" || IN_HEAD.test(head)) return head;
  const at = head.indexOf("\r\n") + 2;
  return head.slice(0, at) + line + head.slice(at);
}

/** What of the line a stored answer needs. */
export function hstsOfStored(
  entry: StoredResponse,
  line: string,
  rules: AnswerRules | undefined,
): string {
  if (line === "" || rules?.sets(NAME) === true) return "";
  if (rules?.drops(NAME) === true) return line;
  for (let index = 0; index < entry.fields.length; index += 2)
    if (entry.fields[index]?.toLowerCase() === NAME) return "";
  return line;
}
