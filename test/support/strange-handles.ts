/**
 * To be imported before a program (`node --import`): connections' handles look
 * otherwise than Zoogate knows them, in each of its threads, as they may in
 * another version of Node. What was made for that must then serve in place of
 * what is usual. With ZOOGATE_STRANGE_HANDLES naming a file, each thread that
 * has met one adds a line to it.
 */
import { appendFileSync } from "node:fs";
import { Server, Socket } from "node:net";
import { isMainThread } from "node:worker_threads";

/** What is undocumented, and used where it is there. */
interface Handled {
  readonly _handle?: object | null;
}

let isTold = false;

function tell(): void {
  const file = process.env["ZOOGATE_STRANGE_HANDLES"];
  if (isTold || file === undefined) return;
  isTold = true;
  appendFileSync(file, isMainThread ? "main\n" : "worker\n");
}

// Accepted handles do not say that they read into memory of ours.
// oxlint-disable-next-line typescript/unbound-method -- called with its own `this`
const { emit } = Server.prototype;
Server.prototype.emit = function (
  this: Server,
  event: string,
  ...args: unknown[]
): boolean {
  const [socket] = args;
  if (event === "connection" && socket instanceof Socket) {
    const { _handle: handle } = socket as unknown as Handled;
    if (handle !== undefined && handle !== null) {
      Object.defineProperty(handle, "useUserBuffer", { value: undefined });
      tell();
    }
  }
  return emit.call(this, event, ...args);
} as typeof emit;

// A handle that is no handle of Node's sees another write than was made.
// oxlint-disable-next-line typescript/unbound-method -- called with its own `this`
const { write } = Socket.prototype;
Socket.prototype.write = function (
  this: Socket,
  ...args: [string | Uint8Array]
): boolean {
  const { _handle: handle } = this as unknown as Handled;
  const [bytes, ...rest] = args;
  const isProbe =
    handle !== undefined &&
    handle !== null &&
    Object.getPrototypeOf(handle) === Object.prototype;
  return isProbe && Buffer.isBuffer(bytes)
    ? write.call(this, Buffer.from(bytes), ...rest)
    : write.call(this, ...args);
};
