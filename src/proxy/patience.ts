import type { Attempts } from "./attempts.ts";
import type { OwnAnswer } from "./own-answer.ts";
import { NO_PLACE_ANSWER } from "./retry.ts";
import type { Service, Waiter } from "./service.ts";
import type { Target } from "./target.ts";
import type { QueuedRequest } from "./target-queue.ts";

/** Whose waiting it is. */
export interface Patient {
  /** Asks the next target, or waits on. */
  attempt(): void;
  /** The same with a ticket of the queue; false while no target has a place. */
  takePlace(ticket: number): boolean;
  /** The wait was in vain. */
  fail(answer: OwnAnswer): void;
  /** Writes what has been put together. */
  flush(): void;
}

/**
 * One request's waiting for a target, made when it first has to wait. All waits
 * of one request together last as long as the first may.
 */
export class Patience implements Waiter, QueuedRequest {
  readonly #patient: Patient;
  readonly #service: Service;
  readonly #attempts: Attempts;
  readonly #maxWaiting: number;
  #answer: OwnAnswer = NO_PLACE_ANSWER;
  #untilMs = Infinity;
  #waits = false;

  constructor(
    patient: Patient,
    options: {
      readonly service: Service;
      readonly attempts: Attempts;
      readonly maxWaiting: number;
    },
  ) {
    this.#patient = patient;
    this.#service = options.service;
    this.#attempts = options.attempts;
    this.#maxWaiting = options.maxWaiting;
  }

  get tried(): readonly Target[] {
    return this.#attempts.tried;
  }

  /** Waits for a target to appear; `answer` is given when none does in time. */
  forTarget(answer: OwnAnswer): void {
    const service = this.#service;
    if (
      !this.#begin(answer, service.definition.retry.waitMs) ||
      service.waiting >= this.#maxWaiting
    )
      this.#fail();
    else service.wait(this);
  }

  /** Waits while every target refuses, unless one has come back in this moment. */
  forReturn(answer: OwnAnswer): void {
    if (this.#service.everyTargetRefuses()) this.forTarget(answer);
    else if (this.#begin(answer, this.#service.definition.retry.waitMs))
      this.#tryAgain();
    else this.#fail();
  }

  /** Waits to hear whether the only target is alive; of a dead one there will be another, if any. */
  forOnceMore(isAlive: Promise<boolean>, answer: OwnAnswer): void {
    if (!this.#begin(answer, this.#service.definition.retry.waitMs)) {
      this.#fail();
      return;
    }
    void isAlive.then((alive) => {
      if (!this.#waits) return;
      if (!alive || this.#attempts.payToRepeat()) this.#tryAgain();
      else this.#fail();
      this.#patient.flush();
    });
  }

  /** Waits while every target has been given as much as it may. */
  forPlace(): void {
    const { queue } = this.#service;
    const { queue: maxQueued, queueMs } = this.#service.definition.capacity;
    if (!this.#begin(NO_PLACE_ANSWER, queueMs) || queue.length >= maxQueued)
      this.#fail();
    else queue.add(this);
  }

  /** There may be a target now. */
  retryChoice(): void {
    if (!this.#waits) return;
    this.#tryAgain();
    this.#patient.flush();
  }

  takeTurn(ticket: number): boolean {
    if (this.#waits) {
      if (!this.#attempts.anotherTarget) this.#tryAgain();
      else if (this.#patient.takePlace(ticket)) this.#waits = false;
      else return false;
      this.#patient.flush();
    }
    return true;
  }

  sweep(nowMs: number): void {
    if (this.#waits && nowMs >= this.#untilMs) this.#fail();
  }

  /** The request is over. */
  stop(): void {
    this.#waits = false;
    this.#service.stopWaiting(this);
    this.#service.queue.delete(this);
  }

  #begin(answer: OwnAnswer, waitMs: number): boolean {
    const nowMs = performance.now();
    this.#answer = answer;
    if (this.#untilMs === Infinity) this.#untilMs = nowMs + waitMs;
    this.#waits = nowMs < this.#untilMs;
    return this.#waits;
  }

  #tryAgain(): void {
    this.#waits = false;
    this.#patient.attempt();
  }

  #fail(): void {
    this.stop();
    this.#patient.fail(this.#answer);
  }
}
