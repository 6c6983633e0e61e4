/*
 * Services and targets of a configuration file, laid over the registry's:
 *
 * - A service that only the file names is as the file says. It precedes every
 *   registered one that claims the same requests: its czxid is 0.
 * - Of a service that both name the file's definition wins, if it gives one;
 *   the targets of both answer, and of two of one name the file's.
 * - A deletion is a deregistration: what leaves the file leaves at once, and
 *   the requests in flight end by themselves.
 * - The current release is the registry's, else that which the file names.
 */
import { defaultDefinition } from "./definition-schema.ts";
import type {
  ServiceHead,
  ServiceView,
  Snapshot,
  SnapshotChange,
  TargetView,
} from "./snapshot.ts";
import type { StaticService, StaticTarget } from "./static-definition.ts";
import { registrationText, sameView } from "./target-entry.ts";
import { readTargetAddress } from "./target-record.ts";

const NO_ZXID = 0n;

interface Laid {
  readonly service: StaticService;
  readonly targets: ReadonlyMap<string, TargetView>;
}

/** The services of a file as they are now; see the top of this file. */
export class StaticServices {
  #services: ReadonlyMap<string, Laid> = new Map();

  constructor(services: readonly StaticService[] = []) {
    this.#services = lay(services);
  }

  get isEmpty(): boolean {
    return this.#services.size === 0;
  }

  /** The registry's snapshot with the file's services in it. */
  merge(snapshot: Snapshot): Snapshot {
    if (this.isEmpty) return snapshot;
    const services = new Map(snapshot.services);
    for (const [name, laid] of this.#services)
      services.set(name, mergedView(laid, snapshot.services.get(name)));
    return { ...snapshot, services };
  }

  /** What the registry's changes change in the merged snapshot. */
  changes(batch: readonly SnapshotChange[]): readonly SnapshotChange[] {
    if (this.isEmpty) return batch;
    return batch.flatMap((change) => this.#change(change));
  }

  /**
   * Replaces all services; answers what that changes in the merged snapshot,
   * `snapshot` being the registry's.
   */
  replace(
    services: readonly StaticService[],
    snapshot: Snapshot,
  ): readonly SnapshotChange[] {
    const before = this.#services;
    const after = lay(services);
    this.#services = after;
    return [...new Set([...before.keys(), ...after.keys()])].flatMap((name) => {
      const registered = snapshot.services.get(name);
      const view = (laid: Laid | undefined) =>
        laid === undefined ? registered : mergedView(laid, registered);
      return difference(view(before.get(name)), view(after.get(name)));
    });
  }

  #change(change: SnapshotChange): readonly SnapshotChange[] {
    switch (change.kind) {
      case "service": {
        const laid = this.#services.get(change.service.name);
        return laid === undefined
          ? [change]
          : [{ kind: "service", service: mergedHead(laid, change.service) }];
      }
      case "service-gone": {
        const laid = this.#services.get(change.name);
        return laid === undefined
          ? [change]
          : [change, ...difference(undefined, mergedView(laid, undefined))];
      }
      case "target":
      case "target-gone": {
        const { service, name } =
          change.kind === "target" ? change.target : change;
        const isHidden = this.#services.get(service)?.targets.has(name);
        return isHidden === true ? [] : [change];
      }
      default:
        return change satisfies never;
    }
  }
}

function lay(services: readonly StaticService[]): ReadonlyMap<string, Laid> {
  return new Map(
    services.map((service) => {
      const targets = new Map(
        service.targets.map((target) => [
          target.name,
          targetView(service.name, target),
        ]),
      );
      return [service.name, { service, targets }];
    }),
  );
}

function mergedHead(
  { service }: Laid,
  registered: ServiceHead | undefined,
): ServiceHead {
  const { definition, release } = service;
  return {
    name: service.name,
    czxid:
      definition === undefined && registered !== undefined
        ? registered.czxid
        : NO_ZXID,
    definition: definition ?? registered?.definition ?? defaultDefinition,
    currentRelease: registered?.currentRelease ?? release,
  };
}

function mergedView(
  laid: Laid,
  registered: ServiceView | undefined,
): ServiceView {
  return {
    ...mergedHead(laid, registered),
    targets: new Map([...(registered?.targets ?? []), ...laid.targets]),
  };
}

/** Such a target was never registered: its identity is its name alone. */
function targetView(service: string, target: StaticTarget): TargetView {
  const address = readTargetAddress(target.url);
  return {
    service,
    name: target.name,
    registration: registrationText(service, target.name, NO_ZXID),
    czxid: NO_ZXID,
    mzxid: NO_ZXID,
    url: target.url,
    host: address?.host ?? "",
    port: address?.port ?? 0,
    socketPath: address?.socketPath,
    weight: target.weight,
    release: target.release,
    commit: undefined,
    state: "ready",
    server: undefined,
    life: undefined,
    sinceMs: undefined,
  };
}

function difference(
  before: ServiceView | undefined,
  after: ServiceView | undefined,
): SnapshotChange[] {
  if (after === undefined)
    return before === undefined
      ? []
      : [{ kind: "service-gone", name: before.name }];
  const { targets, ...service } = after;
  const changes: SnapshotChange[] = [{ kind: "service", service }];
  for (const [name, { registration }] of before?.targets ?? [])
    if (!targets.has(name))
      changes.push({
        kind: "target-gone",
        service: service.name,
        name,
        registration,
        because: "drained",
      });
  for (const target of targets.values()) {
    const known = before?.targets.get(target.name);
    if (known === undefined || !isSame(known, target))
      changes.push({ kind: "target", target });
  }
  return changes;
}

function isSame(one: TargetView, other: TargetView): boolean {
  return (
    sameView(one, other) &&
    one.url === other.url &&
    one.release === other.release
  );
}
