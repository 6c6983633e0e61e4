import type { Brand } from "../base/index.ts";

/** The number of a transaction; later ones are larger. */
export type Zxid = Brand<bigint, "Zxid">;

/** A session, as the server numbers it. */
export type SessionId = Brand<bigint, "SessionId">;

/** A number that is known to be a zxid. */
export function toZxid(value: bigint): Zxid {
  return value as Zxid; // the only place where one is made
}

/** A number that is known to be a session's. */
export function toSessionId(value: bigint): SessionId {
  return value as SessionId; // the only place where one is made
}

/** As servers print it: `0x` and hexadecimal digits. */
export function sessionIdText(id: SessionId): string {
  return hex(id);
}

/** As servers print it: `0x` and hexadecimal digits. */
export function zxidText(zxid: Zxid): string {
  return hex(zxid);
}

function hex(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}
