import type { AccessBatch, AccessRecord } from "./access-ring.ts";

/** How one request is written. */
export type AccessLogFormat = "json" | "combined";

/** nginx's word for a client that left before its answer began. */
const CLIENT_LEFT = 499;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** Lines for the access log, each with its end. */
export interface AccessLines {
  readonly text: string;
  readonly lines: number;
  /** Requests whose lines were lost before. */
  readonly lost: number;
}

/** All lines of a batch; workers do this, so that it takes its share of cores. */
export function accessLines(
  { records, lost }: AccessBatch,
  format: AccessLogFormat,
): AccessLines {
  const lines = records.map((record) => accessLine(record, format));
  lines.push("");
  return { text: lines.join("\n"), lines: records.length, lost };
}

/** Those of several workers. */
export function joinLines(batches: readonly AccessLines[]): AccessLines {
  return {
    text: batches.map(({ text }) => text).join(""),
    lines: batches.reduce((sum, { lines }) => sum + lines, 0),
    lost: batches.reduce((sum, { lost }) => sum + lost, 0),
  };
}

/** One line, without its end. Whatever a client sent, it stays one line. */
export function accessLine(
  record: AccessRecord,
  format: AccessLogFormat,
): string {
  return format === "json" ? jsonLine(record) : combinedLine(record);
}

function jsonLine(record: AccessRecord): string {
  return JSON.stringify({
    time: isoTime(record.atMs),
    client: record.client,
    method: record.method,
    host: record.host,
    path: record.path,
    version: record.version,
    status: record.status,
    bytes: record.bytes,
    ms: Math.round(record.ms * 1000) / 1000,
    service: record.service,
    target: record.target,
    cache: record.cache,
    referer: record.referer,
    agent: record.agent,
  });
}

let isoSecond = NaN;
let isoPrefix = "";

/** As `toISOString` writes it; all but the milliseconds once a second. */
function isoTime(atMs: number): string {
  const second = Math.floor(atMs / 1000);
  if (second !== isoSecond) {
    isoSecond = second;
    isoPrefix = new Date(second * 1000).toISOString().slice(0, 20);
  }
  return `${isoPrefix}${String(atMs - second * 1000).padStart(3, "0")}Z`;
}

/** As Apache's `combined` and nginx write it, always in UTC. */
function combinedLine(record: AccessRecord): string {
  const { client, method, path, version, status, bytes } = record;
  const request = `${quotable(method)} ${quotable(path)} HTTP/${version}`;
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
