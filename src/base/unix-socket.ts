import { randomBytes } from "node:crypto";
import { chmod, lstat, rename, unlink } from "node:fs/promises";
import { connect, type Server } from "node:net";
import { dirname, join } from "node:path";

/*
 * Listening on a Unix socket. Its file stays when a process is killed, so one
 * that is there says nothing: whether somebody listens is found out by asking.
 *
 * A server is bound under a name of nobody's and renamed when its mode is set.
 * So the file is never there with another mode, what was stale is replaced in
 * one step, and libuv, which removes what it has bound when it closes it, does
 * not remove a file that another process has taken over.
 */

/** Owner and group may connect, and nobody else of this machine. */
export const DEFAULT_SOCKET_MODE = 0o660;

/** What stands at a path. */
type Found =
  | "nothing"
  /** A socket's file, and nobody listens. */
  | "stale"
  /** A socket that somebody listens on, or may. */
  | "answers"
  | "no-socket";

async function find(path: string): Promise<Found> {
  try {
    if (!(await lstat(path)).isSocket()) return "no-socket";
  } catch (error) {
    if (codeOf(error) === "ENOENT") return "nothing";
    throw error;
  }
  const code = await connectOnce(path);
  if (code === "ENOENT") return "nothing";
  // A full queue (EAGAIN) or a lack of rights (EACCES) is no sign of absence.
  return code === "ECONNREFUSED" ? "stale" : "answers";
}

/** The code of the error, if there is one. */
function connectOnce(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once("error", (error) => resolve(codeOf(error)));
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error
    ? String(error.code)
    : undefined;
}

/**
 * Makes sure that a socket may be made at `path`.
 * @throws Error `EADDRINUSE` when somebody listens there, `EEXIST` when it is a file of another kind
 */
export async function refuseSocketInUse(path: string): Promise<void> {
  const found = await find(path);
  if (found === "nothing" || found === "stale") return;
  const [code, why] =
    found === "answers"
      ? ["EADDRINUSE", "somebody listens there"]
      : ["EEXIST", "there is a file that is no socket"];
  throw Object.assign(new Error(`Cannot listen on ${path}: ${why}`), { code });
}

/**
 * Lets `server` listen on a Unix socket whose file has `mode`; one that nobody
 * listens on is replaced. Remove it with {@link removeSocketFile} in the end.
 * @throws Error as {@link refuseSocketInUse} does, or the system's own
 */
export async function listenOnSocket(
  server: Server,
  options: {
    readonly path: string;
    readonly mode: number;
    readonly backlog?: number;
  },
): Promise<void> {
  const { path, mode, backlog } = options;
  await refuseSocketInUse(path);
  const unnamed = join(dirname(path), `.${randomBytes(4).toString("hex")}`);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(
      { path: unnamed, ...(backlog === undefined ? {} : { backlog }) },
      () => {
        server.off("error", reject);
        resolve();
      },
    );
  });
  try {
    await chmod(unnamed, mode);
    await rename(unnamed, path);
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Removes the file of a socket, unless somebody listens on it (again). */
export async function removeSocketFile(path: string): Promise<void> {
  try {
    if ((await find(path)) === "stale") await unlink(path);
  } catch {
    // Nobody can be helped by a file that cannot be looked at or removed.
  }
}
