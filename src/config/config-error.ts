/** Why a configuration cannot be used. */
export type ConfigFault =
  | "bad-address"
  | "bad-auth-file"
  | "bad-number"
  | "unreadable-file"
  | "missing-option"
  | "conflicting-options";

/** A setting that cannot be used; the message says which and what it should be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code: ConfigFault;

  constructor(code: ConfigFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
