import type { WatchEvent } from "./watch-event.ts";

/** What a server distinguishes. `exist` is a data watch on a node that is not there. */
export type WatchKind =
  "data" | "exist" | "children" | "persistent" | "recursive";

/** Told of each event; one-shot kinds of one. */
export type WatchListener = (event: WatchEvent) => void;

/** A watch that the server sets when it answers the request without error. */
export interface WatchRequest {
  readonly kind: WatchKind;
  readonly serverPath: string;
  readonly listener: WatchListener;
  /** That of the request; changed before it is sent where the server holds a watch that stays. */
  readonly payload: { watch?: boolean; mode?: number };
}
