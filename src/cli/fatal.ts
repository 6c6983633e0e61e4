import { errorMessage } from "../base/index.ts";
import { ConfigError } from "../config/index.ts";

/** Says in one line for each reason why a command cannot go on; the process exits 1. */
export function reportFatal(error: unknown): void {
  const lines =
    error instanceof ConfigError ? error.problems : [errorMessage(error)];
  for (const line of lines)
    process.stderr.write(`zoogate: ${line.replaceAll(/\s*\n\s*/gu, " ")}\n`);
  if (process.env["ZOOGATE_STACK"] === "1" && error instanceof Error)
    process.stderr.write(`${error.stack ?? ""}\n`);
  process.exitCode = 1;
}
