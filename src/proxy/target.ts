import type { ServiceDefinition, TargetView } from "../registry/index.ts";
import type { Candidate } from "./balancer.ts";
import type { ProxyLimits } from "./options.ts";
import { probe } from "./probe.ts";
import type { SharedCounters } from "./shared-counters.ts";
import { UpstreamPool } from "./upstream-pool.ts";
import type { InputBuffers } from "./wire.ts";

/** Of the latest head times, how much the newest one counts. */
const LATENCY_SHARE = 0.1;
const PROBE_TIMEOUT_MS = 2000;
/** Where a slow start begins. */
const SLOW_START_SHARE = 0.1;

/** One registration as one worker sees it. */
export class Target implements Candidate {
  readonly name: string;
  readonly registration: string;
  readonly release: string | undefined;
  readonly slot: number;
  readonly pool: UpstreamPool;
  latencyMs = 0;
  view: TargetView;
  /** No request may begin any more: it was replaced or has left. */
  gone = false;
  readonly #counters: SharedCounters;
  #probing: Promise<boolean> | undefined;
  readonly #slowStart: { readonly fromMs: number; readonly lastsMs: number };

  constructor(
    view: TargetView,
    options: {
      readonly slot: number;
      readonly counters: SharedCounters;
      readonly limits: ProxyLimits;
      readonly input: InputBuffers;
      readonly clock: { readonly coarseMs: number };
      /** Absent for the first targets of a service. */
      readonly slowStart?: {
        readonly fromMs: number;
        readonly lastsMs: number;
      };
    },
  ) {
    this.view = view;
    this.name = view.name;
    this.registration = view.registration;
    this.release = view.release;
    this.slot = options.slot;
    this.#counters = options.counters;
    this.#slowStart = options.slowStart ?? { fromMs: 0, lastsMs: 0 };
    this.pool = new UpstreamPool(view, options);
  }

  get weight(): number {
    return this.view.weight;
  }

  get authority(): string {
    const { host, port, socketPath } = this.view;
    if (socketPath !== undefined) return "localhost";
    return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  }

  ejection(): number {
    return this.#counters.ejection(this.slot);
  }

  get refuses(): boolean {
    return this.#counters.ejectionCause(this.slot) === "refused";
  }

  /** It has failed since its last good answer, or is out of rotation for it. */
  get failing(): boolean {
    return (
      this.#counters.failuresInRow(this.slot) > 0 ||
      this.#counters.ejection(this.slot) > 0
    );
  }

  score(): number {
    return this.#counters.score(this.slot);
  }

  inFlight(): number {
    return this.#counters.inFlight(this.slot);
  }

  sent(nowMs: number): void {
    this.#counters.sent(this.slot, this.#weightAt(nowMs));
  }

  settled(): void {
    this.#counters.settled(this.slot);
  }

  upgraded(): void {
    this.#counters.upgraded(this.slot);
  }

  tunnelEnded(): void {
    this.#counters.tunnelEnded(this.slot);
  }

  answered(headMs: number, good: boolean): void {
    this.#counters.answered(this.slot, good);
    this.latencyMs += (headMs - this.latencyMs) * LATENCY_SHARE;
  }

  /** Whether it answers anything at all; askers at one time share one probe. */
  probe(service: {
    readonly path: string;
    readonly hosts: readonly string[];
    readonly definition: ServiceDefinition;
  }): Promise<boolean> {
    this.#probing ??= probe(this.view, {
      timeoutMs: PROBE_TIMEOUT_MS,
      path: service.path,
      authority: service.hosts[0] ?? this.authority,
      proxyProtocol: service.definition.proxyProtocol,
    }).finally(() => {
      this.#probing = undefined;
    });
    return this.#probing;
  }

  #weightAt(nowMs: number): number {
    const { fromMs, lastsMs } = this.#slowStart;
    const share = lastsMs === 0 ? 1 : (nowMs - fromMs) / lastsMs;
    return share >= 1
      ? this.view.weight
      : this.view.weight * Math.max(SLOW_START_SHARE, share);
  }
}
