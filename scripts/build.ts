/** Builds what is published: `dist/`, from the sources of `src/`. */
import { chmod, rm } from "node:fs/promises";
import { resolve } from "node:path";
import { run } from "./run.ts";

const root = resolve(import.meta.dirname, "..");
await rm(resolve(root, "dist"), { recursive: true, force: true });
const status = await run("tsc", [
  "--project",
  resolve(root, "tsconfig.build.json"),
]);
if (status === 0) await chmod(resolve(root, "dist/cli/bin.js"), 0o755);
process.exitCode = status;
