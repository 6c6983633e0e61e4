import { delay } from "../../src/base/index.ts";

/**
 * Asks until `check` no longer throws, for what no event announces (another
 * process's state); throws its last error when the time is over.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  withinMs = 10_000,
): Promise<T> {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await delay(25, { keepAlive: true });
    }
  }
}
