import {
  httpDateNow,
  proxyStatus,
  type ProxyErrorType,
  reasonPhrase,
  type RequestHead,
} from "../http/index.ts";
import type { AnswerRules } from "./answer-rules.ts";
import { type ErrorPages, textOf } from "./error-pages.ts";

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

/** A service as far as the proxy answers in its place. */
export interface AnsweringService {
  readonly name: string;
  readonly rules: { readonly answers: AnswerRules | undefined } | undefined;
}

/** Head and body in one, each byte one character; never stored by anyone. */
export function ownAnswerText(
  answer: OwnAnswer,
  options: {
    readonly proxy: string;
    readonly close: boolean;
    /** Undefined where none could be read. */
    readonly request: RequestHead | undefined;
    /** That was asked, if it is known. */
    readonly service: AnsweringService | undefined;
    readonly pages: ErrorPages;
  },
): string {
  const { status, error, details, nextHop, retryAfterS, lines = "" } = answer;
  const { proxy, close, request, service, pages } = options;
  const content =
    status === 204 || status === 304
      ? undefined
      : status < 400
        ? { type: "text/plain", body: textOf(status) }
        : pages.contentFor(status, request, service?.name ?? "");
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
  if (content !== undefined)
    text += `Content-Type: ${content.type}\r\nContent-Length: ${content.body.length}\r\nCache-Control: no-store\r\n`;
  const rules = service?.rules?.answers;
  if (rules !== undefined) text += rules.linesFor(text, request?.host ?? "");
  if (close) text += "Connection: close\r\n";
  return `${text}\r\n${request?.method === "HEAD" ? "" : (content?.body ?? "")}`;
}
