import { chooseRelease, proposeCutover } from "./current-release.ts";
import type { ServiceDefinition } from "./definition.ts";
import { defaultDefinition, formatDefinition } from "./definition-schema.ts";
import type {
  ServiceHead,
  ServiceView,
  SnapshotChange,
  TargetGoneReason,
  TargetView,
} from "./snapshot.ts";
import { SuspectTable, type SuspectLimits } from "./suspects.ts";
import { sameView, viewOf, type TargetEntry } from "./target-entry.ts";
import type { TargetOverride } from "./target-record.ts";

/**
 * The czxid of a service whose node is gone, and whose definition stays: it
 * loses against every service that is there and names the same host.
 */
export const ABSENT_CZXID = 0x7fff_ffff_ffff_ffffn;

/** The release that should be recorded as the current one, by compare-and-set. */
export interface CutoverProposal {
  readonly service: string;
  readonly release: string;
  /** Version of the node to replace; undefined: there is none. */
  readonly version: number | undefined;
}

const defaultText = formatDefinition(defaultDefinition);

/**
 * One service while its znodes change. Owners change the parts and then call
 * {@link ServiceState.flush}, which answers how the snapshot moves on.
 */
export class ServiceState {
  readonly name: string;
  readonly suspects: SuspectTable;
  readonly targets = new Map<string, TargetEntry>();
  readonly #overrides = new Map<string, TargetOverride>();
  readonly #releases = new Map<string, bigint>();
  #czxid = ABSENT_CZXID;
  #presence: "present" | "loaded" | "absent" = "absent";
  #definition: ServiceDefinition | undefined;
  #definitionText = "";
  #removed = false;
  #recorded: { readonly release: string; readonly version: number } | undefined;
  /** What the snapshot holds. */
  #head: ServiceHead | undefined;
  readonly #views = new Map<string, TargetView>();
  readonly #inRotation = new Map<string | undefined, number>();
  readonly #dirty = new Set<string>();
  readonly #gone = new Map<string, TargetGoneReason>();

  constructor(name: string, limits: SuspectLimits) {
    this.name = name;
    this.suspects = new SuspectTable(limits);
  }

  get head(): ServiceHead | undefined {
    return this.#head;
  }

  get presence(): "present" | "loaded" | "absent" {
    return this.#presence;
  }

  /** Nothing is left of it, in the tree or in the snapshot. */
  get isNothing(): boolean {
    return (
      this.#presence === "absent" &&
      this.#head === undefined &&
      this.targets.size === 0 &&
      this.#releases.size === 0 &&
      this.#overrides.size === 0 &&
      this.#recorded === undefined
    );
  }

