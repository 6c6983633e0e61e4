import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readTextIfPresent, writeFileAtomic } from "./files.ts";

test("writeFileAtomic() makes folders, replaces the file and leaves nothing else", async () => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-files-"));
  const path = join(folder, "deep", "state.json");
  await writeFileAtomic(path, "one");
  await writeFileAtomic(path, "two");
  assert.equal(await readTextIfPresent(path), "two");
  assert.deepEqual(await readdir(join(folder, "deep")), ["state.json"]);
  await rm(folder, { recursive: true });
});

test("readTextIfPresent() answers undefined for a file that is not there", async () => {
  assert.equal(
    await readTextIfPresent(join(tmpdir(), "zoogate-none", "x")),
    undefined,
  );
});
