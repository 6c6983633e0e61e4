import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { commitLabel, readGitState } from "./git-commit.ts";

describe("readGitState()", () => {
  it("readGitState() tells a clean checkout from a changed one and from none", async (t) => {
    const dir = await mkdtemp(join(tmpdir(), "zoogate-git-"));
    t.after(() => rm(dir, { recursive: true }));
    const git = (...args: string[]) =>
      execFileSync("git", ["-C", dir, ...args], { encoding: "utf8" }).trim();
    assert.equal(await readGitState(dir), undefined);
    git("init", "-q");
    assert.equal(await readGitState(dir), undefined);
    await writeFile(join(dir, "a"), "1");
    git("add", "a");
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a");
    const commit = git("rev-parse", "HEAD");
    const clean = await readGitState(dir);
    assert.deepEqual(clean, { commit, clean: true });
    assert.equal(commitLabel(clean), commit);
    await writeFile(join(dir, "b"), "");
    assert.equal(commitLabel(await readGitState(dir)), `${commit}-dirty`);
  });
});
