import { homedir } from "node:os";
import { join } from "node:path";

/** Where state is kept unless `--data` says otherwise (XDG Base Directory). */
export function defaultDataFolder(env: NodeJS.ProcessEnv): string {
  const state = env["XDG_STATE_HOME"];
  // The specification: a path that is not absolute is to be ignored.
  const base =
    state !== undefined && state.startsWith("/")
      ? state
      : join(homedir(), ".local", "state");
  return join(base, "zoogate");
}

/**
 * The folder of one process's files: one for each connect string and listen
 * address, so that two processes of one machine never share a file.
 */
export function stateFolder(
  dataFolder: string,
  parts: readonly string[],
): string {
  return join(
    dataFolder,
    parts.map((part) => part.replaceAll(/[^\w.,-]/gu, "_")).join("@"),
  );
}
