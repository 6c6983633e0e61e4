/**
 * The proxy's scenarios once more, where Node's handles look otherwise than they
 * are known: accepted connections then read and write as any program's do. All
 * of them with ZOOGATE_SOAK_SECONDS, else those that see most.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const HERE = import.meta.dirname;
const STRANGE = join(HERE, "..", "support", "strange-handles.ts");
const FILES =
  process.env["ZOOGATE_SOAK_SECONDS"] === undefined
    ? ["proxy-http.test.ts", "proxy-forwarding.test.ts", "tunnel.test.ts"]
    : [
        ...globSync("proxy-*.test.ts", { cwd: HERE }),
        "large-bodies.test.ts",
        "tunnel.test.ts",
        "websocket.test.ts",
        "../fault/mixed-traffic.test.ts",
      ];

/** Runs a test file with strange handles; rejects with its output when it fails. */
function runStrangely(file: string, witness: string): Promise<void> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    ZOOGATE_STRANGE_HANDLES: witness,
  };
  // It is a test of its own, not a part of this one.
  delete env["NODE_TEST_CONTEXT"];
  delete env["ZOOGATE_SOAK_SECONDS"];
  const args = ["--import", pathToFileURL(STRANGE).href, join(HERE, file)];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      if (error === null) resolve();
      else reject(new Error(`${file} fails:\n${stdout}\n${stderr}`));
    });
  });
}

for (const file of FILES)
  test(`adoptAccepted() and directHandle() do without what they know (${basename(file)})`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "zoogate-handles-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const witness = join(folder, "met");
    await runStrangely(file, witness);
    assert.match(await readFile(witness, "utf8"), /^worker$/mu);
  });