  /** Targets in rotation that are no suspects. */
  get readyTargets(): number {
    let ready = 0;
    for (const view of this.#views.values())
      if (view.state === "ready") ready += 1;
    return ready;
  }

  setCzxid(czxid: bigint): void {
    this.#czxid = czxid;
    this.#presence = "present";
  }

  /** The node is gone; a definition that was given stays in force. */
  setAbsent(): void {
    this.#czxid = ABSENT_CZXID;
    this.#presence = "absent";
    this.#removed = false;
  }

  /** `undefined`: an empty value, which leaves a given definition in force. */
  setDefinition(definition: ServiceDefinition | undefined): void {
    this.#removed = false;
    if (definition === undefined && this.#definition !== undefined) return;
    const next = definition ?? defaultDefinition;
    const text = formatDefinition(next);
    if (text === this.#definitionText) return;
    this.#definition = next;
    this.#definitionText = text;
  }

  setRemoved(): void {
    this.#removed = true;
    this.#definition = undefined;
    this.#definitionText = "";
  }

  setRelease(release: string, czxid: bigint | undefined): void {
    if (czxid === undefined) this.#releases.delete(release);
    else this.#releases.set(release, czxid);
  }

  setRecorded(
    recorded:
      { readonly release: string; readonly version: number } | undefined,
  ): void {
    this.#recorded = recorded;
  }

  setOverride(target: string, override: TargetOverride | undefined): void {
    if (override === undefined) this.#overrides.delete(target);
    else this.#overrides.set(target, override);
    this.#dirty.add(target);
  }

  /** Adds an entry, or says that it changed. */
  setTarget(entry: TargetEntry): void {
    this.targets.set(entry.name, entry);
    this.#gone.delete(entry.name);
    this.#dirty.add(entry.name);
  }

  deleteTarget(entry: TargetEntry, because: TargetGoneReason): void {
    this.suspects.delete(entry.registration);
    if (this.targets.get(entry.name) !== entry) return;
    this.targets.delete(entry.name);
    this.#gone.set(entry.name, because);
    this.#dirty.add(entry.name);
  }

  /** Whether requests are kept from it, by itself or by an operator. */
  isDraining(entry: TargetEntry): boolean {
    return viewOf(entry, this.#overrides.get(entry.name)).state === "draining";
  }

  /** Takes over what the last run knew. */
  load(view: ServiceView): void {
    this.#presence = "loaded";
    this.#czxid = view.czxid;
    this.setDefinition(view.definition);
    this.#head = headOf(view);
  }

  /** From what the snapshot holds to what it should hold; empties what is new. */
  flush(): SnapshotChange[] {
    if (!this.#isInForce()) return this.#leave();
    if (this.#head === undefined)
      for (const name of this.targets.keys()) this.#dirty.add(name);
    const targets = this.#flushTargets();
    const head = this.#nextHead();
    if (this.#head !== undefined && sameHead(head, this.#head)) return targets;
    this.#head = head;
    return [{ kind: "service", service: head }, ...targets];
  }

  /** Asked after {@link ServiceState.flush}. */
  cutover(): CutoverProposal | undefined {
    const head = this.#head;
    if (head === undefined || head.definition.rollout.mode !== "cutover")
      return undefined;
    const release = proposeCutover({
      inRotation: this.#inRotation,
      releases: this.#releases,
      current: head.currentRelease,
      recorded: this.#recorded?.release,
      min: head.definition.rollout.min,
    });
    if (release === undefined) return undefined;
    return { service: this.name, release, version: this.#recorded?.version };
  }

  /** A service that nobody defined goes with its node and its last target. */
  #isInForce(): boolean {
    if (this.#removed || this.#definition === undefined) return false;
    if (this.#presence !== "absent") return true;
    return this.targets.size > 0 || this.#definitionText !== defaultText;
  }

  #leave(): SnapshotChange[] {
    this.#dirty.clear();
    this.#gone.clear();
    this.#inRotation.clear();
    if (this.#presence === "absent") {
      this.#definition = undefined;
      this.#definitionText = "";
    }
    if (this.#head === undefined) return [];
    this.#head = undefined;
    const changes: SnapshotChange[] = [...this.#views.values()].map((view) =>
      goneChange(view, "service-removed"),
    );
    this.#views.clear();
    return [...changes, { kind: "service-gone", name: this.name }];
  }

  #flushTargets(): SnapshotChange[] {
    const changes: SnapshotChange[] = [];
    for (const name of this.#dirty) {
      const known = this.#views.get(name);
      const entry = this.targets.get(name);
      if (entry === undefined) {
        if (known === undefined) continue;
        this.#views.delete(name);
        this.#countRotation(known, -1);
        changes.push(goneChange(known, this.#gone.get(name) ?? "drained"));
        continue;
      }
      const view = viewOf(entry, this.#overrides.get(name));
      if (known !== undefined && sameView(known, view)) continue;
      this.#views.set(name, view);
      if (known !== undefined) this.#countRotation(known, -1);
      this.#countRotation(view, 1);
      changes.push({ kind: "target", target: view });
    }
    this.#dirty.clear();
    this.#gone.clear();
    return changes;
  }

  #countRotation(view: TargetView, by: 1 | -1): void {
    if (view.state !== "ready") return;
    const count = (this.#inRotation.get(view.release) ?? 0) + by;
    if (count === 0) this.#inRotation.delete(view.release);
    else this.#inRotation.set(view.release, count);
  }

  #nextHead(): ServiceHead {
    const definition = this.#definition ?? defaultDefinition;
    return {
      name: this.name,
      czxid: this.#czxid,
      definition,
      currentRelease: this.#nextRelease(definition),
    };
  }

  #nextRelease(definition: ServiceDefinition): string | undefined {
    const current = this.#head?.currentRelease;
    // The order of the releases is known only from the tree.
    if (this.#presence === "loaded") return current;
    if (definition.rollout.mode === "cutover" && this.#recorded !== undefined)
      return this.#recorded.release;
    return chooseRelease({
      inRotation: this.#inRotation,
      releases: this.#releases,
      current,
    });
  }
}

function headOf(view: ServiceView): ServiceHead {
  const { targets: _targets, ...head } = view;
  return head;
}

function sameHead(a: ServiceHead, b: ServiceHead): boolean {
  return (
    a.czxid === b.czxid &&
    a.definition === b.definition &&
    a.currentRelease === b.currentRelease
  );
}

function goneChange(
  view: TargetView,
  because: TargetGoneReason,
): SnapshotChange {
  return {
    kind: "target-gone",
    service: view.service,
    name: view.name,
    registration: view.registration,
    because,
  };
}
