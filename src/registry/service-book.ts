import type { Journal } from "../base/index.ts";
import { ConflictReport } from "./conflict-report.ts";
import { readServicesPath, SERVICES } from "./layout.ts";
import { Problems } from "./problems.ts";
import { parseCurrent } from "./current-record.ts";
import { parseDefinition } from "./definition-schema.ts";
import type { Parsed } from "./parse-json.ts";
import { type CutoverProposal, ServiceState } from "./service-state.ts";
import type {
  ServiceHead,
  Snapshot,
  SnapshotChange,
  TargetGoneReason,
} from "./snapshot.ts";
import {
  defaultSuspectLimits,
  type SuspectLimits,
  type TargetOutcome,
} from "./suspects.ts";
import {
  recordOf,
  registrationText,
  type TargetEntry,
} from "./target-entry.ts";
import { TargetIndex } from "./target-index.ts";
import { parseOverride, parseTargetRecord } from "./target-record.ts";

/** A znode below `/services`, as far as the book reads it. */
export interface BookNode {
  readonly data: Uint8Array | null;
  readonly stat: {
    readonly czxid: bigint;
    readonly mzxid: bigint;
    readonly version: number;
  };
}

/** What a mirror of `/services` tells; paths are relative to it. */
export type BookChange =
  | { readonly kind: "set"; readonly path: string; readonly node: BookNode }
  | { readonly kind: "deleted"; readonly path: string; readonly node: BookNode }
  | { readonly kind: "synced"; readonly newTree: boolean };

export interface ServiceBookOptions {
  readonly journal: Journal;
  readonly limits?: SuspectLimits;
}

/**
 * A server that is killed refuses at once, and its node goes when its session
 * does: a refusal within this many session timeouts before belongs to its end.
 */
const FAILURE_WINDOWS = 1.5;

/**
 * From changed znodes to changed snapshots: everything that the registry
 * decides, without a socket or a clock. Work is in proportion to the change.
 *
 * Until the first `synced` nothing is told: a tree that is half read is not one.
 */
export class ServiceBook {
  readonly problems: Problems;
  readonly #conflicts: ConflictReport;
  readonly #journal: Journal;
  readonly #limits: SuspectLimits;
  readonly #services = new Map<string, ServiceState>();
  readonly #index = new TargetIndex();
  readonly #dirty = new Set<ServiceState>();
  #synced = false;

  constructor(options: ServiceBookOptions) {
    this.#journal = options.journal;
    this.#limits = options.limits ?? defaultSuspectLimits;
    this.problems = new Problems(options.journal);
    this.#conflicts = new ConflictReport(this.problems);
  }

