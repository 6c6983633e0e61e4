/**
 * Runs the tests: all of them, or the files whose path contains one of the
 * words given. Installs what they need from Debian where it may.
 */
import { globSync } from "node:fs";
import { resolve } from "node:path";
import { provideDebianPackages } from "./debian.ts";
import { run } from "./run.ts";

const root = resolve(import.meta.dirname, "..");
const words = process.argv.slice(2);
const files = globSync(
  ["src/**/*.test.ts", "test/**/*.test.ts", "bench/**/*.test.ts"],
  { cwd: root },
)
  .filter(
    (file) => words.length === 0 || words.some((word) => file.includes(word)),
  )
  .toSorted();

if (files.length === 0) {
  console.error(`No test file matches ${words.join(", ")}`);
  process.exit(1);
}
const unmet = provideDebianPackages();
const reporter = process.stdout.isTTY ? "spec" : "dot";
const status = await run(
  process.execPath,
  [
    "--test",
    `--test-reporter=${process.env["ZOOGATE_TEST_REPORTER"] ?? reporter}`,
    "--test-reporter-destination=stdout",
    `--test-reporter=${resolve(root, "scripts/test-summary.ts")}`,
    "--test-reporter-destination=stdout",
    "--test-timeout=180000",
    ...files,
  ],
  // Node's own tests of a test runner inside a test runner would be silenced.
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => name !== "NODE_TEST_CONTEXT",
    ),
  ),
);
if (unmet.length > 0)
  console.log(`Left out on this machine: ${unmet.join("; ")}`);
process.exitCode = status;
