import {
  evaluateConditional,
  type Evaluation,
  type StoredResponse,
} from "../cache/index.ts";
import { reasonPhrase, type RequestHead } from "../http/index.ts";
import type { AnswerRules } from "./answer-rules.ts";
import { fieldLines } from "./forward-head.ts";

/** An answer from the store, ready to be written. */
export interface CachedAnswer {
  readonly status: number;
  /** Everything up to the lines that differ each time. */
  readonly head: Buffer;
  /** Of the stored body. */
  readonly from: number;
  readonly to: number;
}

/** What a 304 repeats of the stored fields (RFC 9110 section 15.4.5). */
const IN_NOT_MODIFIED: ReadonlySet<string> = new Set([
  "cache-control",
  "content-location",
  "date",
  "etag",
  "expires",
  "vary",
  "last-modified",
]);

/** Who is answered from the store, and by which rules. */
export interface StoredFor {
  readonly request: RequestHead;
  readonly rules: AnswerRules | undefined;
}

/** Chooses between the whole, a part, and "not modified". */
export function cachedAnswer(
  asked: StoredFor,
  entry: StoredResponse,
  viaName: string,
): CachedAnswer {
  const { request, rules } = asked;
  const evaluation = isPlain(request)
    ? "full"
    : evaluateConditional(request, entry);
  if (evaluation === "full")
    return {
      status: entry.status,
      head:
        entry.prepared !== undefined && entry.preparedFor === rules
          ? entry.prepared
          : prepare(entry, asked, viaName),
      from: 0,
      to: request.method === "HEAD" ? 0 : entry.body.length,
    };
  return partAnswer(entry, evaluation, viaName, asked);
}

/** The host is part of an entry's key: one head is for all who get it. */
function prepare(
  entry: StoredResponse,
  asked: StoredFor,
  viaName: string,
): Buffer {
  const head = ruled(wholeHead(entry, viaName), asked);
  entry.prepared = head;
  entry.preparedFor = asked.rules;
  return head;
}

function ruled(text: string, { rules, request }: StoredFor): Buffer {
  return Buffer.from(
    rules === undefined ? text : rules.applyTo(text, request.host),
    "latin1",
  );
}

function isPlain(request: RequestHead): boolean {
  return (
    request.ifNoneMatch === undefined &&
    request.range === undefined &&
    request.ifModifiedSince === undefined &&
    request.ifMatch === undefined &&
    request.ifUnmodifiedSince === undefined
  );
}

function wholeHead(entry: StoredResponse, viaName: string): string {
  return `HTTP/1.1 ${entry.status} ${reasonPhrase(entry.status)}\r\n${fieldLines(entry.fields)}Content-Length: ${entry.body.length}\r\nVia: 1.1 ${viaName}\r\n`;
}

function partAnswer(
  entry: StoredResponse,
  evaluation: Exclude<Evaluation, "full">,
  viaName: string,
  asked: StoredFor,
): CachedAnswer {
  const isHead = asked.request.method === "HEAD";
  const total = entry.body.length;
  const head = (status: number, lines: string, from: number, to: number) => ({
    status,
    head: ruled(
      `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\n${lines}Via: 1.1 ${viaName}\r\n`,
      asked,
    ),
    from: isHead ? 0 : from,
    to: isHead ? 0 : to,
  });
  if (evaluation === "not-modified")
    return head(
      304,
      linesOf(entry, (name) => IN_NOT_MODIFIED.has(name)),
      0,
      0,
    );
  if (evaluation === "precondition-failed")
    return head(412, "Content-Length: 0\r\n", 0, 0);
  if (evaluation === "range-not-satisfiable")
    return head(
      416,
      `Content-Range: bytes */${total}\r\nContent-Length: 0\r\n`,
      0,
      0,
    );
  const { start, end } = evaluation;
  return head(
    206,
    `${fieldLines(entry.fields)}Content-Range: bytes ${start}-${end - 1}/${total}\r\nContent-Length: ${end - start}\r\n`,
    start,
    end,
  );
}

function linesOf(
  entry: StoredResponse,
  keep: (lowerName: string) => boolean,
): string {
  let text = "";
  for (let index = 0; index < entry.fields.length; index += 2) {
    const name = entry.fields[index] ?? "";
    if (keep(name.toLowerCase()))
      text += `${name}: ${entry.fields[index + 1] ?? ""}\r\n`;
  }
  return text;
}
