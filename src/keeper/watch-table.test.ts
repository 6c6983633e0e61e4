import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { WatchEventType } from "../jute/index.ts";
import { type Acl, OPEN_ACL, READ_ACL } from "./acl.ts";
import { Watch, type Watcher, WatchTable } from "./watch-table.ts";

class Listener implements Watcher {
  readonly watches = new Map<string, number>();
  readonly heard: string[] = [];
  hidden: Acl | undefined;
  notify(type: number, path: string): void {
    this.heard.push(`${type} ${path}`);
  }
  maySee(acl: Acl): boolean {
    return acl !== this.hidden;
  }
}

const { created, deleted, dataChanged, childrenChanged } = WatchEventType;
const acl = OPEN_ACL;

describe("WatchTable", () => {
  test("fires a one-shot watch once", () => {
    const table = new WatchTable();
    const listener = new Listener();
    table.add(listener, "/a", Watch.data);
    for (let index = 0; index < 2; index++)
      table.triggerData({ type: dataChanged, path: "/a", acl });
    assert.deepEqual(listener.heard, ["3 /a"]);
    assert.equal(table.count, 0);
    assert.equal(table.bytes, 0);
  });

  test("tells of a deletion once whoever watches data and children", () => {
    const table = new WatchTable();
    const listener = new Listener();
    table.add(listener, "/a", Watch.data | Watch.child);
    table.triggerDeleted({ type: deleted, path: "/a", acl });
    assert.deepEqual(listener.heard, ["2 /a"]);
    assert.equal(table.pathCount, 0);
  });

  test("keeps the data watch when the children changed", () => {
    const table = new WatchTable();
    const listener = new Listener();
    table.add(listener, "/a", Watch.data | Watch.child);
    table.triggerChildren({ type: childrenChanged, path: "/a", acl });
    assert.ok(table.has(listener, "/a", Watch.data));
    assert.ok(!table.has(listener, "/a", Watch.child));
  });

  test("keeps persistent watches, also beside one-shot ones", () => {
    const table = new WatchTable();
    const listener = new Listener();
    table.add(listener, "/a", Watch.persistentData | Watch.persistentChild);
    table.add(listener, "/a", Watch.data);
    table.triggerData({ type: dataChanged, path: "/a", acl });
    table.triggerData({ type: dataChanged, path: "/a", acl });
    table.triggerChildren({ type: childrenChanged, path: "/a", acl });
    assert.deepEqual(listener.heard, ["3 /a", "3 /a", "4 /a"]);
  });

  test("tells recursive watches of everything below but lists of children", () => {
    const table = new WatchTable();
    const listener = new Listener();
    table.add(listener, "/", Watch.recursive);
    table.add(listener, "/a", Watch.recursive);
    table.triggerData({ type: created, path: "/a/b", acl });
    table.triggerChildren({ type: childrenChanged, path: "/a", acl });
    table.triggerData({ type: created, path: "/ab", acl });
    assert.deepEqual(listener.heard, ["1 /a/b", "1 /ab"]);
  });

  test("tells nobody of what it may not see (CVE-2024-23944)", () => {
    const table = new WatchTable();
    const listener = new Listener();
    listener.hidden = READ_ACL;
    table.add(listener, "/", Watch.recursive);
    table.triggerData({ type: created, path: "/a", acl: READ_ACL });
    assert.deepEqual(listener.heard, []);
  });

  test("forgets a watcher that has gone, and keeps the others", () => {
    const table = new WatchTable();
    const gone = new Listener();
    const other = new Listener();
    for (const listener of [gone, other]) {
      table.add(listener, "/a", Watch.data);
      table.add(listener, "/", Watch.recursive);
    }
    table.removeAll(gone);
    table.triggerData({ type: dataChanged, path: "/a", acl });
    assert.deepEqual(gone.heard, []);
    assert.deepEqual(other.heard, ["3 /a"]);
    table.removeAll(other);
    assert.deepEqual([table.count, table.pathCount, table.bytes], [0, 0, 0]);
  });

  test("removes the kinds that are named and says whether there were any", () => {
    const table = new WatchTable();
    const listener = new Listener();
    table.add(listener, "/a", Watch.data | Watch.child);
    assert.equal(table.remove(listener, "/a", Watch.child), true);
    assert.equal(table.remove(listener, "/a", Watch.child), false);
    assert.ok(table.has(listener, "/a", Watch.data));
  });
});
