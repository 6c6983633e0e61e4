import { execFile } from "node:child_process";
import { errorMessage, type Journal } from "../base/index.ts";

const LIMIT_MS = 10_000;

/**
 * Tells systemd, if it asked (`Type=notify`), that this process serves and is the
 * main one now (sd_notify(3)). Node has no datagrams on Unix sockets, so systemd's
 * own `systemd-notify` speaks: the unit needs `NotifyAccess=all`.
 */
export function tellServiceManager(options: {
  readonly env: NodeJS.ProcessEnv;
  readonly status: string;
  readonly journal: Journal;
}): Promise<void> {
  const { env, status, journal } = options;
  if ((env["NOTIFY_SOCKET"] ?? "") === "") return Promise.resolve();
  return new Promise((resolve) => {
    execFile(
      "systemd-notify",
      ["--ready", `--pid=${process.pid}`, `--status=${status}`],
      { env, timeout: LIMIT_MS },
      (error) => {
        if (error !== null)
          journal({
            level: "error",
            room: "cli",
            event: "service-manager-not-told",
            message: `Cannot tell systemd that this process serves: ${errorMessage(error)}`,
            error,
          });
        resolve();
      },
    );
  });
}
