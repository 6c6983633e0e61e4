import type { ChildServer } from "./child-server.ts";

/** What is asked of a contender: an answer from its store, or one passed through. */
export type Scenario = "cached" | "uncached";

export const SCENARIOS: readonly Scenario[] = ["cached", "uncached"];

/** A proxy under test, running. */
export interface Contender {
  readonly name: string;
  /** What is measured: this process and everything below it. */
  readonly server: ChildServer;
  /** Where it answers each scenario. */
  readonly urls: Readonly<Record<Scenario, string>>;
  /** Stops it and whatever it needed. */
  stop(): Promise<void>;
}

/** Where the contenders run and what they proxy. */
export interface Stage {
  /** A folder of this run, removed at its end. */
  readonly folder: string;
  /** The contender has this one alone. */
  readonly core: number;
  /** Everything else. */
  readonly otherCore: number;
  readonly originPort: number;
}
