/** The kinds of request, with ZooDefs' names and numbers. */
export const OpCode = {
  notification: 0,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  /** Inside a multi only: alone it kills servers before the fix of ZOOKEEPER-2623. */
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  createSession: -10,
  closeSession: -11,
  error: -1,
} as const;
/** The name of a kind of request. */
export type OpCodeName = keyof typeof OpCode;

/** The xids that are no request numbers. */
export const Xid = {
  notification: -1,
  ping: -2,
  auth: -4,
  setWatches: -8,
} as const;

/** Modes of a new node, as the `flags` of the create requests. */
export const CreateFlag = {
  persistent: 0,
  ephemeral: 1,
  "persistent-sequential": 2,
  "ephemeral-sequential": 3,
  container: 4,
  "persistent-ttl": 5,
  "persistent-sequential-ttl": 6,
} as const;
/** How a node lives: for good or as long as its session, numbered or not. */
export type CreateMode = keyof typeof CreateFlag;

/** Bits of an ACL entry. */
export const Permission = {
  read: 1,
  write: 2,
  create: 4,
  delete: 8,
  admin: 16,
  all: 31,
} as const;
