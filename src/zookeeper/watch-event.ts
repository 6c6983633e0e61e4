/** What a watch tells. The path is that of the node to which it happened. */
export type WatchEvent =
  | {
      readonly kind:
        "created" | "deleted" | "data-changed" | "children-changed";
      readonly path: string;
    }
  /** Something may have been missed: read again. */
  | {
      readonly kind: "re-synced";
      readonly path: string;
      readonly because: ReSyncReason;
      /** The servers show another, older tree than before; see SessionState. */
      readonly newTree: boolean;
    };

/** Why events may have been missed. */
export type ReSyncReason =
  /** The watch has just been set for the first time: what is read from now on is watched. */
  | "armed"
  /** Another connection of the same session. */
  | "reconnected"
  /** The session had expired. */
  | "new-session"
  /** The reader was too slow: events were dropped. */
  | "overflow";

/** Which changes a watch tells. */
export type StreamKind =
  /** Created, deleted and data changed, at the path; the node need not exist. */
  | "data"
  /** Created and deleted, at the path. */
  | "exists"
  /** Children come or gone, and the node itself created or deleted; it need not exist. */
  | "children"
  /** All of these at the path, by one watch that stays (servers from 3.6 on). */
  | "persistent"
  /** Created, deleted and data changed, at the path and everywhere below it (servers from 3.6 on). */
  | "recursive";
