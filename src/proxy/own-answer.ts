import {
  httpDateNow,
  proxyStatus,
  type ProxyErrorType,
  reasonPhrase,
  type RequestHead,
} from "../http/index.ts";

import type { AnswerRules } from "./answer-rules.ts";

/** An answer of the proxy itself. */
export interface OwnAnswer {
  readonly status: number;
  /** Names the error in Proxy-Status (RFC 9209); absent when nothing failed. */
  readonly error?: ProxyErrorType;
  readonly details?: string;
  /** The target that was asked last. */
  readonly nextHop?: string;
  /** More field lines. */
  readonly lines?: string;
  readonly retryAfterS?: number;
}

/** Head and body in one; small, and never stored by anyone. */
export function ownAnswerText(
  answer: OwnAnswer,
  options: {
    readonly proxy: string;
    readonly close: boolean;
    /** Undefined where none could be read. */
    readonly request: RequestHead | undefined;
    /** Of the service that was asked, if that is known. */
    readonly rules: AnswerRules | undefined;
  },
): string {
  const { status, error, details, nextHop, retryAfterS, lines = "" } = answer;
  const { proxy, close, request, rules } = options;
  const body =
    status === 204 || status === 304
      ? ""
      : `${status} ${reasonPhrase(status)}\n`;
  let text = `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\nDate: ${httpDateNow(Date.now())}\r\n`;
  if (error !== undefined)
    text += `Proxy-Status: ${proxyStatus({
      proxy,
      error,
      ...(details === undefined ? {} : { details }),
      ...(nextHop === undefined ? {} : { nextHop }),
    })}\r\n`;
  if (retryAfterS !== undefined) text += `Retry-After: ${retryAfterS}\r\n`;
  text += lines;
  if (body !== "")
    text += `Content-Type: text/plain\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n`;
  else if (status !== 204 && status !== 304) text += "Content-Length: 0\r\n";
  if (rules !== undefined) text += rules.linesFor(text, request?.host ?? "");
  if (close) text += "Connection: close\r\n";
  return `${text}\r\n${request?.method === "HEAD" ? "" : body}`;
}
