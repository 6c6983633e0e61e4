/** How much a record matters to the operator. */
export type JournalLevel = "debug" | "info" | "warn" | "error";

/**
 * One thing that happened. Rooms emit records and do not log; the command line
 * decides what is printed, and how. `event` is a stable kebab-case word; no
 * field ever holds a secret.
 */
export interface JournalRecord {
  readonly level: JournalLevel;
  /** The room it comes from. */
  readonly room: string;
  readonly event: string;
  /** One sentence for a person. */
  readonly message: string;
  readonly error?: unknown;
  readonly [field: string]: unknown;
}

/** Receives records; must not throw. */
export type Journal = (record: JournalRecord) => void;

/** Keeps nothing. */
export const silentJournal: Journal = () => {};
