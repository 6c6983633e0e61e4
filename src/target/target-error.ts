/** Why a target cannot go on. The same words stand in logs and tests. */
export type TargetErrorCode =
  /** The directory to serve is missing, not a directory, or not readable. */
  | "unreadable-directory"
  /** The address to listen on is taken. */
  | "address-in-use"
  /** The address to listen on is not one of this machine, or not allowed. */
  | "cannot-listen"
  /** Something answers on the port before the command was started. */
  | "port-already-answers"
  | "command-not-found"
  /** The operating system refused to start the command. */
  | "command-failed-to-start"
  /** The command ended before its first good check. */
  | "command-ended-early"
  /** No address that other machines can reach is known. */
  | "advertise-needed"
  | "bad-address"
  | "bad-name"
  | "bad-check"
  /** Another server holds this target's name, or a newer life of this one took it over. */
  | "registration-lost";

/** What this room throws; `code` says which case it is. */
export class TargetError extends Error {
  override readonly name = "TargetError";
  readonly code: TargetErrorCode;

  constructor(
    code: TargetErrorCode,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
  }
}

/** The `code` of a system error (`ENOENT` …), or undefined. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error &&
    "code" in error &&
    typeof error.code === "string"
    ? error.code
    : undefined;
}
