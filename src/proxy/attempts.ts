import { type AttemptFault, decideRetry } from "./retry.ts";
import type { Service } from "./service.ts";
import type { Target } from "./target.ts";
import type {
  UpstreamConnection,
  UpstreamFault,
} from "./upstream-connection.ts";

/** The targets one request has been given to, and what repeating it has cost. */
export class Attempts {
  readonly #service: Service;
  readonly #startedAtMs: number;
  #tried: Target[] = [];
  #count = 0;
  #freshTried = false;
  #paid = 0;

  constructor(service: Service, startedAtMs: number) {
    this.#service = service;
    this.#startedAtMs = startedAtMs;
    service.budget.requestStarted();
  }

  get tried(): readonly Target[] {
    return this.#tried;
  }

  get anotherTarget(): boolean {
    return this.#service.rotation.some((one) => !this.#tried.includes(one));
  }

  get #anotherAnswers(): boolean {
    return this.#service.rotation.some(
      (one) => !one.failing && !this.#tried.includes(one),
    );
  }

  begin(target: Target): void {
    this.#count += 1;
    this.#tried.push(target);
  }

  /**
   * The target closed an idle connection while our request was on its way: not
   * its failure. Once, the same target is asked over a new connection.
   */
  isKeepAliveRace(
    fault: UpstreamFault,
    connection: UpstreamConnection,
  ): boolean {
    if (this.#freshTried || fault !== "cut") return false;
    if (connection.uses <= 1 || connection.answerBegun) return false;
    this.#freshTried = true;
    return true;
  }

  /** Any target may be asked again: the request is another one now. */
  forget(): void {
    this.#tried = [];
  }

  /** Whether another target is asked; pays for it where it must be paid for. */
  mayRetry(
    fault: AttemptFault,
    request: {
      readonly idempotent: boolean;
      readonly anySent: boolean;
      readonly bodyHeld: boolean;
    },
  ): boolean {
    const { budget, definition } = this.#service;
    const decision = decideRetry(
      {
        ...request,
        fault,
        attempts: this.#count,
        elapsedMs: performance.now() - this.#startedAtMs,
        anotherTarget: this.anotherTarget,
        anotherAnswers: this.#anotherAnswers,
      },
      { definition: definition.retry, budget },
    );
    if (decision.retry && decision.costs) {
      this.#paid += 1;
      budget.retryStarted();
    }
    return decision.retry;
  }

  /** The request is over. */
  end(): void {
    const { budget } = this.#service;
    budget.requestEnded();
    for (; this.#paid > 0; this.#paid--) budget.retryEnded();
  }
}
