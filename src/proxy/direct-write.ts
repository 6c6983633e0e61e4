import { Socket } from "node:net";

/*
 * Writing to a connection's handle as `node:net` does it, without its stream
 * around it. Nearly every write is taken by the kernel at once; the stream's
 * states, queue and callbacks for it cost more than all else that is ours in
 * such a write. How Node calls a handle is documented nowhere and has changed,
 * so it is not assumed: a socket around a handle of ours shows it once, and
 * where it looks otherwise everything goes by the stream.
 */

/** The handle of a plain connection. */
export interface DirectHandle {
  /**
   * 0 when the kernel took all, the negative number of an error, or an object
   * for what is written later: then `bytes` must stay as they are until then.
   */
  writeBuffer(request: null, bytes: Buffer): number | PendingWrite;
  /** The same for text in latin1, of which a copy is kept where one is needed. */
  writeLatin1String(request: null, text: string): number | PendingWrite;
}

/** A write of which the kernel has not taken all. */
export interface PendingWrite {
  handle?: unknown;
  buffer?: unknown;
  oncomplete?: (status: number) => void;
  /** Not null when it was complete before it could be said. */
  readonly writeStatus?: unknown;
}

/** The handle to write to, once a socket is connected; undefined: use the socket. */
export function directHandle(socket: Socket): DirectHandle | undefined {
  if (!IS_AS_KNOWN || socket.connecting || socket.writableLength > 0)
    return undefined;
  const { _handle: handle } = socket as unknown as {
    readonly _handle?: Partial<DirectHandle> | null;
  }; // undocumented, hence checked
  return typeof handle?.writeBuffer === "function" &&
    typeof handle.writeLatin1String === "function"
    ? (handle as DirectHandle)
    : undefined;
}

/** Tells `onDone` when a pending write is over, with 0 or the number of an error. */
export function whenWritten(
  pending: PendingWrite,
  write: {
    readonly handle: DirectHandle;
    readonly written: Buffer | string;
    readonly onDone: (status: number) => void;
  },
): void {
  pending.handle = write.handle;
  pending.buffer = write.written; // kept from the garbage collector
  pending.oncomplete = write.onDone;
  if (typeof pending.writeStatus === "number")
    process.nextTick(write.onDone, pending.writeStatus);
}

const IS_AS_KNOWN = looksAsKnown();

function looksAsKnown(): boolean {
  const bytes = Buffer.from("-");
  const pending: PendingWrite = { writeStatus: null };
  return (
    isWritten(bytes, 0) &&
    isWritten("-", 0) &&
    !isWritten(bytes, pending) &&
    typeof pending.oncomplete === "function" &&
    pending.buffer === bytes
  );
}

/** Whether a socket takes `data` for written whose handle answers with `result`. */
function isWritten(
  data: Buffer | string,
  result: number | PendingWrite,
): boolean {
  let isCalledAsKnown = false;
  const write = (...args: readonly unknown[]) => {
    isCalledAsKnown = args.length === 2 && args[0] === null && args[1] === data;
    return result;
  };
  const handle =
    typeof data === "string"
      ? { writeLatin1String: write, close() {} }
      : { writeBuffer: write, close() {} };
  const options: object = { handle, readable: false }; // `handle` is not in the types
  const socket = new Socket(options);
  socket.on("error", () => {});
  socket.write(data, "latin1");
  const isWhole = socket.writableLength === 0;
  socket.destroy();
  return isCalledAsKnown && isWhole;
}
