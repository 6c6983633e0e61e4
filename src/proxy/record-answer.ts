import { field, type RequestHead } from "../http/index.ts";
import type { ClientFacts } from "./client-facts.ts";
import type { Serving } from "./serving.ts";
import type { Thread } from "./thread.ts";
import { countLatency, countStatus } from "./worker-stats.ts";

/** What is told of an answer. */
export interface WrittenAnswer {
  /** 0 when there was none. */
  readonly status: number;
  readonly contentBytes: number;
  readonly fromStore: boolean;
  /** Of HTTP, where the request does not say it. */
  readonly version?: "2.0";
}

/** An answer is whole, or will never be: for the totals and the access log. */
// oxlint-disable-next-line eslint/max-params -- called for every request: no object for it
export function recordAnswer(
  thread: Thread,
  answer: WrittenAnswer,
  client: { readonly facts: ClientFacts },
  request: RequestHead | undefined,
  serving: Serving | undefined,
): void {
  const { totals, access } = thread;
  const ms = elapsedMs(serving);
  countStatus(totals, answer.status);
  totals.bytesToClients += answer.contentBytes;
  countLatency(totals, ms);
  if (!access.keeps || request === undefined) return;
  access.push({
    atMs: Date.now(),
    client: client.facts.addressOf(request),
    method: request.method,
    host: request.host,
    version: answer.version ?? (request.minorVersion === 1 ? "1.1" : "1.0"),
    path: request.path + request.query,
    status: answer.status,
    bytes: answer.contentBytes,
    ms,
    service: serviceName(thread, request, serving),
    target: serving?.targetName ?? "",
    cache: answer.fromStore ? "hit" : (serving?.cacheWord ?? ""),
    referer: field(request.fields, "referer") ?? "",
    agent: field(request.fields, "user-agent") ?? "",
  });
}

/** Who answers from the store asks no service; that it was one's is known all the same. */
function serviceName(
  thread: Thread,
  { hostname, path }: RequestHead,
  serving: Serving | undefined,
): string {
  return (
    serving?.service.name ?? thread.routes.find(hostname, path)?.name ?? ""
  );
}

/** An answer of our own, or from the store, takes no time that could be told. */
function elapsedMs(serving: Serving | undefined): number {
  return serving === undefined ? 0 : performance.now() - serving.startedAtMs;
}
