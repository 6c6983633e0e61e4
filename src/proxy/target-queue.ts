import type { SharedCapacity } from "./shared-capacity.ts";
import type { Target } from "./target.ts";

/** A request that waits because every target has been given as much as it may. */
export interface QueuedRequest {
  /** Targets that will not be asked again. */
  readonly tried: readonly Target[];
  /** There may be a place: false when this request must go on waiting. */
  takeTurn(ticket: number): boolean;
}

/** Requests that want another target than those before them are let past these. */
const MAX_LOOKS = 8;

/**
 * The requests of one service that wait in one thread, in the order in which
 * they came. Those of other threads come in between by their tickets.
 */
export class TargetQueue {
  readonly #capacity: SharedCapacity;
  readonly #alarm: QueueAlarm;
  readonly #waiting = new Map<QueuedRequest, number>();
  #targets: readonly Target[] = [];
  #perTarget = 0;
  #isServing = false;

  constructor(capacity: SharedCapacity, alarm: QueueAlarm) {
    this.#capacity = capacity;
    this.#alarm = alarm;
  }

  get length(): number {
    return this.#waiting.size;
  }

  add(request: QueuedRequest): void {
    this.#alarm.watch(this);
    this.#waiting.set(request, this.#capacity.newTicket());
    if (this.#waiting.size <= MAX_LOOKS) this.#show();
    this.#serveSoon(); // a place may have become free in between
  }

  /** It waits no longer. */
  delete(request: QueuedRequest): void {
    if (this.#waiting.delete(request)) this.#moved();
  }

  /** Who there is, and how many requests each may be given, may have changed. */
  targetsChanged(targets: readonly Target[], perTarget: number): void {
    for (const target of this.#targets)
      if (!targets.includes(target)) this.#capacity.show(target.slot, 0);
    this.#targets = targets;
    this.#perTarget = perTarget;
    if (this.#waiting.size === 0) return;
    this.#show();
    this.#serveSoon();
  }

  /** Whether a target may not be given a request with this ticket; 0: none yet. */
  isFull({ slot }: Target, ticket: number): boolean {
    return !this.#hasPlace(slot) || this.#capacity.isAwaited(slot, ticket);
  }

  /** Takes a place; false when another thread was faster. */
  take({ slot }: Target): boolean {
    return this.#capacity.take(slot, this.#perTarget);
  }

  /** A request is over: its place is for who waits longest, in whatever thread. */
  free({ slot }: Target): void {
    this.#capacity.free(slot);
    const first = this.#capacity.firstInLine(slot);
    if (first === this.#capacity.column) this.#serveSoon();
    else if (first !== undefined) this.#capacity.wake(first);
  }

  /** Gives free places to those who wait. */
  serve(): void {
    let looks = 0;
    for (const [request, ticket] of this.#waiting) {
      if (request.takeTurn(ticket)) {
        this.#waiting.delete(request);
        this.#show();
      } else if (request.tried.length === 0 || ++looks === MAX_LOOKS) break;
    }
    this.#moved();
  }

  /** In a turn of its own: who frees a place is in the middle of something. */
  #serveSoon(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    queueMicrotask(() => {
      this.#isServing = false;
      this.serve();
    });
  }

  #hasPlace(slot: number): boolean {
    return (
      this.#perTarget === 0 || this.#capacity.given(slot) < this.#perTarget
    );
  }

  /** Who is first here has changed, and so perhaps who is first of all. */
  #moved(): void {
    this.#show();
    if (this.#waiting.size === 0) this.#alarm.forget(this);
    for (const { slot } of this.#targets) {
      if (!this.#hasPlace(slot)) continue;
      const first = this.#capacity.firstInLine(slot);
      if (first !== undefined && first !== this.#capacity.column)
        this.#capacity.wake(first);
    }
  }

  /** Shows at each target the ticket of the first request that wants it. */
  #show(): void {
    let unshown = this.#targets;
    let looks = 0;
    for (const [{ tried }, ticket] of this.#waiting) {
      if (unshown.length === 0 || ++looks > MAX_LOOKS) break;
      for (const target of unshown)
        if (!tried.includes(target)) this.#capacity.show(target.slot, ticket);
      unshown = unshown.filter((target) => tried.includes(target));
    }
    for (const { slot } of unshown) this.#capacity.show(slot, 0);
  }
}

/** Wakes the queues of one thread when another thread has freed a place. */
export class QueueAlarm {
  readonly #capacity: SharedCapacity;
  readonly #queues = new Set<TargetQueue>();
  #isArmed = false;

  constructor(capacity: SharedCapacity) {
    this.#capacity = capacity;
  }

  watch(queue: TargetQueue): void {
    this.#queues.add(queue);
    this.#arm();
  }

  forget(queue: TargetQueue): void {
    this.#queues.delete(queue);
  }

  /** Also called by the sweep, as the last resort. */
  serve(): void {
    for (const queue of this.#queues) queue.serve();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    void this.#capacity.woken(this.#capacity.wakeWord()).then(() => {
      this.#isArmed = false;
      if (this.#queues.size === 0) return;
      this.#arm(); // before the places are looked at
      this.serve();
    });
  }
}
