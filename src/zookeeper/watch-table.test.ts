import assert from "node:assert/strict";
import { test } from "node:test";
import { WatchEventType } from "../jute/index.ts";
import type { WatchKind } from "./watch-request.ts";
import { WatchTable } from "./watch-table.ts";

const KINDS: readonly WatchKind[] = [
  "data",
  "exist",
  "children",
  "persistent",
  "recursive",
];

/** Which kinds at /a an event at `path` tells, and which are left after it. */
function told(type: number, path: string): readonly [WatchKind[], WatchKind[]] {
  const kindsTold: WatchKind[] = [];
  const table = new WatchTable();
  for (const kind of KINDS) table.add(kind, "/a", () => kindsTold.push(kind));
  const take = () => {
    kindsTold.length = 0;
    for (const listener of table.take(type, path))
      listener({ kind: "created", path });
    return [...kindsTold];
  };
  return [take(), take()];
}

test("WatchTable.take() tells each kind what it is for, and one-shot ones once", () => {
  const { created, dataChanged, deleted, childrenChanged } = WatchEventType;
  const staying: WatchKind[] = ["persistent", "recursive"];
  for (const type of [created, dataChanged])
    assert.deepEqual(told(type, "/a"), [
      ["data", "exist", ...staying],
      staying,
    ]);
  assert.deepEqual(told(deleted, "/a"), [
    ["data", "exist", "children", ...staying],
    staying,
  ]);
  assert.deepEqual(told(childrenChanged, "/a"), [
    ["children", "persistent"],
    ["persistent"],
  ]);
  assert.deepEqual(told(created, "/a/b/c"), [["recursive"], ["recursive"]]);
  assert.deepEqual(told(created, "/ab"), [[], []]);
  assert.deepEqual(told(99, "/a"), [[], []]);
});

test("WatchTable.take() finds a recursive watch on the root", () => {
  const table = new WatchTable();
  table.add("recursive", "/", () => {});
  assert.equal(table.take(WatchEventType.deleted, "/a/b").length, 1);
  assert.equal(table.take(WatchEventType.deleted, "/").length, 1);
});

test("WatchTable.remove() says when the server may forget the path", async () => {
  const table = new WatchTable();
  const [first, second] = [() => {}, () => {}];
  table.add("data", "/a", first);
  table.add("recursive", "/a", second);
  assert.equal(table.remove("/a", first), false);
  const { promise: answer, resolve } = Promise.withResolvers<void>();
  const payload = { watch: true };
  const coming = table.expect(
    { kind: "data", serverPath: "/a", listener: first, payload },
    answer,
  );
  assert.equal(table.remove("/a", second), false, "another is under way");
  resolve();
  await coming;
  table.add("data", "/a", first);
  assert.equal(table.remove("/a", first), true);
  assert.equal(table.remove("/a", first), false);
  assert.equal(table.size, 0);
});

test("WatchTable.sending() asks for no one-shot watch where one stays (ZOOKEEPER-4466)", () => {
  const table = new WatchTable();
  const send = (kind: WatchKind) => {
    const payload = { watch: true, mode: 0 };
    table.sending({ kind, serverPath: "/a", listener: () => {}, payload });
    return payload;
  };
  assert.equal(send("data").watch, true);
  assert.equal(send("recursive").mode, 1);
  assert.equal(send("data").watch, false);
  assert.equal(send("persistent").mode, 1, "the recursive one is not replaced");
  assert.equal(table.changedParent(WatchEventType.created, "/a/b"), "/a");
  assert.equal(
    table.changedParent(WatchEventType.created, "/a/b/c"),
    undefined,
  );
  assert.equal(
    table.changedParent(WatchEventType.dataChanged, "/a/b"),
    undefined,
  );
});

test("WatchTable.clear() answers the one-shot listeners", () => {
  const table = new WatchTable();
  for (const kind of KINDS) table.add(kind, "/a", () => {});
  assert.equal(table.clear().length, 3);
  assert.equal(table.size, 0);
  assert.deepEqual([...table.pieces()], []);
});
