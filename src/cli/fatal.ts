import { errorMessage } from "../base/index.ts";

/** Says in one line why a command cannot go on, and makes the process exit 1. */
export function reportFatal(error: unknown): void {
  const line = errorMessage(error).replaceAll(/\s*\n\s*/gu, " ");
  process.stderr.write(`zoogate: ${line}\n`);
  if (process.env["ZOOGATE_STACK"] === "1" && error instanceof Error)
    process.stderr.write(`${error.stack ?? ""}\n`);
  process.exitCode = 1;
}
