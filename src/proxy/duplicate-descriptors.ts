import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { moduleBeside } from "../base/index.ts";
import { closeDescriptor } from "./close-descriptor.ts";

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
  });
  // Its end is told by the channel's.
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const copies: number[] = [];
  let left = descriptors.length;
  return new Promise((resolve, reject) => {
    child.on("message", (message: { readonly index: number }, handle) => {
      kept.push(handle);
      const { fd } = handle as unknown as { readonly fd?: unknown }; // undocumented, hence checked
      if (typeof fd === "number" && fd >= 0) copies[message.index] = fd;
      left -= 1;
      if (left > 0) return;
      // Not within the message, whose handle is not acknowledged yet.
      clearTimeout(timer);
      setImmediate(() => {
        if (child.connected) child.disconnect();
      });
      resolve(copies);
    });
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    // What it has sent may be read after its end: the channel ends last.
    child.once("disconnect", () => {
      clearTimeout(timer);
      if (left === 0) return;
      for (const copy of copies) if (copy !== undefined) closeDescriptor(copy);
      reject(new Error("Cannot copy descriptors: they did not come back"));
    });
  });
}
