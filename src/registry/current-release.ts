/**
 * Which release a service is at. The order of releases is that of their first
 * registration (the czxid of their nodes), not of their targets: an old replica
 * that comes back moves nothing, and a roll-back is complete when the newer
 * release's last target has left.
 */

/** What the choice looks at. */
export interface ReleaseSituation {
  /** Targets in rotation by the release they name; undefined: they name none. */
  readonly inRotation: ReadonlyMap<string | undefined, number>;
  /** The czxid of each release's node. */
  readonly releases: ReadonlyMap<string, bigint>;
  /** What was chosen last. */
  readonly current: string | undefined;
}

/**
 * The newest release that has a target in rotation; without any target the
 * last choice stays. Undefined: no target names one.
 */
export function chooseRelease(situation: ReleaseSituation): string | undefined {
  let chosen: string | undefined;
  let targets = 0;
  for (const [release, count] of situation.inRotation) {
    targets += count;
    if (release === undefined || count === 0) continue;
    if (chosen === undefined || isNewer(release, chosen, situation.releases))
      chosen = release;
  }
  return targets === 0 ? situation.current : chosen;
}

/**
 * What should be recorded as the current release with `rollout: cutover`: a
 * newer release that has `min` targets in rotation, or the newest one of all
 * when the recorded one has none left. Undefined: what is recorded stays.
 */
export function proposeCutover(
  situation: ReleaseSituation & {
    readonly recorded: string | undefined;
    readonly min: number;
  },
): string | undefined {
  const { recorded, min, releases, inRotation } = situation;
  const newest = chooseRelease({ ...situation, current: recorded });
  if (recorded === undefined || newest === undefined) return newest;
  if ((inRotation.get(recorded) ?? 0) === 0)
    return newest === recorded ? undefined : newest;
  const recordedCzxid = releases.get(recorded) ?? -1n;
  let proposed: string | undefined;
  let proposedCzxid = recordedCzxid;
  for (const [release, count] of inRotation) {
    if (release === undefined || count < min) continue;
    const czxid = releases.get(release) ?? -1n;
    if (czxid <= proposedCzxid) continue;
    proposed = release;
    proposedCzxid = czxid;
  }
  return proposed;
}

/** Releases without a node are the oldest; among them the name decides, for all proxies alike. */
function isNewer(
  a: string,
  b: string,
  releases: ReadonlyMap<string, bigint>,
): boolean {
  const first = releases.get(a) ?? -1n;
  const second = releases.get(b) ?? -1n;
  return first === second ? a > b : first > second;
}
