import assert from "node:assert/strict";
import { mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { JournalRecord } from "../base/index.ts";
import type { AccessBatch, AccessRecord } from "../proxy/index.ts";
import { AccessLog } from "./access-log.ts";

function record(path: string, atMs: number): AccessRecord {
  return {
    atMs,
    client: "10.0.0.1",
    method: "GET",
    host: "www.example",
    minorVersion: 1,
    path,
    status: 200,
    bytes: 1,
    ms: 1,
    service: "www",
    target: "",
    cache: "hit",
    referer: "",
    agent: "",
  };
}

/** A log in a folder of its own, fed with batches; what it told is kept. */
async function openLog(t: TestContext, batches: AccessBatch[]) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-access-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "access.log");
  const told: JournalRecord[] = [];
  const log = await AccessLog.open({
    path,
    format: "json",
    journal: (entry) => told.push(entry),
  });
  const read = Promise.withResolvers<void>();
  const start = () => {
    log.start(() => {
      read.resolve();
      return Promise.resolve(batches.shift() ?? { records: [], lost: 0 });
    });
    return read.promise;
  };
  const paths = async (file = path) =>
    [
      ...(await readFile(file, "utf8")).matchAll(/"path":"(?<path>[^"]*)"/gu),
    ].map((match) => match.groups?.["path"]);
  return { log, path, told, start, paths };
}

test("AccessLog writes each batch in the order of time, and the last one at close()", async (t) => {
  const { log, start, paths } = await openLog(t, [
    { records: [record("/b", 2), record("/a", 1)], lost: 0 },
    { records: [record("/c", 3)], lost: 0 },
  ]);
  await start();
  await log.close();
  await log.close();
  assert.deepEqual(await paths(), ["/a", "/b", "/c"]);
});

test("AccessLog counts lost lines and tells how many", async (t) => {
  const { log, start, told } = await openLog(t, [
    { records: [record("/a", 1)], lost: 7 },
    { records: [], lost: 5 },
  ]);
  await start();
  await log.close();
  assert.equal(log.lost, 12);
  assert.deepEqual(
    told.map(({ event, lines }) => [event, lines]),
    [
      ["access-log-lost", 7],
      ["access-log-lost", 5],
    ],
  );
});

test("AccessLog.reopen() leaves the file that was moved away and makes a new one", async (t) => {
  const { log, path, start, paths } = await openLog(t, [
    { records: [record("/new", 1)], lost: 0 },
  ]);
  await rename(path, `${path}.1`);
  log.reopen();
  await start();
  await log.close();
  assert.deepEqual(await paths(), ["/new"]);
  assert.deepEqual(await paths(`${path}.1`), []);
});

test("AccessLog.open() names a file that cannot be written", async () => {
  await assert.rejects(
    AccessLog.open({
      path: "/nonexistent/access.log",
      format: "json",
      journal: () => {},
    }),
    { code: "unreadable-file", message: /nonexistent\/access\.log.*ENOENT/u },
  );
});
