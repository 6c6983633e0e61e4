import { systemClock, type Clock } from "./clock.ts";

/**
 * Settles as `promise` does, or rejects with `signal.reason` as soon as the
 * signal fires. The listener is removed on every settlement. What the promise
 * does after an abort is ignored.
 */
export function abortable<T>(
  promise: PromiseLike<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return Promise.resolve(promise);
  return new Promise<T>((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) {
      promise.then(undefined, () => {});
      onAbort();
      return;
    }
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}

/**
 * Resolves `delayMs` from now; rejects with `signal.reason` when the signal
 * fires first. Does not keep the process alive unless told to.
 */
export function delay(
  delayMs: number,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly clock?: Clock;
    readonly keepAlive?: boolean;
  } = {},
): Promise<void> {
  const { signal, clock = systemClock, keepAlive = false } = options;
  return new Promise<void>((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.after(
      delayMs,
      () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
      { keepAlive },
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** Whether `error` is the reason with which `signal` was aborted. */
export function isAbortOf(
  error: unknown,
  signal: AbortSignal | undefined,
): boolean {
  return signal?.aborted === true && error === signal.reason;
}
