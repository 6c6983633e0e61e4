import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { moduleBeside } from "../base/index.ts";

const LIMIT_MS = 10_000;
/**
 * The handles that brought the copies. They are never closed, because a number
 * that a worker has closed meanwhile may be another file's by then; that costs
 * some hundred bytes for each.
 */
const kept: unknown[] = [];

/**
 * A copy of each descriptor, in the same order: it is of the same socket, which
 * lives until the last of them is closed.
 * @throws Error where a process cannot be started, or handles look otherwise
 */
export async function duplicateDescriptors(
  descriptors: readonly number[],
): Promise<readonly number[]> {
  if (descriptors.length === 0) return [];
  const mirror = fileURLToPath(
    moduleBeside(import.meta.url, "./descriptor-mirror"),
  );
  const child = spawn(process.execPath, [mirror, String(descriptors.length)], {
    stdio: ["ignore", "ignore", "ignore", "ipc", ...descriptors],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  const copies: number[] = [];
  return new Promise((resolve, reject) => {
    child.on("message", (message: { readonly index: number }, handle) => {
      kept.push(handle);
      const { fd } = handle as unknown as { readonly fd?: unknown }; // undocumented, hence checked
      if (typeof fd === "number" && fd >= 0) copies[message.index] = fd;
    });
    child.once("error", reject);
    child.once("close", () => {
      if (Object.keys(copies).length === descriptors.length) resolve(copies);
      else reject(new Error("Cannot copy descriptors: they did not come back"));
    });
  });
}
