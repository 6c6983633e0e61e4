import type { RequestHead } from "../http/index.ts";
import type { ClientFacts } from "./client-facts.ts";
import {
  type AttemptFault,
  decideRetry,
  isIdempotent,
  type Outlook,
  outlookAfter,
} from "./retry.ts";
import type { Service } from "./service.ts";
import type { Target } from "./target.ts";
import type { TargetFailure } from "./target-health.ts";
import type { Thread } from "./thread.ts";
import type {
  UpstreamConnection,
  UpstreamFault,
  UpstreamUser,
} from "./upstream-connection.ts";

/** Whose request it is. */
interface Client {
  readonly facts: ClientFacts;
}

/** More targets than this are not asked one after the other although each refuses. */
const MAX_REFUSALS = 16;

/**
 * The target's side of an exchange: the targets that one request has been given
 * to, the connection to the present one, and what repeating it has cost.
 */
export class Attempts {
  readonly isRepeatable: boolean;
  /** Of the present target; undefined between two, and when it is gone. */
  connection: UpstreamConnection | undefined;
  /** When the request left, or a piece of its content. */
  sentAtMs = 0;
  readonly #thread: Thread;
  readonly #service: Service;
  readonly #request: RequestHead;
  readonly #client: Client;
  readonly #hashKey: string;
  readonly #startedAtMs: number;
  #target: Target | undefined;
  #tried: Target[] = [];
  #count = 0;
  #refusals = 0;
  #repeated = false;
  #freshTried = false;
  #paid = 0;
  #probed = false;
  /** At a target that is given so many requests at most. */
  #hasPlace = false;
  /** Of the present answer: how long its head took, and no listed status. */
  #headMs = 0;
  #isGood = true;
  #isTunnel = false;

  // oxlint-disable-next-line eslint/max-params -- made for every request: no object for it
  constructor(
    thread: Thread,
    service: Service,
    request: RequestHead,
    client: Client,
    startedAtMs: number,
  ) {
    this.#thread = thread;
    this.#service = service;
    this.#request = request;
    this.#client = client;
    this.#hashKey = service.hashKey(request, client);
    this.#startedAtMs = startedAtMs;
    this.isRepeatable = isIdempotent(request.method);
    service.budget.requestStarted();
  }

  get target(): Target | undefined {
    return this.#target;
  }

  /** Of the last target asked; empty when none was. */
  get targetName(): string {
    return this.#tried.at(-1)?.name ?? "";
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

  /**
   * The next target, which the request counts as sent to; undefined without one
   * that may be given it. `ticket` as in {@link Service.choose}.
   */
  choose(fills: boolean, ticket: number): Target | undefined {
    const target = this.#service.choose({
      tried: this.#tried,
      key: this.#hashKey,
      fills,
      ticket,
    });
    if (target === undefined) return undefined;
    this.#hasPlace = this.#service.isCapped;
    this.#count += 1;
    this.#tried.push(target);
    this.#target = target;
    target.sent(this.#thread.coarseMs);
    return target;
  }

