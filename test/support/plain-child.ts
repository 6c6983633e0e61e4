import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A Node program as a process of its own; resolves when it has printed something. */
export async function startChild(
  args: readonly string[],
): Promise<ChildProcess> {
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
  });
  process.once("exit", () => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}
