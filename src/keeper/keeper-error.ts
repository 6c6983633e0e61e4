/** Why a keeper could not start or had to stop, and whether trying again can help. */
const FAULTS = {
  /** The file is no SQLite file, or its content contradicts itself. Nothing was changed. */
  "data-file-damaged": { retry: "never" },
  /** Written by a newer version. Nothing was changed. */
  "data-file-newer": { retry: "never" },
  /** A SQLite file of some other program. Nothing was changed. */
  "data-file-foreign": { retry: "never" },
  /** Another keeper has it open. */
  "data-file-in-use": { retry: "later" },
  "data-file-unreadable": { retry: "later" },
  /** A commit failed; the keeper has stopped, since it may not acknowledge what is not on disk. */
  "commit-failed": { retry: "later" },
  "address-in-use": { retry: "later" },
  "cannot-listen": { retry: "never" },
  /** Other machines could reach it, and nobody said that this is meant. */
  "open-address": { retry: "never" },
  "import-refused": { retry: "never" },
} as const satisfies Record<string, FaultRule>;

interface FaultRule {
  readonly retry: "never" | "later";
}

/** The closed list of reasons. */
export type KeeperFault = keyof typeof FAULTS;

/** Every failure of this room. */
export class KeeperError extends Error {
  override readonly name = "KeeperError";
  readonly code: KeeperFault;

  constructor(
    code: KeeperFault,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same call can succeed later without anybody changing anything here. */
  get retry(): "never" | "later" {
    return FAULTS[this.code].retry;
  }
}
