import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { silentJournal } from "../base/index.ts";
import { type BookChange, type BookNode, ServiceBook } from "./service-book.ts";
import { applyChanges, emptySnapshot, type Snapshot } from "./snapshot.ts";

const path = fc.constantFrom(
  "s",
  "t",
  "s/targets/a",
  "s/targets/b",
  "t/targets/a",
  "s/releases/r1",
  "s/releases/r2",
  "s/overrides/a",
);
const release = fc.constantFrom("r1", "r2", undefined);
const port = fc.integer({ min: 1, max: 4 });
const step = fc.record({
  path,
  release,
  port,
  what: fc.constantFrom("set", "set", "anew", "deleted"),
  draining: fc.boolean(),
  outcome: fc.constantFrom(undefined, "refused", "answered"),
  afterMs: fc.constantFrom(1, 100, 70_000),
  /** Whether the batch ends here. */
  ends: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function valueOf({ path, port, release, draining }: Step): string {
  if (path.includes("/targets/"))
    return JSON.stringify({
      url: `http://10.0.0.1:${port}`,
      release,
      state: draining ? "draining" : "ready",
    });
  if (path.includes("/overrides/"))
    return JSON.stringify({ drain: draining, weight: port });
  return path.includes("/") ? "" : JSON.stringify({ path: `/${port}` });
}

/** What a mirror of a changing tree tells. */
class FakeTree {
  readonly nodes = new Map<string, BookNode>();
  #zxid = 0n;

  apply(step: Step): BookChange | undefined {
    const known = this.nodes.get(step.path);
    this.#zxid += 1n;
    if (step.what === "deleted") {
      this.nodes.delete(step.path);
      return known && { kind: "deleted", path: step.path, node: known };
    }
    const mzxid = this.#zxid;
    const czxid =
      known === undefined || step.what === "anew" ? mzxid : known.stat.czxid;
    const data = Buffer.from(valueOf(step));
    const node = { data, stat: { czxid, mzxid, version: 0 } };
    this.nodes.set(step.path, node);
    return { kind: "set", path: step.path, node };
  }
}

/** What somebody sees who reads the tree only now. */
function readNow(tree: FakeTree): Snapshot {
  const book = new ServiceBook({ journal: silentJournal });
  const changes: BookChange[] = [...tree.nodes].map(([path, node]) => ({
    kind: "set",
    path,
    node,
  }));
  changes.push({ kind: "synced", newTree: false });
  return applyChanges(emptySnapshot, book.apply(changes, 0));
}

test("ServiceBook that followed every change agrees with one that reads the tree now", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const tree = new FakeTree();
      const book = new ServiceBook({ journal: silentJournal });
      let snapshot = emptySnapshot;
      let batch: BookChange[] = [];
      let nowMs = 0;
      const flush = () => {
        batch.push({ kind: "synced", newTree: false });
        snapshot = applyChanges(snapshot, book.apply(batch, nowMs));
        batch = [];
      };
      for (const one of steps) {
        const change = tree.apply(one);
        if (change !== undefined) batch.push(change);
        if (!one.ends) continue;
        flush();
        nowMs += one.afterMs;
        snapshot = applyChanges(snapshot, book.tick(nowMs));
        const target = snapshot.services.get("s")?.targets.get("a");
        if (one.outcome === undefined || target === undefined) continue;
        const { registration } = target;
        snapshot = applyChanges(
          snapshot,
          book.report(registration, one.outcome, nowMs),
        );
      }
      flush();
      agree(snapshot, readNow(tree), tree);
    }),
  );
});

function agree(followed: Snapshot, read: Snapshot, tree: FakeTree): void {
  for (const service of read.services.values()) {
    const mine = followed.services.get(service.name);
    assert.ok(mine, service.name);
    assert.deepEqual(mine.definition, service.definition);
    assert.equal(mine.czxid, service.czxid);
    for (const target of service.targets.values())
      assert.deepEqual(mine.targets.get(target.name), target);
    for (const target of mine.targets.values())
      if (!service.targets.has(target.name))
        assert.equal(target.state, suspectOrDrained(tree, target));
    const ready = [...service.targets.values()].some(
      ({ state }) => state === "ready",
    );
    if (ready) assert.equal(mine.currentRelease, service.currentRelease);
  }
}

/** A suspect of which an operator says `drain` afterwards gets no requests either. */
function suspectOrDrained(
  tree: FakeTree,
  target: { readonly service: string; readonly name: string },
): string {
  const path = `${target.service}/overrides/${target.name}`;
  const data = tree.nodes.get(path)?.data;
  const override: unknown = JSON.parse(Buffer.from(data ?? "{}").toString());
  const drain =
    typeof override === "object" &&
    override !== null &&
    "drain" in override &&
    override.drain === true;
  return drain ? "draining" : "suspect";
}
