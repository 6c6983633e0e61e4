import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { type JournalRecord, ManualClock } from "../base/index.ts";
import { parseDefinition } from "./definition-schema.ts";
import { SnapshotFile } from "./snapshot-file.ts";
import { applyChanges, emptySnapshot, type Snapshot } from "./snapshot.ts";
import { viewOf } from "./target-entry.ts";

async function desk(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-snapshot-"));
  t.after(() => rm(folder, { recursive: true }));
  const clock = new ManualClock();
  const journal: JournalRecord[] = [];
  const path = join(folder, "deep", "snapshot.json");
  const open = (connectString: string, maxAgeMs?: number) =>
    new SnapshotFile({
      path,
      connectString,
      clock,
      journal: (record) => journal.push(record),
      ...(maxAgeMs === undefined ? {} : { maxAgeMs }),
    });
  return { path, clock, journal, open };
}

function sample(confirmedAtMs: number): Snapshot {
  const parsed = parseDefinition(
    Buffer.from('{"hosts":["a.example"],"policy":"hash","hash":"path"}'),
  );
  assert.ok(parsed.kind === "value" && parsed.value.kind === "definition");
  const { definition } = parsed.value;
  const target = viewOf(
    {
      service: "www",
      name: "a",
      registration: "www/a@12",
      czxid: 0x12n,
      mzxid: 0x13n,
      record: {
        url: "http://[::1]:81",
        weight: 2,
        release: "r",
        state: "draining",
        server: "s",
      },
      presence: "present",
      failure: undefined,
    },
    undefined,
  );
  const www = { name: "www", czxid: 3n, definition, currentRelease: "r" };
  const snapshot = applyChanges(emptySnapshot, [
    { kind: "service", service: www },
    { kind: "target", target },
  ]);
  return { ...snapshot, appliedZxid: 0xffffffffffn, confirmedAtMs };
}

test("SnapshotFile.load() gives back what was saved", async (t) => {
  const { clock, open } = await desk(t);
  const snapshot = sample(clock.wallMs());
  assert.deepEqual(await open("zk:1").load(), { kind: "none" });
  await open("zk:1").save(snapshot);
  clock.advance(5_000);
  assert.deepEqual(await open("zk:1/zoogate").load(), {
    kind: "loaded",
    snapshot,
    ageMs: 5_000,
  });
});

test("SnapshotFile.load() uses an old snapshot and says so, unless told to refuse it", async (t) => {
  const { clock, open, journal } = await desk(t);
  await open("zk:1").save(sample(clock.wallMs()));
  clock.advance(25 * 3_600_000);
  assert.equal((await open("zk:1").load()).kind, "loaded");
  assert.deepEqual(
    journal.map(({ level, event }) => [level, event]),
    [["error", "snapshot-old"]],
  );
  assert.deepEqual(await open("zk:1", 3_600_000).load(), {
    kind: "refused",
    because: "too-old",
  });
});

test("SnapshotFile.load() refuses what it cannot read", async (t) => {
  const { clock, open, path } = await desk(t);
  await open("zk:1").save(sample(clock.wallMs()));
  const text = await readFile(path, "utf8");
  for (const bad of ["", text.slice(0, -5), "[]", '{"format":99}']) {
    await writeFile(path, bad);
    assert.deepEqual(await open("zk:1").load(), {
      kind: "refused",
      because: "unreadable",
    });
  }
});

test("SnapshotFile.save() tells when it cannot, and does not throw", async (t) => {
  const { open, journal } = await desk(t);
  const blocked = new SnapshotFile({
    path: "/dev/null/snapshot.json",
    connectString: "zk:1",
    journal: (record) => journal.push(record),
  });
  await blocked.save(sample(0));
  assert.deepEqual(
    journal.map(({ event }) => event),
    ["snapshot-not-saved"],
  );
  await open("zk:1").save(emptySnapshot);
});
