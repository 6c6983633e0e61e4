/**
 * Why a client is not served: the word in metrics, in `Proxy-Status` and in the
 * documentation. A status of 0 stands for a connection that is closed, or cut in
 * the middle of an answer.
 */
export const REFUSALS = {
  /** Its network is not let in: no byte of it was read. */
  denied: { status: 0 },
  "too-many-connections": { status: 0 },
  "too-many-from-address": { status: 0 },
  "connecting-too-fast": { status: 0 },
  /** By the proxy's own lists, behind a trusted proxy. */
  "client-denied": { status: 403 },
  "service-denied": { status: 403 },
  "asking-too-fast": { status: 429 },
  "service-asking-too-fast": { status: 429 },
  "head-too-slow": { status: 408 },
  /** Its content comes too slowly; a cut where the answer has begun. */
  "sending-too-slow": { status: 408 },
  "reading-too-slow": { status: 0 },
} as const satisfies Readonly<Record<string, { readonly status: number }>>;

export type Refusal = keyof typeof REFUSALS;

export type RefusalCounts = Record<Refusal, number>;

export function noRefusals(): RefusalCounts {
  const names = Object.keys(REFUSALS) as Refusal[]; // of a literal
  return Object.fromEntries(names.map((name) => [name, 0])) as RefusalCounts;
}
