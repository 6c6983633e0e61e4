import type { AccessRecord } from "../proxy/index.ts";

/** How one request is written. */
export type AccessLogFormat = "json" | "combined";

/** nginx's word for a client that left before its answer began. */
const CLIENT_LEFT = 499;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** One line, without its end. Whatever a client sent, it stays one line. */
export function accessLine(
  record: AccessRecord,
  format: AccessLogFormat,
): string {
  return format === "json" ? jsonLine(record) : combinedLine(record);
}

function jsonLine(record: AccessRecord): string {
  const { atMs, minorVersion, ms, ...rest } = record;
  return JSON.stringify({
    time: new Date(atMs).toISOString(),
    ...rest,
    version: `1.${minorVersion}`,
    ms: Math.round(ms * 1000) / 1000,
  });
}

/** As Apache's `combined` and nginx write it, always in UTC. */
function combinedLine(record: AccessRecord): string {
  const { client, method, path, minorVersion, status, bytes } = record;
  const request = `${quotable(method)} ${quotable(path)} HTTP/1.${minorVersion}`;
  const code = status === 0 ? CLIENT_LEFT : status;
  return `${client} - - [${clfTime(record.atMs)}] "${request}" ${code} ${bytes} "${quotable(record.referer)}" "${quotable(record.agent)}"`;
}

/** What cannot stand between quotes is written `\xHH`; nothing at all as "-". */
function quotable(text: string): string {
  if (text === "") return "-";
  return text.replaceAll(
    /["\\\p{Cc}\u{80}-\u{ff}]/gu,
    (character) =>
      `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

function clfTime(atMs: number): string {
  const at = new Date(atMs);
  const two = (number: number) => String(number).padStart(2, "0");
  const date = `${two(at.getUTCDate())}/${MONTHS[at.getUTCMonth()] ?? ""}/${at.getUTCFullYear()}`;
  return `${date}:${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} +0000`;
}
