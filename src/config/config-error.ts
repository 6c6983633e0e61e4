/** Why a configuration cannot be used. */
export type ConfigFault =
  | "bad-address"
  | "bad-auth-file"
  | "bad-number"
  | "unreadable-file"
  | "bad-value"
  | "bad-file"
  | "missing-option"
  | "conflicting-options";

/** A setting that cannot be used; the message says which and what it should be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: ConfigFault;
  /** Each thing that is wrong, for a person; the message is all of them. */
  readonly problems: readonly string[];

  constructor(
    code: ConfigFault,
    message: string | readonly string[],
    cause?: unknown,
  ) {
    const problems = typeof message === "string" ? [message] : message;
    super(problems.join("; "), cause === undefined ? undefined : { cause });
    this.code = code;
    this.problems = problems;
  }
}
