import type { Journal } from "../base/index.ts";
import type { ServiceDefinition, TargetView } from "../registry/index.ts";
import type { PlaneState, PlaneTarget } from "./plane-state.ts";
import { probe } from "./probe.ts";
import type { SharedCounters } from "./shared-counters.ts";
import {
  ejectionAfter,
  type HealthEvent,
  type HealthState,
  nextHealth,
} from "./target-health.ts";

const PROBE_TIMEOUT_MS = 2000;
/** Between active checks while a target is about to change. */
const CHANGING_INTERVAL_MS = 1000;

/** Where the active checks of one target stand. */
interface CheckRecord {
  nextMs: number;
  busy: boolean;
  successes: number;
  failures: number;
}

/**
 * The main thread's part in the health of targets: what a worker has ejected is
 * timed and probed here and brought back, and active checks run from here.
 */
export class HealthKeeper {
  readonly #state: PlaneState;
  readonly #counters: SharedCounters;
  readonly #journal: Journal;
  readonly #onProbed: (view: TargetView, ok: boolean) => void;
  readonly #checks = new WeakMap<PlaneTarget, CheckRecord>();

  constructor(options: {
    readonly state: PlaneState;
    readonly counters: SharedCounters;
    readonly journal: Journal;
    /** A target that refused connections was asked whether it still does. */
    readonly onProbed: (view: TargetView, ok: boolean) => void;
  }) {
    this.#state = options.state;
    this.#counters = options.counters;
    this.#journal = options.journal;
    this.#onProbed = options.onProbed;
  }

  /** A worker, or a check, took a target out of rotation. */
  ejected(registration: string, cause: "failing" | "refused"): void {
    const target = this.#state.target(registration);
    if (target === undefined) return;
    this.#step(target, { kind: "ejected", cause });
    const { name, service } = target.view;
    this.#journal({
      level: "warn",
      room: "proxy",
      event: "target-ejected",
      message: `Target ${name} of ${service} is out of rotation: ${cause}`,
      service,
      target: name,
      cause,
    });
  }

  /** Called a few times a second. */
  tick(nowMs: number): void {
    for (const target of this.#state.targets()) {
      const definition = this.#definition(target);
      if (definition === undefined) continue;
      if (target.health.kind === "ejected") {
        this.#step(target, { kind: "tick" });
        const { health } = target;
        if (health.kind === "ejected" && nowMs >= health.nextProbeMs)
          this.#probe(target, health, definition);
      }
      if (definition.health.active !== undefined)
        this.#checkActively(target, definition, nowMs);
    }
  }

  #definition(target: PlaneTarget): ServiceDefinition | undefined {
    return this.#state.services.get(target.view.service)?.head.definition;
  }

  #probe(
    target: PlaneTarget,
    health: Extract<HealthState, { kind: "ejected" }>,
    definition: ServiceDefinition,
  ): void {
    this.#step(target, { kind: "probe-started" });
    const refused = health.cause === "refused";
    // With active checks these decide; only they know how many are enough.
    if (!refused && definition.health.active !== undefined) return;
    const { proxyProtocol } = definition;
    const { statuses } = definition.retry;
    // Refusing is disproved by accepting; failing only by a good answer.
    const asked = refused
      ? { timeoutMs: PROBE_TIMEOUT_MS, proxyProtocol }
      : {
          timeoutMs: PROBE_TIMEOUT_MS,
          proxyProtocol,
          path: definition.path,
          authority: definition.hosts[0] ?? "localhost",
          good: (status: number) => !statuses.includes(status),
        };
    void probe(target.view, asked).then((ok) => {
      this.#step(target, { kind: "probed", ok });
      if (refused && this.#isKnown(target)) this.#onProbed(target.view, ok);
    });
  }

  #checkActively(
    target: PlaneTarget,
    definition: ServiceDefinition,
    nowMs: number,
  ): void {
    const { active } = definition.health;
    if (active === undefined || target.view.state === "draining") return;
    let record = this.#checks.get(target);
    if (record === undefined) {
      record = { nextMs: nowMs, busy: false, successes: 0, failures: 0 };
      this.#checks.set(target, record);
    }
    if (record.busy || nowMs < record.nextMs) return;
    record.busy = true;
    const known = record;
    void probe(target.view, {
      timeoutMs: active.timeoutMs,
      proxyProtocol: definition.proxyProtocol,
      path: active.path,
      authority: definition.hosts[0] ?? "localhost",
      good: (status) => status >= 200 && status < 400,
    }).then((ok) => {
      known.busy = false;
      this.#checked(target, known, { ok, definition });
    });
  }

  #checked(
    target: PlaneTarget,
    record: CheckRecord,
    result: { readonly ok: boolean; readonly definition: ServiceDefinition },
  ): void {
    const { ok, definition } = result;
    const { active } = definition.health;
    if (active === undefined || !this.#isKnown(target)) return;
    record.successes = ok ? record.successes + 1 : 0;
    record.failures = ok ? 0 : record.failures + 1;
    const isOut = target.health.kind === "ejected";
    const isChanging = isOut ? ok : !ok;
    record.nextMs =
      performance.now() +
      (isChanging
        ? Math.min(CHANGING_INTERVAL_MS, active.intervalMs)
        : active.intervalMs);
    if (isOut && record.successes >= active.rise)
      this.#step(target, { kind: "probed", ok: true });
    else if (!isOut && record.failures >= active.fall)
      this.#ejectChecked(target, definition);
  }

  #ejectChecked(target: PlaneTarget, definition: ServiceDefinition): void {
    const others = this.#state.services.get(target.view.service)?.targets;
    const inRotation = [...(others?.values() ?? [])].filter(
      ({ view }) => view.state !== "draining",
    );
    const cause = ejectionAfter("timed-out", Infinity, {
      health: definition.health,
      rotation: {
        targets: inRotation.length,
        ejected: inRotation.filter(
          ({ slot }) => this.#counters.ejection(slot) > 0,
        ).length,
      },
    });
    if (cause === "none" || !this.#counters.eject(target.slot, cause)) return;
    this.ejected(target.view.registration, cause);
  }

  #isKnown(target: PlaneTarget): boolean {
    return this.#state.target(target.view.registration) === target;
  }

  /** A target that has left meanwhile is left alone: its slot may be another's. */
  #step(target: PlaneTarget, event: HealthEvent): void {
    const health = this.#state.healthOf(target);
    if (health === undefined || !this.#isKnown(target)) return;
    const nowMs = performance.now();
    const before = target.health;
    const after = nextHealth(before, event, { health, nowMs });
    target.health = after;
    if (before.kind === after.kind || after.kind === "ejected") return;
    this.#state.levelScore(target);
    this.#counters.restore(target.slot);
    const { name, service } = target.view;
    this.#journal({
      level: "info",
      room: "proxy",
      event: "target-restored",
      message: `Target ${name} of ${service} is back in rotation`,
      service,
      target: name,
    });
  }
}
