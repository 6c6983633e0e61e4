import assert from "node:assert/strict";
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { JournalRecord } from "../base/index.ts";
import type { AccessLines } from "../proxy/index.ts";
import { AccessLog } from "./access-log.ts";

function lines(text: string, lost = 0): AccessLines {
  return { text, lines: text.split("\n").length - 1, lost };
}

/** A log in a folder of its own, fed with batches; what it told is kept. */
async function openLog(t: TestContext, batches: AccessLines[]) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-access-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "access.log");
  const told: JournalRecord[] = [];
  const log = await AccessLog.open({
    path,
    journal: (entry) => told.push(entry),
  });
  const read = Promise.withResolvers<void>();
  const start = () => {
    log.start(() => {
      read.resolve();
      return Promise.resolve(batches.shift() ?? lines(""));
    });
    return read.promise;
  };
  const text = (file = path) => readFile(file, "utf8");
  return { log, path, told, start, text };
}

test("AccessLog writes each batch, and the last one at close()", async (t) => {
  const { log, start, text } = await openLog(t, [
    lines("a\nb\n"),
    lines("c\n"),
  ]);
  await start();
  await log.close();
  await log.close();
  assert.equal(await text(), "a\nb\nc\n");
});

test("AccessLog counts lost lines and tells how many", async (t) => {
  const { log, start, told } = await openLog(t, [
    lines("a\n", 7),
    lines("", 5),
  ]);
  await start();
  await log.close();
  assert.equal(log.lost, 12);
  assert.deepEqual(
    told.map((entry) => [entry.event, entry["lines"]]),
    [
      ["access-log-lost", 7],
      ["access-log-lost", 5],
    ],
  );
});

test("AccessLog.reopen() leaves the file that was moved away and makes a new one", async (t) => {
  const { log, path, start, text } = await openLog(t, [lines("new\n")]);
  await rename(path, `${path}.1`);
  log.reopen();
  await start();
  await log.close();
  assert.equal(await text(), "new\n");
  assert.equal(await text(`${path}.1`), "");
});

test("AccessLog.open() names a file that cannot be written", async () => {
  await assert.rejects(
    AccessLog.open({
      path: "/nonexistent/access.log",
      journal: () => {},
    }),
    { code: "unreadable-file", message: /nonexistent\/access\.log.*ENOENT/u },
  );
});
