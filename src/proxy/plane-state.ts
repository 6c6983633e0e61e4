import type {
  HealthDefinition,
  ServiceHead,
  Snapshot,
  SnapshotChange,
  TargetView,
} from "../registry/index.ts";
import type { SharedCounters } from "./shared-counters.ts";
import { type HealthState, newHealth } from "./target-health.ts";
import type { AssignedChange } from "./worker-messages.ts";

/** One registration as the main thread sees it. */
export interface PlaneTarget {
  view: TargetView;
  readonly slot: number;
  /** What the slot showed when it was handed out. */
  readonly answeredBefore: number;
  health: HealthState;
  /** Correction by the counts of other proxies; see `correctScores`. */
  counted: Counted | undefined;
  /** The change after which it gets no request, while its drain is watched. */
  drainingSince: number | undefined;
}

interface Counted {
  requests: number;
  others: number;
  ownScore: number;
}

interface PlaneService {
  head: ServiceHead;
  readonly targets: Map<string, PlaneTarget>;
}

interface RetiredSlot {
  readonly slot: number;
  readonly sequence: number;
  readonly fold: () => void;
}

/**
 * The main thread's books: which registration has which slot, what each score
 * starts at, what was answered by targets that are gone.
 */
export class PlaneState {
  readonly services = new Map<string, PlaneService>();
  readonly #counters: SharedCounters;
  readonly #free: number[];
  readonly #byRegistration = new Map<string, PlaneTarget>();
  /** Slots of targets that are gone, until no worker counts in them. */
  #retired: RetiredSlot[] = [];
  /** Answered by targets that are gone, by service and name. */
  readonly #answeredByGone = new Map<string, Map<string, number>>();
  sequence = 0;

  constructor(counters: SharedCounters, slots: number) {
    this.#counters = counters;
    this.#free = Array.from({ length: slots }, (_, index) => slots - 1 - index);
  }

  target(registration: string): PlaneTarget | undefined {
    return this.#byRegistration.get(registration);
  }

  targets(): Iterable<PlaneTarget> {
    return this.#byRegistration.values();
  }

  healthOf(target: PlaneTarget): HealthDefinition | undefined {
    return this.services.get(target.view.service)?.head.definition.health;
  }

  /**
   * Takes changes in and answers what the workers are to be told; targets for
   * which there is no slot are left out and named in `refused`.
   */
  apply(changes: readonly SnapshotChange[]): {
    readonly changes: AssignedChange[];
    readonly refused: readonly TargetView[];
  } {
    this.sequence += 1;
    const refused: TargetView[] = [];
    const assigned: AssignedChange[] = [];
    for (const change of changes) {
      const one = this.#applyOne(change, refused);
      if (one !== undefined) assigned.push(one);
    }
    return { changes: assigned, refused };
  }

  /** What leads from the present state to `snapshot`. */
  changesTo(snapshot: Snapshot): SnapshotChange[] {
    const changes: SnapshotChange[] = [];
    for (const name of this.services.keys())
      if (!snapshot.services.has(name))
        changes.push({ kind: "service-gone", name });
    for (const { targets, ...head } of snapshot.services.values()) {
      changes.push({ kind: "service", service: head });
      const known = this.services.get(head.name)?.targets;
      for (const { view } of known?.values() ?? [])
        if (!targets.has(view.name))
          changes.push({
            kind: "target-gone",
            service: head.name,
            name: view.name,
            registration: view.registration,
            because: "drained",
          });
      for (const target of targets.values())
        changes.push({ kind: "target", target });
    }
    return changes;
  }

  /** Everything, for a worker that starts now. */
  wholeState(): AssignedChange[] {
    const changes: AssignedChange[] = [];
    for (const { head, targets } of this.services.values()) {
      changes.push({ kind: "service", service: head });
      for (const { view, slot } of targets.values())
        changes.push({ kind: "target", target: view, slot, newcomer: false });
    }
    return changes;
  }