  /** A connection to `target`: open already, or `user` is told when it is. */
  connect(
    target: Target,
    user: UpstreamUser,
    fresh: boolean,
  ): UpstreamConnection {
    const { proxyProtocol } = this.#service.definition;
    return (this.connection = target.pool.take(user, {
      method: this.#request.method,
      repeatable: this.isRepeatable,
      fresh,
      introduction:
        proxyProtocol === "off"
          ? undefined
          : this.#client.facts.introduction(proxyProtocol),
    }));
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

  /**
   * Slow is not dead: the target is asked something simple, once, and `onDead`
   * is called where that fails too and the request still hangs on it.
   */
  probeSlow(onDead: () => void): void {
    const { connection } = this;
    const target = this.#target;
    if (this.#probed || target === undefined) return;
    this.#probed = true;
    void target.probe(this.#service).then((ok) => {
      if (!ok && this.connection === connection && connection !== undefined)
        onDead();
    });
  }

  /** The present target failed: that counts towards its ejection. */
  failed(failure: TargetFailure): void {
    if (this.#target !== undefined)
      this.#thread.targetFailed(this.#service, this.#target, failure);
  }

  /** Any target may be asked again: the request is another one, or the targets are. */
  forget(): void {
    this.#tried = [];
    this.#count = 0;
    this.#refusals = 0;
  }

  /** Whether another target is asked; pays for it where it must be paid for. */
  mayRetry(
    fault: AttemptFault,
    request: { readonly anySent: boolean; readonly bodyHeld: boolean },
  ): boolean {
    const { budget, definition } = this.#service;
    if (fault === "refused" && this.#refusals < MAX_REFUSALS)
      this.#refusals += 1;
    const decision = decideRetry(
      {
        ...request,
        idempotent: this.isRepeatable,
        fault,
        attempts: this.#count - this.#refusals,
        elapsedMs: performance.now() - this.#startedAtMs,
        anotherTarget: this.anotherTarget,
        anotherAnswers: this.#anotherAnswers,
      },
      { definition: definition.retry, budget },
    );
    if (!decision.retry) return false;
    this.#thread.totals.retries += 1;
    if (decision.costs) this.#pay();
    return true;
  }

  /** What to hope for when {@link mayRetry} says no. */
  outlook(fault: AttemptFault, bodyHeld: boolean): Outlook {
    return outlookAfter({
      fault,
      bodyHeld,
      idempotent: this.isRepeatable,
      anotherTarget: this.anotherTarget,
      repeated: this.#repeated,
    });
  }

  /** The only target has cut the request: whether it is alive all the same. */
  isAlive(): Promise<boolean> {
    this.#repeated = true;
    return this.#target?.probe(this.#service) ?? Promise.resolve(true);
  }

  /** A target that is alive may have the request once more, at this price. */
  payToRepeat(): boolean {
    const { budget } = this.#service;
    if (!budget.available) return false;
    this.#pay();
    return true;
  }

  #pay(): void {
    this.#paid += 1;
    this.#service.budget.retryStarted();
  }

  /** A final head has come. */
  headCame(isGood: boolean): void {
    this.#headMs = performance.now() - this.sentAtMs;
    this.#isGood = isGood;
  }

  /** The client will see the answer whose head came last. */
  countAnswered(): void {
    const target = this.#target;
    if (target === undefined) return;
    target.answered(this.#headMs, this.#isGood);
    this.#thread.targetAnswered(target);
  }

  /** The request has become a tunnel: answered, though it goes on. */
  upgraded(): void {
    this.headCame(true);
    this.countAnswered();
    this.#isTunnel = true;
    this.#target?.upgraded();
    this.#service.budget.requestEnded();
  }

  /** The request was not sent whole: nothing may follow it on its connection. */
  forbidReuse(): void {
    this.connection?.forbidReuse();
  }

  /** Lets go of the connection; a short rest of the answer is read away. */
  discard(): void {
    const { connection } = this;
    this.connection = undefined;
    connection?.discard();
  }

  /** Ends the connection, whatever it was doing. */
  destroy(): void {
    const { connection } = this;
    this.connection = undefined;
    connection?.destroy();
  }

  /** Takes leave of the present target. */
  leave(): void {
    this.#target?.settled();
    if (this.#hasPlace && this.#target !== undefined) {
      this.#hasPlace = false;
      this.#service.queue.free(this.#target);
    }
    this.#target = undefined;
  }

  /** The request is over. */
  end(): void {
    const { budget } = this.#service;
    if (this.#isTunnel) this.#target?.tunnelEnded();
    else budget.requestEnded();
    for (; this.#paid > 0; this.#paid--) budget.retryEnded();
    this.leave();
    this.connection = undefined;
  }
}
