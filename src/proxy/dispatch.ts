import type { RequestHead } from "../http/index.ts";
import { admit } from "./auth-check.ts";
import type { Asker } from "./client.ts";
import type { FillLookup, ForwardLookup } from "./answer-relay.ts";
import { AwaitedAnswer } from "./awaited-answer.ts";
import { Exchange } from "./exchange.ts";
import type { ForwardedRequest } from "./forwarded-request.ts";
import { hitStatusLine } from "./hit-lines.ts";
import { JoinedAnswer } from "./joined-answer.ts";
import type { OwnAnswer } from "./own-answer.ts";
import type { Serving } from "./serving.ts";
import { SilentDownstream } from "./silent-downstream.ts";
import { timesSeen } from "./forward-head.ts";
import type { Service } from "./service.ts";
import type { Thread } from "./thread.ts";

/** A request that passed us this often goes in a circle. */
const MAX_TIMES_SEEN = 8;
const METHODS_LINE = "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

/**
 * Decides what becomes of one request: an answer of our own, an answer from the
 * store, or an exchange with a target.
 */
export function dispatch(
  thread: Thread,
  client: Asker,
  head: RequestHead,
): Serving | undefined {
  const { method } = head;
  if (method === "CONNECT") {
    // A gateway is no tunnel (RFC 9110 section 9.3.6).
    client.own({ status: 501, error: "http_request_denied" });
    return undefined;
  }
  if (method === "TRACE") {
    // It would show a script what the browser hides from it.
    client.own({ status: 405, lines: METHODS_LINE });
    return undefined;
  }
  if (method === "OPTIONS" && isForUs(head)) {
    client.own({ status: 204, lines: METHODS_LINE });
    return undefined;
  }
  if (
    head.via !== undefined &&
    timesSeen(head.via, thread.name) >= MAX_TIMES_SEEN
  ) {
    client.own({ status: 508, error: "proxy_loop_detected" });
    return undefined;
  }
  const { routes } = thread;
  const service = routes.find(head.hostname, head.path);
  if (routes.hasPrefixes && routes.isDoubtful(head, service)) {
    client.own(DOUBTFUL_PATH);
    return undefined;
  }
  if (service === undefined) {
    client.own({ status: 404, error: "destination_not_found" });
    return undefined;
  }
  client.service = service;
  const { guard } = service;
  if (guard !== undefined && thread.guard.refusesFor(guard, client, head))
    return undefined;
  return service.rules === undefined
    ? dispatchTo(thread, service, client, head)
    : dispatchByRules(thread, service, client, head);
}

/** Redirects, then who has a password, then as everywhere. */
function dispatchByRules(
  thread: Thread,
  service: Service,
  client: Asker,
  head: RequestHead,
): Serving | undefined {
  const redirect = service.rules?.redirects?.answerTo(client, head);
  if (redirect !== undefined) {
    client.own(redirect);
    return undefined;
  }
  const auth = service.rules?.auth;
  if (auth === undefined) return dispatchTo(thread, service, client, head);
  const proceed = (admitted: RequestHead) =>
    dispatchTo(thread, service, client, admitted);
  return admit({ thread, service, client, head, auth, proceed });
}

function dispatchTo(
  thread: Thread,
  service: Service,
  client: Asker,
  asked: RequestHead,
): Serving | undefined {
  const head = service.compression?.normalised(asked) ?? asked;
  const context = service.cacheContext;
  context.scheme = client.scheme;
  context.host = head.host;
  context.allTargetsDown = service.allTargetsDown();
  const lookup = thread.cache.lookup(head, context, Date.now());
  switch (lookup.kind) {
    case "hit":
      client.hit(
        lookup.entry,
        lookup.ageS,
        hitStatusLine(thread.name, lookup.ttlS),
      );
      return undefined;
    case "unsatisfiable":
      client.own({
        status: 504,
        lines: `Cache-Status: ${thread.name}; detail=only-if-cached\r\n`,
      });
      return undefined;
    case "stale":
      if (lookup.serve === "now") {
        client.hit(
          lookup.entry,
          lookup.ageS,
          hitStatusLine(thread.name, lookup.ttlS),
        );
        refresh(thread, service, client, { head, lookup });
        return undefined;
      }
      return forward(thread, service, client, { head, lookup });
    case "miss":
    case "bypass":
      return forward(thread, service, client, { head, lookup });
    default:
      return lookup satisfies never;
  }
}

/** Its path could be read as one of another service, or of none. */
const DOUBTFUL_PATH: OwnAnswer = {
  status: 400,
  error: "http_request_error",
  details: "doubtful-path",
};

interface Asked {
  readonly head: RequestHead;
  readonly lookup: ForwardLookup;
}

/** To a target, or to an answer that is on its way already. */
function forward(
  thread: Thread,
  service: Service,
  client: Asker,
  asked: Asked,
): Serving | undefined {
  const { head, lookup } = asked;
  const paths = service.rules?.paths;
  if (paths !== undefined && paths.targetFor(head) === undefined) {
    client.own(DOUBTFUL_PATH);
    return undefined;
  }
  const options = { thread, client, service, request: head, lookup };
  if (lookup.kind !== "bypass") {
    const context = service.cacheContext;
    const fill = thread.cache.inFlight(head, context, lookup);
    if (fill !== undefined) return new JoinedAnswer({ ...options, fill });
    const wait = thread.cache.inFlightElsewhere(head, context, lookup);
    if (wait !== undefined)
      return new AwaitedAnswer({ ...options, lookup }, wait, () =>
        joinOrAsk(options, lookup),
      );
  }
  return new Exchange(options);
}

/** Another thread's answer was waited for in vain; one of ours may be on its way by now. */
function joinOrAsk(options: ForwardedRequest, lookup: FillLookup): Serving {
  const { cache } = options.thread;
  const fill = cache.inFlight(
    options.request,
    options.service.cacheContext,
    lookup,
  );
  return fill === undefined
    ? new Exchange(options)
    : new JoinedAnswer({ ...options, fill });
}

/** stale-while-revalidate (RFC 5861): nobody waits for this one. */
function refresh(
  thread: Thread,
  service: Service,
  client: Asker,
  asked: Asked,
): void {
  const { head, lookup } = asked;
  if (
    lookup.kind === "bypass" ||
    thread.cache.inFlight(head, service.cacheContext, lookup) !== undefined ||
    thread.cache.inFlightElsewhere(head, service.cacheContext, lookup) !==
      undefined
  )
    return;
  thread.startBackground(
    new Exchange({
      thread,
      client: new SilentDownstream(client.facts),
      service,
      request: head,
      lookup,
    }),
  );
}

/** RFC 9110 section 7.6.2, and `OPTIONS *` (section 9.3.7). */
function isForUs(head: RequestHead): boolean {
  return head.form === "asterisk" || head.maxForwards === "0";
}
