/** What a target says of itself when it registers. */
export interface TargetFacts extends ReleaseFacts {
  readonly service: string;
  readonly name: string;
  readonly url: string;
  readonly weight: number;
  readonly server: string;
  readonly life: string;
  /** Fills the service's definition when it has none. */
  readonly hosts: readonly string[];
}

export interface ReleaseFacts {
  readonly release: string | undefined;
  readonly commit: string | undefined;
}

/** How a drain ended. After anything but `acknowledged` proxies may still send requests. */
export type DrainOutcome =
  /** Every live proxy has nothing more in flight here. */
  | "acknowledged"
  | "timed-out"
  /** ZooKeeper did not answer. */
  | "away";

/**
 * One self-healing registration, as far as this room needs it. The registry's
 * own keeps the node alive through lost connections and expired sessions.
 */
export interface Registrar {
  /**
   * Resolves when the node stands for the first time; goes on trying while
   * ZooKeeper is away; rejects when it can never stand (another server has it).
   */
  start(): Promise<void>;
  /** Registers anew under another release. */
  replace(change: ReleaseFacts): Promise<void>;
  /** Leaves in order; the node is gone afterwards, or goes with its session. */
  drain(options: { readonly signal: AbortSignal }): Promise<DrainOutcome>;
  /** Removes the node at once. Also while {@link Registrar.start} is under way. */
  close(): Promise<void>;
  /** Resolves with the reason when the registration has ended by itself. */
  readonly lost: Promise<unknown>;
}

export type OpenRegistrar = (facts: TargetFacts) => Registrar;
