import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readAuthFile } from "./auth-file.ts";

test("readAuthFile() reads one user:password line", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-auth-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "auth");
  await writeFile(path, "zoogate:s3cr:et\n");
  assert.deepEqual(await readAuthFile(path), {
    scheme: "digest",
    auth: "zoogate:s3cr:et",
  });
});

test("readAuthFile() never repeats what a bad file says", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-auth-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "auth");
  await writeFile(path, "hunter2\n");
  await assert.rejects(readAuthFile(path), (error: Error) => {
    assert.match(error.message, /one line, user:password/u);
    assert.doesNotMatch(error.message, /hunter2/u);
    return true;
  });
});

test("readAuthFile() names a file that cannot be read", async () => {
  await assert.rejects(readAuthFile("/nonexistent/auth"), {
    code: "unreadable-file",
    message: /ENOENT/u,
  });
});
