import { closeSession } from "./operations.ts";
import { type AnyRequest, Request } from "./request.ts";

const CLOSE_LIMIT_MS = 2_000;

/**
 * Asks the server to end the session. Servers answer in order, so the answer
 * comes after all others. Resolves with it, with the end of the connection or
 * when the time is up: whatever comes of it, the connection is closed next.
 */
export async function closeOnServer(
  send: (request: AnyRequest) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const options =
    signal === undefined ? { timeoutMs: CLOSE_LIMIT_MS } : { signal };
  const request = new Request(closeSession, undefined, undefined, options);
  send(request);
  try {
    await request.promise;
  } catch {
    // See above.
  }
}