  /** Slots come back once every worker has let go of them. */
  reclaim(acknowledgedByAll: number): void {
    this.#retired = this.#retired.filter(({ slot, sequence, fold }) => {
      if (sequence > acknowledgedByAll || this.#counters.inFlight(slot) > 0)
        return true;
      fold();
      this.#free.push(slot);
      return false;
    });
  }

  /** Answered since the start, by target; never falls. */
  *countTotals(): Generator<{
    readonly service: string;
    readonly target: string;
    readonly answered: number;
  }> {
    const totals = new Map<string, Map<string, number>>();
    const add = (service: string, target: string, answered: number) => {
      const ofService = totals.get(service) ?? new Map<string, number>();
      totals.set(service, ofService);
      ofService.set(target, (ofService.get(target) ?? 0) + answered);
    };
    for (const [service, targets] of this.#answeredByGone)
      for (const [target, answered] of targets) add(service, target, answered);
    for (const target of this.#byRegistration.values())
      add(target.view.service, target.view.name, this.#answered(target));
    for (const { service, name, answered } of this.#retiredAnswers())
      add(service, name, answered());
    for (const [service, targets] of totals)
      for (const [target, answered] of targets)
        yield { service, target, answered };
  }

  /**
   * The counts of all proxies have been read. Since the last time each request
   * of ours stood for `liveProxies` requests; what the others really sent takes
   * the place of that assumption.
   */
  correctScores(
    counts: readonly {
      readonly service: string;
      readonly target: string;
      readonly requests: number;
    }[],
    liveProxies: number,
  ): void {
    const counters = this.#counters;
    const assumedLive = counters.liveProxies;
    const owns = new Map<string, number>();
    for (const { service, target, answered } of this.countTotals())
      owns.set(`${service}\n${target}`, answered);
    for (const { service, target: name, requests } of counts) {
      const target = this.services.get(service)?.targets.get(name);
      if (target === undefined) continue;
      const own = owns.get(`${service}\n${name}`) ?? 0;
      const ownScore = counters.workerScore(target.slot);
      const others = requests - own;
      const last = target.counted;
      target.counted = { requests, others, ownScore };
      // First sight, or counts that begin anew: nothing to compare with.
      if (last === undefined || requests < last.requests) continue;
      const assumed =
        ((ownScore - last.ownScore) * (assumedLive - 1)) / assumedLive;
      const real = (others - last.others) / target.view.weight;
      if (real !== assumed) counters.adjustScore(target.slot, real - assumed);
    }
    counters.liveProxies = liveProxies;
  }

  /** A target is in rotation again: what it missed is forgotten. */
  levelScore(target: PlaneTarget): void {
    const lowest = this.#lowestScore(target.view.service, target);
    const score = this.#counters.score(target.slot);
    if (lowest !== undefined && lowest > score)
      this.#counters.adjustScore(target.slot, lowest - score);
  }

  #applyOne(
    change: SnapshotChange,
    refused: TargetView[],
  ): AssignedChange | undefined {
    switch (change.kind) {
      case "service": {
        const known = this.services.get(change.service.name);
        if (known === undefined)
          this.services.set(change.service.name, {
            head: change.service,
            targets: new Map(),
          });
        else known.head = change.service;
        return change;
      }
      case "service-gone": {
        const known = this.services.get(change.name);
        for (const target of known?.targets.values() ?? [])
          this.#retire(target);
        this.services.delete(change.name);
        return change;
      }
      case "target":
        return this.#applyTarget(change.target, refused);
      case "target-gone": {
        const targets = this.services.get(change.service)?.targets;
        const target = targets?.get(change.name);
        if (target?.view.registration !== change.registration) return undefined;
        targets?.delete(change.name);
        this.#retire(target);
        return change;
      }
      default:
        return change satisfies never;
    }
  }

  #applyTarget(
    view: TargetView,
    refused: TargetView[],
  ): AssignedChange | undefined {
    const targets = this.services.get(view.service)?.targets;
    if (targets === undefined) return undefined;
    const known = targets.get(view.name);
    if (known !== undefined && isSame(known.view, view)) {
      const returns =
        known.view.state === "draining" && view.state !== "draining";
      known.view = view;
      if (returns) this.levelScore(known);
      known.drainingSince = this.#drainOf(view, known);
      return {
        kind: "target",
        target: view,
        slot: known.slot,
        newcomer: false,
      };
    }
    if (known !== undefined) {
      targets.delete(view.name);
      this.#retire(known);
    }
    const slot = this.#free.pop();
    if (slot === undefined) {
      refused.push(view);
      return undefined;
    }
    const lowest = this.#lowestScore(view.service, undefined);
    this.#counters.restore(slot);
    this.#counters.adjustScore(
      slot,
      (lowest ?? 0) - this.#counters.score(slot),
    );
    const target: PlaneTarget = {
      view,
      slot,
      answeredBefore: this.#counters.answeredTotal(slot),
      health: newHealth(performance.now()),
      counted: undefined,
      drainingSince: this.#drainOf(view, undefined),
    };
    targets.set(view.name, target);
    this.#byRegistration.set(view.registration, target);
    return {
      kind: "target",
      target: view,
      slot,
      newcomer: lowest !== undefined,
    };
  }

  #drainOf(
    view: TargetView,
    known: PlaneTarget | undefined,
  ): number | undefined {
    if (view.state !== "draining") return undefined;
    return known?.drainingSince ?? this.sequence;
  }

  #retire(target: PlaneTarget): void {
    const { view, slot } = target;
    this.#byRegistration.delete(view.registration);
    const answered = () => this.#answered(target);
    this.#leaving.set(slot, {
      service: view.service,
      name: view.name,
      answered,
    });
    this.#retired.push({
      slot,
      sequence: this.sequence,
      fold: () => {
        this.#leaving.delete(slot);
        const ofService =
          this.#answeredByGone.get(view.service) ?? new Map<string, number>();
        this.#answeredByGone.set(view.service, ofService);
        ofService.set(view.name, (ofService.get(view.name) ?? 0) + answered());
      },
    });
  }

  readonly #leaving = new Map<
    number,
    {
      readonly service: string;
      readonly name: string;
      readonly answered: () => number;
    }
  >();

  #retiredAnswers() {
    return this.#leaving.values();
  }

  #answered(target: PlaneTarget): number {
    return this.#counters.answeredTotal(target.slot) - target.answeredBefore;
  }

  /** Of those in rotation; undefined when none is. */
  #lowestScore(
    service: string,
    except: PlaneTarget | undefined,
  ): number | undefined {
    let lowest: number | undefined;
    for (const target of this.services.get(service)?.targets.values() ?? []) {
      if (target === except || target.view.state === "draining") continue;
      if (this.#counters.ejection(target.slot) !== 0) continue;
      const score = this.#counters.score(target.slot);
      if (lowest === undefined || score < lowest) lowest = score;
    }
    return lowest;
  }
}

/** The same process under the same release: its connections stay. */
function isSame(one: TargetView, other: TargetView): boolean {
  return (
    one.registration === other.registration &&
    one.release === other.release &&
    one.host === other.host &&
    one.port === other.port &&
    one.socketPath === other.socketPath
  );
}
