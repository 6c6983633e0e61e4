import type { ServiceHead } from "./snapshot.ts";

/** Two services claim one host and path; `winner` gets the requests. */
export interface HostConflict {
  /** Undefined: both name no host, and so claim all that nobody names. */
  readonly host: string | undefined;
  readonly path: string;
  readonly winner: string;
  readonly loser: string;
}

/** The order in which services that claim the same host are preferred. */
export function compareServices(
  a: Pick<ServiceHead, "czxid" | "name">,
  b: Pick<ServiceHead, "czxid" | "name">,
): number {
  if (a.czxid !== b.czxid) return a.czxid < b.czxid ? -1 : 1;
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** Every claim that an older service (by czxid) has already made. */
export function findHostConflicts(
  services: Iterable<ServiceHead>,
): HostConflict[] {
  const winners = new Map<string, string>();
  const conflicts: HostConflict[] = [];
  for (const { name, definition } of [...services].sort(compareServices)) {
    const { hosts, path } = definition;
    for (const host of hosts.length === 0 ? [undefined] : hosts) {
      const claim = `${host ?? "*"} ${path}`;
      const winner = winners.get(claim);
      if (winner === undefined) winners.set(claim, name);
      else conflicts.push({ host, path, winner, loser: name });
    }
  }
  return conflicts;
}
