/** The first frames of a connection: connect, and the watches of its session. */
import * as jute from "../jute/index.ts";
import type { FrameWriter, SessionId } from "../jute/index.ts";
import type { WatchTable } from "./watch-table.ts";

const PASSWORD_BYTES = 16;
const NO_PASSWORD = Buffer.alloc(PASSWORD_BYTES);

/** What identifies a session to any server. The password is a secret. */
export interface Credentials {
  readonly id: SessionId;
  readonly password: Buffer;
}

/** A session that a user names, copied. */
export function toCredentials(session: {
  readonly id: SessionId;
  readonly password: Uint8Array;
}): Credentials {
  return { id: session.id, password: Buffer.from(session.password) };
}

export function writeConnect(
  frames: FrameWriter,
  request: {
    readonly credentials: Credentials | undefined;
    readonly zxid: bigint;
    readonly timeoutMs: number;
    readonly readOnly: boolean;
  },
): void {
  const { credentials } = request;
  jute.ConnectRequest.write(frames.begin(), {
    protocolVersion: 0,
    lastZxidSeen: request.zxid,
    timeOut: request.timeoutMs,
    sessionId: credentials?.id ?? 0n,
    passwd: credentials?.password ?? NO_PASSWORD,
    readOnly: request.readOnly,
  });
  frames.end();
}

/** Sets all watches of a table on a new connection; due events come before the answer. */
export function writeSetWatches(
  frames: FrameWriter,
  watches: WatchTable,
  relativeZxid: bigint,
): void {
  for (const piece of watches.pieces()) {
    // Servers before 3.6 know only the first form.
    const staying =
      piece.persistentWatches.length + piece.persistentRecursiveWatches.length;
    const writer = frames.begin();
    jute.RequestHeader.write(writer, {
      xid: jute.Xid.setWatches,
      type: staying > 0 ? jute.OpCode.setWatches2 : jute.OpCode.setWatches,
    });
    const payload = { relativeZxid, ...piece };
    if (staying > 0) jute.SetWatches2.write(writer, payload);
    else jute.SetWatches.write(writer, payload);
    frames.end();
  }
}

export function writePing(frames: FrameWriter): void {
  const header = { xid: jute.Xid.ping, type: jute.OpCode.ping };
  jute.RequestHeader.write(frames.begin(), header);
  frames.end();
}
