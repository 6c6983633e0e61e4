/** The gate: everything that can be told without running the product. */
import { run } from "./run.ts";

const steps = [
  "format:check",
  "types",
  "lint",
  "rooms",
  "build",
  "package:check",
] as const;

for (const step of steps) {
  const startedMs = performance.now();
  const status = await run("npm", ["run", "--silent", step]);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${status === 0 ? "ok" : "FAILED"}  ${step}  ${seconds} s`);
  if (status !== 0) process.exit(status);
}
