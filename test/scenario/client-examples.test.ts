import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { basename, resolve } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { type Keeper, startKeeper } from "../../src/keeper/index.ts";

const run = promisify(execFile);
const folder = resolve(import.meta.dirname, "../../examples");

/** The last line that each prints. */
const LAST_LINE: Readonly<Record<string, RegExp>> = {
  "counter.ts": /^grew by 42$/u,
  "first-steps.ts": /^exists: false$/u,
  "leader.ts": /^its number is greater: true$/u,
  "lock.ts": /^all done$/u,
  "service-discovery.ts": /^1 known$/u,
  "session-states.ts": /^closed$/u,
  "transaction.ts": /^operation 1: no-node; ann still has 100$/u,
  "watch.ts": /^data-changed: change 3$/u,
};

describe("examples of the client", () => {
  let keeper: Keeper;
  before(async () => {
    keeper = await startKeeper();
  });
  after(() => keeper.close());

  test("all have an expectation here", () => {
    const files = globSync("*.ts", { cwd: folder }).map((file) =>
      basename(file),
    );
    assert.deepEqual(files.toSorted(), Object.keys(LAST_LINE));
  });

  for (const [file, lastLine] of Object.entries(LAST_LINE))
    test(`${file} runs, twice`, { timeout: 30_000 }, async () => {
      for (let round = 0; round < 2; round++) {
        const { stdout } = await run(process.execPath, [
          resolve(folder, file),
          keeper.connectString,
        ]);
        assert.match(stdout.trimEnd().split("\n").at(-1) ?? "", lastLine);
      }
    });
});
