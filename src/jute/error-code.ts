/** What a server may answer, with the numbers of KeeperException. */
export const ErrorCode = {
  ok: 0,
  "system-error": -1,
  /** In the answer to a failed multi: an operation after the one that failed. */
  "runtime-inconsistency": -2,
  "data-inconsistency": -3,
  "connection-loss": -4,
  "marshalling-error": -5,
  unimplemented: -6,
  "operation-timeout": -7,
  "bad-arguments": -8,
  "unknown-session": -12,
  "new-config-no-quorum": -13,
  "reconfig-in-progress": -14,
  "api-error": -100,
  "no-node": -101,
  "no-auth": -102,
  "bad-version": -103,
  "no-children-for-ephemerals": -108,
  "node-exists": -110,
  "not-empty": -111,
  "session-expired": -112,
  "invalid-callback": -113,
  "invalid-acl": -114,
  "auth-failed": -115,
  "session-moved": -118,
  "not-read-only": -119,
  "ephemeral-on-local-session": -120,
  "no-watcher": -121,
  "request-timeout": -122,
  "reconfig-disabled": -123,
  "session-closed-require-sasl-auth": -124,
  "quota-exceeded": -125,
  "throttled-op": -127,
} as const;
/** The word for what a server answered. */
export type ErrorCodeName = keyof typeof ErrorCode;

const NAMES = new Map<number, ErrorCodeName>();
for (const [name, code] of Object.entries(ErrorCode))
  NAMES.set(code, name as ErrorCodeName); // the keys of the table

/** The name of a server's code; a code that is not in the table is `unknown-error`. */
export function errorName(code: number): ErrorCodeName | "unknown-error" {
  return NAMES.get(code) ?? "unknown-error";
}