  /** Takes over what the last run knew; before anything else. */
  load(snapshot: Snapshot, nowMs: number): SnapshotChange[] {
    for (const view of snapshot.services.values()) {
      const state = this.#state(view.name);
      state.load(view);
      for (const target of view.targets.values()) {
        const entry: TargetEntry = {
          service: target.service,
          name: target.name,
          registration: target.registration,
          czxid: target.czxid,
          mzxid: target.mzxid,
          record: recordOf(target),
          presence: target.state === "suspect" ? "suspect" : "loaded",
          failure: undefined,
        };
        this.#addEntry(state, entry);
        if (entry.presence === "suspect")
          state.suspects.add(entry.registration, nowMs);
      }
    }
    const heads = [...snapshot.services.values()].map(
      ({ targets: _targets, ...service }): SnapshotChange => ({
        kind: "service",
        service,
      }),
    );
    return [...heads, ...this.#flush()];
  }

  /** One batch of a mirror. */
  apply(changes: readonly BookChange[], nowMs: number): SnapshotChange[] {
    const newTree = changes.some(
      (change) => change.kind === "synced" && change.newTree,
    );
    const vanished = new Set<TargetEntry>();
    for (const change of changes) {
      switch (change.kind) {
        case "set":
          this.#set(change.path, change.node, vanished);
          break;
        case "deleted":
          this.#delete(change.path, change.node, vanished);
          break;
        case "synced":
          if (!this.#synced) this.#firstSync(vanished);
          this.#synced = true;
          break;
        default:
          change satisfies never;
      }
    }
    this.#settleVanished(vanished, { newTree, nowMs });
    return this.#synced ? this.#flush() : [];
  }

  /** What the data plane saw of a registration. */
  report(
    registration: string,
    outcome: TargetOutcome,
    nowMs: number,
  ): SnapshotChange[] {
    const entry = this.#index.get(registration);
    if (entry === undefined) return [];
    entry.failure =
      outcome === "answered" ? undefined : { outcome, atMs: nowMs };
    const { suspects } = this.#state(entry.service);
    const verdict = suspects.report(registration, outcome, nowMs);
    if (outcome === "answered" || verdict === "stays") return [];
    this.#remove(entry, outcome);
    return this.#flush();
  }

  /** Lets those suspects go whose time is over. */
  tick(nowMs: number): SnapshotChange[] {
    for (const state of this.#services.values()) {
      if ((state.suspects.nextDueMs() ?? Infinity) > nowMs) continue;
      for (const registration of state.suspects.due(
        state.readyTargets,
        nowMs,
      )) {
        const entry = this.#index.get(registration);
        if (entry !== undefined) this.#remove(entry, "suspect-too-long");
      }
    }
    return this.#flush();
  }

  /** When {@link ServiceBook.tick} has something to do. */
  nextDueMs(): number | undefined {
    let next: number | undefined;
    for (const { suspects } of this.#services.values()) {
      const dueMs = suspects.nextDueMs();
      if (dueMs !== undefined && (next === undefined || dueMs < next))
        next = dueMs;
    }
    return next;
  }

  /** How many suspects there are, and how many of them are held. */
  suspects(): { readonly all: number; readonly held: number } {
    let all = 0;
    let held = 0;
    for (const { suspects, targets } of this.#services.values()) {
      if (suspects.size === 0) continue;
      all += suspects.size;
      for (const { registration } of targets.values())
        if (suspects.get(registration)?.held === true) held += 1;
    }
    return { all, held };
  }

  cutovers(): CutoverProposal[] {
    const proposals: CutoverProposal[] = [];
    for (const state of this.#services.values()) {
      const proposal = state.cutover();
      if (proposal !== undefined) proposals.push(proposal);
    }
    return proposals;
  }

  #state(name: string): ServiceState {
    let state = this.#services.get(name);
    if (state === undefined) {
      state = new ServiceState(name, this.#limits);
      this.#services.set(name, state);
    }
    this.#dirty.add(state);
    return state;
  }

  #set(path: string, node: BookNode, vanished: Set<TargetEntry>): void {
    const place = readServicesPath(path);
    const absolute = `${SERVICES}/${path}`;
    switch (place.kind) {
      case "service":
        this.#setService(place.service, absolute, node);
        return;
      case "target":
        this.#setTarget(place, { path: absolute, node, vanished });
        return;
      case "release":
        this.#state(place.service).setRelease(place.name, node.stat.czxid);
        return;
      case "override": {
        const parsed = this.#accept(absolute, parseOverride(node.data));
        if (parsed !== undefined)
          this.#state(place.service).setOverride(place.name, parsed);
        return;
      }
      case "current": {
        const parsed = this.#accept(absolute, parseCurrent(node.data));
        if (parsed !== undefined)
          this.#state(place.service).setRecorded({
            release: parsed.release,
            version: node.stat.version,
          });
        return;
      }
      case "other":
        return;
      case "bad-name":
        this.problems.set({
          path: absolute,
          code: "bad-name",
          message: "its name is not one of ours",
        });
        return;
      default:
        place satisfies never;
    }
  }

  #setService(service: string, path: string, node: BookNode): void {
    const state = this.#state(service);
    state.setCzxid(node.stat.czxid);
    const value = this.#accept(path, parseDefinition(node.data));
    switch (value?.kind) {
      case "empty":
        state.setDefinition(undefined);
        return;
      case "definition":
        state.setDefinition(value.definition);
        return;
      case "removed":
        state.setRemoved();
        return;
      case undefined:
        return;
      default:
        value satisfies never;
    }
  }

  #setTarget(
    place: { readonly service: string; readonly name: string },
    at: {
      readonly path: string;
      readonly node: BookNode;
      readonly vanished: Set<TargetEntry>;
    },
  ): void {
    const { service, name } = place;
    const { czxid, mzxid } = at.node.stat;
    const state = this.#state(service);
    const known = state.targets.get(name);
    const registration = registrationText(service, name, czxid);
    const same = known?.registration === registration ? known : undefined;
    const record = this.#accept(at.path, parseTargetRecord(at.node.data));
    if (known !== undefined && same === undefined) {
      if (record === undefined) at.vanished.add(known);
      else this.#dropEntry(known);
    }
    if (record === undefined) {
      if (same !== undefined) this.#confirm(state, same);
      return;
    }
    if (same === undefined) {
      const entry: TargetEntry = {
        service,
        name,
        registration,
        czxid,
        mzxid,
        record,
        presence: "present",
        failure: undefined,
      };
      this.#addEntry(state, entry);
      return;
    }
    this.#index.delete(same);
    same.record = record;
    same.mzxid = mzxid;
    this.#index.add(same);
    at.vanished.delete(same);
    this.#confirm(state, same);
  }

  /** Its node stands. */
  #confirm(state: ServiceState, entry: TargetEntry): void {
    entry.presence = "present";
    state.suspects.delete(entry.registration);
    state.setTarget(entry);
  }

  #delete(path: string, node: BookNode, vanished: Set<TargetEntry>): void {
    const place = readServicesPath(path);
    this.problems.clear(`${SERVICES}/${path}`);
    if (place.kind === "other" || place.kind === "bad-name") return;
    const state = this.#state(place.service);
    switch (place.kind) {
      case "service":
        state.setAbsent();
        return;
      case "release":
        state.setRelease(place.name, undefined);
        return;
      case "override":
        state.setOverride(place.name, undefined);
        return;
      case "current":
        state.setRecorded(undefined);
        return;
      case "target": {
        const entry = state.targets.get(place.name);
        if (entry === undefined || entry.presence === "suspect") return;
        // States between two batches are merged: the last one stands in `node`.
        const last = parseTargetRecord(node.data);
        if (last.kind === "value" && node.stat.czxid === entry.czxid)
          entry.record = { ...entry.record, state: last.value.state };
        vanished.add(entry);
        return;
      }
      default:
        place satisfies never;
    }
  }

  /** What the last run knew and the tree does not have has vanished meanwhile. */
  #firstSync(vanished: Set<TargetEntry>): void {
    for (const state of this.#services.values()) {
      if (state.presence === "loaded") {
        state.setAbsent();
        this.#dirty.add(state);
      }
      for (const entry of state.targets.values())
        if (entry.presence === "loaded") vanished.add(entry);
    }
  }

  #settleVanished(
    vanished: ReadonlySet<TargetEntry>,
    at: { readonly newTree: boolean; readonly nowMs: number },
  ): void {
    const states = new Set<ServiceState>();
    for (const entry of vanished) {
      const state = this.#state(entry.service);
      if (state.targets.get(entry.name) !== entry) continue;
      if (state.isDraining(entry)) this.#remove(entry, "drained");
      else if (this.#isAddressTaken(entry, at.newTree))
        this.#remove(entry, "address-taken");
      else {
        entry.presence = "suspect";
        state.suspects.add(entry.registration, at.nowMs);
        state.setTarget(entry);
        states.add(state);
      }
    }
    for (const state of states) this.#settleSuspects(state, vanished, at.nowMs);
  }

  #settleSuspects(
    state: ServiceState,
    vanished: ReadonlySet<TargetEntry>,
    nowMs: number,
  ): void {
    const held = state.suspects.hold(state.targets.size, nowMs);
    if (held.length > 0)
      this.#journal({
        level: "warn",
        room: "registry",
        event: "targets-held",
        message: `${held.length} of ${state.targets.size} targets of ${state.name} vanished together: they are kept for now`,
        service: state.name,
        registrations: held,
      });
    for (const entry of vanished) {
      if (entry.service !== state.name || entry.presence !== "suspect")
        continue;
      const { failure } = entry;
      const suspect = state.suspects.get(entry.registration);
      if (suspect === undefined) continue;
      if (
        failure !== undefined &&
        failure.atMs > nowMs - FAILURE_WINDOWS * this.#limits.windowMs &&
        !suspect.held
      ) {
        this.#remove(entry, failure.outcome);
        continue;
      }
      if (suspect.held) continue;
      this.#journal({
        level: "warn",
        room: "registry",
        event: "target-suspect",
        message: `The node of ${entry.registration} vanished: it is used while it answers`,
        service: entry.service,
        registration: entry.registration,
      });
    }
  }

  /** Another server is registered at its address, and later than it was. */
  #isAddressTaken(entry: TargetEntry, newTree: boolean): boolean {
    return this.#index
      .sharingAddress(entry)
      .some(
        (other) =>
          other.presence === "present" &&
          (newTree || other.czxid > entry.czxid),
      );
  }

  #addEntry(state: ServiceState, entry: TargetEntry): void {
    if (entry.presence === "present")
      for (const other of this.#index.sharingAddress(entry))
        if (other.presence === "suspect") this.#remove(other, "address-taken");
    this.#index.add(entry);
    state.setTarget(entry);
  }

  /** Takes an entry out for good. */
  #remove(entry: TargetEntry, because: TargetGoneReason): void {
    this.#dropEntry(entry);
    this.#state(entry.service).deleteTarget(entry, because);
    this.#journal({
      level: "info",
      room: "registry",
      event: "target-gone",
      message: `${entry.registration} has left: ${because}`,
      service: entry.service,
      registration: entry.registration,
      because,
    });
  }

  #dropEntry(entry: TargetEntry): void {
    this.#index.delete(entry);
    this.#state(entry.service).suspects.delete(entry.registration);
  }

  /** The value, or undefined when the last good one stays in force. */
  #accept<T>(path: string, parsed: Parsed<T>): T | undefined {
    if (parsed.kind === "reject") {
      this.problems.set({ path, code: parsed.code, message: parsed.message });
      return undefined;
    }
    this.problems.clear(path);
    this.problems.countUnknownKeys(path, parsed.unknownKeys);
    return parsed.value;
  }

  #flush(): SnapshotChange[] {
    const changes: SnapshotChange[] = [];
    for (const state of this.#dirty) {
      changes.push(...state.flush());
      if (state.isNothing) this.#services.delete(state.name);
    }
    this.#dirty.clear();
    if (changes.some(({ kind }) => kind.startsWith("service")))
      this.#conflicts.report(this.#heads());
    return changes;
  }

  *#heads(): Generator<ServiceHead> {
    for (const { head } of this.#services.values())
      if (head !== undefined) yield head;
  }
}
