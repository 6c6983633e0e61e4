import type { RetryDefinition } from "../registry/index.ts";
import type { OwnAnswer } from "./own-answer.ts";

/*
 * When a request is sent again.
 *
 * - The connection was refused or never opened: nothing was sent, any method
 *   may go to the next target, at no cost to the budget (RFC 9110 §9.2.2). A
 *   refusal takes no time either and does not count as an attempt.
 * - We had no socket for it: no target is at fault, and none can be asked.
 * - The connection was cut before a response head: only if repeating it is
 *   harmless (an idempotent method, or no byte of it had left) and its body is
 *   still held whole. Free too while another target answers: this one is gone,
 *   not overloaded. Where all of them fail it costs like the next.
 * - No head in time, or a status that the service lists: the same condition,
 *   and a token of the budget, because a struggling target and its neighbours
 *   must not be asked several times as much.
 *
 * Where nobody is left to ask, a target that was killed may be back in a second:
 *
 * - Every target refuses: the request waits, as it would without any target.
 * - The only target cut a request that may be repeated: it is asked something
 *   simple. If that fails, the target was killed, and the request waits for its
 *   return; if not, it goes there once more, which costs a token of the budget.
 */

/** How an attempt failed before its response head was passed on. */
export type AttemptFault =
  | "refused"
  | "no-socket"
  | "connect-timed-out"
  | "cut"
  | "invalid-response"
  | "head-timed-out"
  | "listed-status";

export interface Attempt {
  readonly fault: AttemptFault;
  /** RFC 9110 §9.2.2: GET, HEAD, OPTIONS, TRACE, PUT, DELETE. */
  readonly idempotent: boolean;
  /** Whether any byte of the request was given to the connection. */
  readonly anySent: boolean;
  /** Whether the whole request body, as far as it came, can be sent again. */
  readonly bodyHeld: boolean;
  /** Attempts made so far, this one included; what was refused is none. */
  readonly attempts: number;
  /** Since the first attempt began. */
  readonly elapsedMs: number;
  /** Another target is left to try. */
  readonly anotherTarget: boolean;
  /** One of those has not failed since its last good answer. */
  readonly anotherAnswers: boolean;
}

export type NoRetryReason =
  | "no-socket"
  | "no-target-left"
  | "attempts-used-up"
  | "too-late"
  | "body-gone"
  | "not-repeatable"
  | "no-budget";

export type RetryDecision =
  | { readonly retry: true; readonly costs: boolean }
  | { readonly retry: false; readonly because: NoRetryReason };

function no(because: NoRetryReason): RetryDecision {
  return { retry: false, because };
}

export function decideRetry(
  attempt: Attempt,
  options: {
    readonly definition: Pick<RetryDefinition, "attempts" | "deadlineMs">;
    readonly budget: RetryBudget;
  },
): RetryDecision {
  const { definition, budget } = options;
  if (!attempt.anotherTarget) return no("no-target-left");
  if (attempt.attempts >= definition.attempts) return no("attempts-used-up");
  if (attempt.elapsedMs > definition.deadlineMs) return no("too-late");
  if (!attempt.bodyHeld) return no("body-gone");
  switch (attempt.fault) {
    case "no-socket":
      return no("no-socket");
    case "refused":
    case "connect-timed-out":
      return { retry: true, costs: false };
    case "cut":
    case "invalid-response":
      if (!attempt.idempotent && attempt.anySent) return no("not-repeatable");
      if (attempt.anotherAnswers) return { retry: true, costs: false };
      return budget.available ? { retry: true, costs: true } : no("no-budget");
    case "head-timed-out":
    case "listed-status":
      if (!attempt.idempotent) return no("not-repeatable");
      return budget.available ? { retry: true, costs: true } : no("no-budget");
    default:
      return attempt.fault satisfies never;
  }
}

/** What there is to hope for when no other target may be asked. */
export type Outlook = "none" | "return" | "once-more";

/** See the last part of the essay above. */
export function outlookAfter(attempt: {
  readonly fault: AttemptFault;
  readonly idempotent: boolean;
  readonly bodyHeld: boolean;
  readonly anotherTarget: boolean;
  /** It has been given to a target that had cut it. */
  readonly repeated: boolean;
}): Outlook {
  if (!attempt.bodyHeld || attempt.anotherTarget) return "none";
  switch (attempt.fault) {
    case "refused":
    case "connect-timed-out":
      return "return";
    case "cut":
      return attempt.idempotent && !attempt.repeated ? "once-more" : "none";
    case "no-socket":
    case "invalid-response":
    case "head-timed-out":
    case "listed-status":
      return "none";
    default:
      return attempt.fault satisfies never;
  }
}

/**
 * Retries that may be in flight at once: 20 % of the requests in flight, at
 * least 3. With every target failing, targets see at most 1.2 times the load.
 */
export class RetryBudget {
  #retries = 0;
  #requests = 0;

  get available(): boolean {
    return this.#retries < Math.max(3, this.#requests * 0.2);
  }

  requestStarted(): void {
    this.#requests += 1;
  }

  requestEnded(): void {
    this.#requests -= 1;
  }

  retryStarted(): void {
    this.#retries += 1;
  }

  retryEnded(): void {
    this.#retries -= 1;
  }
}

/** RFC 9110 §9.2.2. An unknown method is not. */
export function isIdempotent(method: string): boolean {
  switch (method) {
    case "GET":
    case "HEAD":
    case "OPTIONS":
    case "PUT":
    case "DELETE":
    case "TRACE":
      return true;
    default:
      return false;
  }
}

/** No target appeared in time. */
export const NO_TARGET_ANSWER: OwnAnswer = {
  status: 503,
  error: "destination_unavailable",
  retryAfterS: 5,
};

/** Every target has been given as much as it may, and the queue or the wait was too long. */
export const NO_PLACE_ANSWER: OwnAnswer = {
  status: 503,
  error: "connection_limit_reached",
  retryAfterS: 5,
};

/** What the client is told when no target is left to try. */
export function failureAnswer(
  fault: AttemptFault,
  detail: string | undefined,
  nextHop: string | undefined,
): OwnAnswer {
  return {
    ...FAILURES[fault],
    details: detail ?? fault,
    ...(nextHop === undefined ? {} : { nextHop }),
  };
}

const FAILURES: Readonly<
  Record<AttemptFault, Pick<OwnAnswer, "status" | "error" | "retryAfterS">>
> = {
  refused: { status: 502, error: "connection_refused" },
  "no-socket": {
    status: 503,
    error: "connection_limit_reached",
    retryAfterS: 1,
  },
  "connect-timed-out": { status: 504, error: "connection_timeout" },
  cut: { status: 502, error: "connection_terminated" },
  "invalid-response": { status: 502, error: "http_protocol_error" },
  "head-timed-out": { status: 504, error: "http_response_timeout" },
  "listed-status": { status: 502, error: "http_response_incomplete" },
};
