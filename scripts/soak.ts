/**
 * Runs the long tests in full: the same files as `npm test`, with more time.
 * `npm run soak -- [seconds] [word …]`; default 300 s for each.
 */
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { provideDebianPackages } from "./debian.ts";
import { run } from "./run.ts";

const [first, ...rest] = process.argv.slice(2);
const namesSeconds = /^\d+$/u.test(first ?? "");
const seconds = namesSeconds ? Number(first) : 300;
const words = namesSeconds || first === undefined ? rest : [first, ...rest];

const root = resolve(import.meta.dirname, "..");
const files = globSync(["src/**/*.test.ts", "test/**/*.test.ts"], { cwd: root })
  .filter((file) =>
    readFileSync(resolve(root, file), "utf8").includes("ZOOGATE_SOAK_SECONDS"),
  )
  .filter(
    (file) => words.length === 0 || words.some((word) => file.includes(word)),
  )
  .toSorted();
if (files.length === 0) {
  console.error("No test has a longer form under that name");
  process.exit(1);
}
provideDebianPackages();
console.log(`${files.length} files, ${seconds} s for each long test`);
process.exitCode = await run(
  process.execPath,
  ["--test", "--test-reporter=spec", "--test-concurrency=1", ...files],
  { ...process.env, ZOOGATE_SOAK_SECONDS: String(seconds) },
);
