import type { RequestHead } from "../http/index.ts";
import type { FillHead, FillListener, StoredResponse } from "./types.ts";

/** One who waits for the answer to someone else's request. */
export interface Waiter {
  readonly request: RequestHead;
  readonly currentRelease: string | undefined;
  readonly listener: FillListener;
  hasHead: boolean;
  /** It may read on after the end. */
  reads: boolean;
}

/** Those who wait for one fill. A listener may leave, or add others, while it is called. */
export class Waiters {
  readonly #waiters = new Set<Waiter>();

  get count(): number {
    return this.#waiters.size;
  }

  add(waiter: Waiter): void {
    this.#waiters.add(waiter);
  }

  delete(waiter: Waiter): void {
    this.#waiters.delete(waiter);
  }

  /** Gives the head to those it serves; the others are refused and leave. */
  giveHead(head: FillHead, serves: (waiter: Waiter) => boolean): void {
    for (const waiter of this.#waiters) {
      if (waiter.hasHead) continue;
      if (serves(waiter)) {
        waiter.hasHead = true;
        waiter.listener.onHead(head);
      } else {
        this.#waiters.delete(waiter);
        waiter.listener.onRefused();
      }
    }
  }

  /** The end has come: those with a head may read on until they leave. Answers how many. */
  markReaders(): number {
    let readers = 0;
    for (const waiter of this.#waiters) {
      waiter.reads = waiter.hasHead;
      if (waiter.hasHead) readers += 1;
    }
    return readers;
  }

  data(): void {
    for (const waiter of this.#waiters)
      if (waiter.hasHead) waiter.listener.onData();
  }

  end(stored: StoredResponse | undefined): void {
    for (const waiter of this.#takeAll()) waiter.listener.onEnd(stored);
  }

  /** No body will come: those with a head are cut, the others ask themselves. */
  breakOff(): void {
    for (const { hasHead, listener } of this.#takeAll())
      if (hasHead) listener.onAborted();
      else listener.onRefused();
  }

  #takeAll(): readonly Waiter[] {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    return waiters;
  }
}
