import type { ReleaseNumbers, Snapshot } from "../registry/index.ts";

/**
 * For each service and release, how many targets are ready, and how many of
 * them answer: what other proxies and operators read of this one.
 */
export function releaseNumbers(
  snapshot: Snapshot,
  ejected: ReadonlySet<string>,
): ReleaseNumbers {
  const numbers: Record<
    string,
    Record<string, { ready: number; healthy: number }>
  > = {};
  for (const service of snapshot.services.values()) {
    const ofService: Record<string, { ready: number; healthy: number }> = {};
    for (const target of service.targets.values()) {
      if (target.state !== "ready" || target.release === undefined) continue;
      const entry = (ofService[target.release] ??= { ready: 0, healthy: 0 });
      entry.ready += 1;
      if (!ejected.has(target.registration)) entry.healthy += 1;
    }
    if (Object.keys(ofService).length > 0) numbers[service.name] = ofService;
  }
  return numbers;
}
