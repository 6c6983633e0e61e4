import type { ServiceDefinition } from "./definition.ts";

/**
 * `ready` and `suspect` targets get requests; a `draining` one gets none. A
 * suspect's node has vanished without a word: it is used while it answers.
 */
export type TargetState = "ready" | "draining" | "suspect";

/** One registered server of a service. */
export interface TargetView {
  readonly service: string;
  /** Unique within its service. */
  readonly name: string;
  /**
   * `<service>/<name>@<czxid in hex>`: the identity of one registration.
   * Connections to a target belong to it and die with it.
   */
  readonly registration: string;
  readonly czxid: bigint;
  readonly mzxid: bigint;
  /** `http://host:port` or `https://host:port`, as it was registered. */
  readonly url: string;
  /** Without brackets when it is an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** Set instead of `host` and `port` (which are then "" and 0). */
  readonly socketPath: string | undefined;
  /** Above 0; an operator's override wins over the target's own. */
  readonly weight: number;
  readonly release: string | undefined;
  readonly commit: string | undefined;
  readonly state: TargetState;
  /** Which server it is; survives restarts. */
  readonly server: string | undefined;
  /** Which process of that server it is. */
  readonly life: string | undefined;
  /** When it registered, in milliseconds since the epoch. */
  readonly sinceMs: number | undefined;
}

/** A service without its targets: the part of a change that concerns all of them. */
export interface ServiceHead {
  readonly name: string;
  /** Of the service's node; of two services that name one host the lower wins. */
  readonly czxid: bigint;
  readonly definition: ServiceDefinition;
  /** What a cached answer must belong to. Undefined: no target names a release. */
  readonly currentRelease: string | undefined;
}

/** A service with its targets by name. */
export interface ServiceView extends ServiceHead {
  readonly targets: ReadonlyMap<string, TargetView>;
}

/**
 * All services at one moment. Never changes: the next one shares what stayed
 * the same. Can be cloned into a worker.
 */
export interface Snapshot {
  readonly services: ReadonlyMap<string, ServiceView>;
  /** Everything that was written up to here is contained. */
  readonly appliedZxid: bigint;
  /** When the registry was last known to be as stated, since the epoch. */
  readonly confirmedAtMs: number;
}

/** Why a target left. The same words stand in logs and metrics. */
export type TargetGoneReason =
  /** It said `draining` before its node went. */
  | "drained"
  /** Its node vanished, and then a connection to it was refused. */
  | "refused"
  /** Its node vanished, and then a connection to it was cut. */
  | "cut"
  /** Its node vanished, and another registration names its address. */
  | "address-taken"
  /** Its node vanished longer ago than a suspect may stay. */
  | "suspect-too-long"
  /** An operator removed its service. */
  | "service-removed";

/**
 * One step from a snapshot to the next. `service` and `target` replace what
 * stands under the same name (a target with another `registration` is another
 * server process); a `service` precedes its targets; targets of a service stay
 * when its head is replaced, and leave with it on `service-gone`.
 */
export type SnapshotChange =
  | { readonly kind: "service"; readonly service: ServiceHead }
  | { readonly kind: "service-gone"; readonly name: string }
  | { readonly kind: "target"; readonly target: TargetView }
  | {
      readonly kind: "target-gone";
      readonly service: string;
      readonly name: string;
      readonly registration: string;
      readonly because: TargetGoneReason;
    };

/** The snapshot before anything is known. */
export const emptySnapshot: Snapshot = Object.freeze({
  services: new Map<string, ServiceView>(),
  appliedZxid: 0n,
  confirmedAtMs: 0,
});

/** The snapshot after `changes`; services that did not change are shared. */
export function applyChanges(
  snapshot: Snapshot,
  changes: readonly SnapshotChange[],
): Snapshot {
  if (changes.length === 0) return snapshot;
  const services = new Map(snapshot.services);
  const copied = new Set<string>();
  for (const change of changes) applyChange(services, copied, change);
  return { ...snapshot, services };
}

/** What leads from nothing to `snapshot`. */
export function changesOf(snapshot: Snapshot): SnapshotChange[] {
  const changes: SnapshotChange[] = [];
  for (const { targets, ...service } of snapshot.services.values()) {
    changes.push({ kind: "service", service });
    for (const target of targets.values())
      changes.push({ kind: "target", target });
  }
  return changes;
}

type Services = Map<string, ServiceView>;

function applyChange(
  services: Services,
  copied: Set<string>,
  change: SnapshotChange,
): void {
  switch (change.kind) {
    case "service": {
      const { name } = change.service;
      const targets = services.get(name)?.targets ?? new Map();
      services.set(name, { ...change.service, targets });
      return;
    }
    case "service-gone":
      services.delete(change.name);
      copied.delete(change.name);
      return;
    case "target":
      ownTargets(services, copied, change.target.service)?.set(
        change.target.name,
        change.target,
      );
      return;
    case "target-gone": {
      const targets = ownTargets(services, copied, change.service);
      if (targets?.get(change.name)?.registration === change.registration)
        targets.delete(change.name);
      return;
    }
    default:
      change satisfies never;
  }
}

/** The targets of a service in a map that belongs to the snapshot being made. */
function ownTargets(
  services: Services,
  copied: Set<string>,
  name: string,
): Map<string, TargetView> | undefined {
  const service = services.get(name);
  if (service === undefined) return undefined;
  if (copied.has(name)) return service.targets as Map<string, TargetView>; // made below, by us
  const targets = new Map(service.targets);
  services.set(name, { ...service, targets });
  copied.add(name);
  return targets;
}
