import type { RequestHead } from "../http/index.ts";
import type { Entry, EntryParts } from "./entry.ts";
import type { NoStoreReason } from "./reasons.ts";
import type { ReceivingBody } from "./receiving-body.ts";
import type { SharedBody } from "./stored-body.ts";

/** What a fill needs of the cache it fills. */
export interface FillHost<Fill> {
  readonly maxEntryBytes: number;
  readonly staleWhileDownMs: number;
  /** Room for an answer; undefined when there is none. */
  open(bytes: number): ReceivingBody | undefined;
  discard(body: ReceivingBody): void;
  /** Changes when an answer of the key is invalidated, in whatever thread. */
  stampOf(key: string): number;
  /**
   * Stores what was received, in place of what its request would also select;
   * undefined, with the room given back, when its key was invalidated since.
   */
  publish(
    parts: EntryParts,
    received: ReceivingBody,
    how: {
      readonly body: SharedBody;
      readonly stamp: number;
      readonly request: RequestHead;
    },
  ): Entry | undefined;
  /** Gives a stored answer another head; undefined when it is stored no longer. */
  refresh(
    previous: Entry,
    parts: EntryParts,
    request: RequestHead,
  ): Entry | undefined;
  remove(entry: Entry): void;
  /** Keeps the bytes of an entry that is held until the next look-up. */
  guardHeld(slot: number): void;
  /** The head is known, and it is being stored. */
  onReceiving(fill: Fill): void;
  /** The fill is over. */
  onOver(fill: Fill, outcome: FillOutcome): void;
}

/** How a fill ended; a reason says that nothing was stored. */
export type FillOutcome = "stored" | "revalidated" | NoStoreReason;
