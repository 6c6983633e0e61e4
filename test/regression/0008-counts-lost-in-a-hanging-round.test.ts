/**
 * A proxy that stopped while a write of its counts hung kept on disk what that
 * round had seen; requests answered since were lost.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CountLedger } from "../../src/registry/index.ts";
import type { ZooKeeper } from "../../src/zookeeper/index.ts";

test("CountLedger.close() keeps what was answered while a round hung", async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), "zoogate-counts-"));
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  // A session that is live, and a server that never answers.
  const silent = new Proxy(
    {},
    {
      get: (_target, name) =>
        name === "state" ? { kind: "live" } : () => new Promise(() => {}),
    },
  ) as ZooKeeper; // all that is asked of it is a promise
  let answered = 10;
  const ledger = new CountLedger(silent, {
    proxyId: "p",
    dataDir,
    totals: () => [{ service: "www", target: "web-1", answered }],
  });
  await ledger.start();
  void ledger.flush();
  await new Promise(setImmediate);
  answered = 25;
  await ledger.close();
  const saved = await readFile(join(dataDir, "counts.json"), "utf8");
  assert.match(saved, /"requests":25/u);
});
