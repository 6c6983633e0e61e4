import type { Certificate } from "./certificate.ts";
import type { ChildServer } from "./child-server.ts";
import type { ScenarioRule } from "./scenarios.ts";

/** A proxy under test, running. */
export interface Contender {
  readonly name: string;
  /** What is measured: this process and everything below it. */
  readonly server: ChildServer;
  /** Where it answers; without `https` it has no TLS here. */
  readonly http: string;
  readonly https?: string | undefined;
  /** It has no store: only what passes through is measured. */
  readonly storeless?: boolean;
  /** The file its access log goes to; undefined when it writes none. */
  readonly accessLogFile?: string | undefined;
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
  /** Undefined: nobody listens for TLS. */
  readonly certificate?: Certificate | undefined;
  /** Write the access log, into a file below `folder`. */
  readonly accessLog: boolean;
}

export type Start = (stage: Stage) => Promise<Contender>;

/** Where a contender answers a scenario; undefined when it cannot. */
export function urlOf(
  contender: Contender,
  rule: ScenarioRule,
): string | undefined {
  if (rule.content.mayStore && contender.storeless === true) return undefined;
  if (rule.accessLog && contender.accessLogFile === undefined) return undefined;
  const base = rule.scheme === "https" ? contender.https : contender.http;
  return base === undefined ? undefined : base + rule.content.path;
}
