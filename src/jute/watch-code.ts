/** What happened, in a notification. */
export const WatchEventType = {
  none: -1,
  created: 1,
  deleted: 2,
  dataChanged: 3,
  childrenChanged: 4,
  dataWatchRemoved: 5,
  childWatchRemoved: 6,
  persistentWatchRemoved: 7,
} as const;

/** The state of the connection, in a notification. */
export const KeeperState = {
  expired: -112,
  disconnected: 0,
  syncConnected: 3,
  authFailed: 4,
  connectedReadOnly: 5,
  saslAuthenticated: 6,
  closed: 7,
} as const;

/** The `mode` of an addWatch request. */
export const AddWatchMode = { persistent: 0, persistentRecursive: 1 } as const;

/** The `type` of checkWatches and removeWatches requests. */
export const WatcherType = { children: 1, data: 2, any: 3 } as const;
