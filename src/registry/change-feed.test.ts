import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ChangeFeed } from "./change-feed.ts";
import { defaultDefinition } from "./definition-schema.ts";
import { applyChanges, changesOf, emptySnapshot } from "./snapshot.ts";
import type { SnapshotChange } from "./snapshot.ts";
import { viewOf } from "./target-entry.ts";

function service(name: string, czxid: bigint): SnapshotChange {
  const definition = defaultDefinition;
  return {
    kind: "service",
    service: { name, czxid, definition, currentRelease: undefined },
  };
}

function view(name: string, target: string, czxid: bigint) {
  const record = { url: "http://a:1", weight: 1, state: "ready" } as const;
  const registration = `${name}/${target}@${czxid}`;
  return viewOf(
    {
      service: name,
      name: target,
      registration,
      czxid,
      mzxid: czxid,
      record,
      presence: "present",
      failure: undefined,
    },
    undefined,
  );
}

/** Steps as the registry makes them: a service before its targets, which leave before it. */
const steps = fc.array(
  fc.record({
    name: fc.constantFrom("s", "t"),
    target: fc.constantFrom("a", "b"),
    what: fc.constantFrom("service", "service-gone", "target", "target-gone"),
    read: fc.boolean(),
  }),
  { maxLength: 40 },
);

test("ChangeFeed lets a target leave that was registered anew meanwhile", async () => {
  const feed = new ChangeFeed();
  const reader = feed.read(undefined);
  const changed = (czxid: bigint): SnapshotChange => ({
    kind: "target",
    target: view("s", "a", czxid),
  });
  feed.push([service("s", 1n), changed(2n)]);
  const first = await reader.next();
  let read = applyChanges(emptySnapshot, first.value ?? []);
  feed.push([changed(3n)]);
  feed.push([
    {
      kind: "target-gone",
      service: "s",
      name: "a",
      registration: "s/a@3",
      because: "drained",
    },
  ]);
  feed.close();
  for await (const batch of reader) read = applyChanges(read, batch);
  assert.equal(read.services.get("s")?.targets.size, 0);
});

test("ChangeFeed leads a slow reader to the same snapshot", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const feed = new ChangeFeed();
      const reader = feed.read(undefined);
      let real = emptySnapshot;
      let read = emptySnapshot;
      let czxid = 0n;
      for (const step of all) {
        czxid += 1n;
        const changes = changesFor(real, { ...step, czxid });
        real = applyChanges(real, changes);
        feed.push(changes);
        if (!step.read || changes.length === 0) continue;
        const batch = await reader.next();
        if (batch.done !== true) read = applyChanges(read, batch.value);
        assert.deepEqual(read, real);
      }
      feed.close();
      for await (const batch of reader) read = applyChanges(read, batch);
      assert.deepEqual(read, real);
    }),
  );
});

function changesFor(
  snapshot: typeof emptySnapshot,
  step: {
    readonly name: string;
    readonly target: string;
    readonly what: string;
    readonly czxid: bigint;
  },
): SnapshotChange[] {
  const { name, target, czxid, what } = step;
  const present = snapshot.services.get(name);
  if (what === "service") return [service(name, czxid)];
  if (present === undefined) return [];
  if (what === "target")
    return [{ kind: "target", target: view(name, target, czxid) }];
  const gone = [...present.targets.values()]
    .filter((one) => what === "service-gone" || one.name === target)
    .map((one): SnapshotChange => ({
      kind: "target-gone",
      service: name,
      name: one.name,
      registration: one.registration,
      because: "drained",
    }));
  return what === "service-gone"
    ? [...gone, { kind: "service-gone", name }]
    : gone;
}

test("ChangeFeed ends on close and throws the signal's reason on abort", async () => {
  const feed = new ChangeFeed();
  const stop = new AbortController();
  const waiting = feed.read(stop.signal).next();
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  feed.close();
  assert.equal((await feed.read(undefined).next()).done, true);
});

test("applyChanges() shares what did not change and leaves the old snapshot alone", () => {
  const first = applyChanges(emptySnapshot, [
    service("s", 1n),
    service("t", 2n),
    { kind: "target", target: view("s", "a", 3n) },
  ]);
  const second = applyChanges(first, [
    { kind: "target", target: view("t", "b", 4n) },
  ]);
  assert.equal(second.services.get("s"), first.services.get("s"));
  assert.equal(first.services.get("t")?.targets.size, 0);
  assert.equal(second.services.get("t")?.targets.size, 1);
  assert.deepEqual(applyChanges(emptySnapshot, changesOf(second)), second);
});

test("applyChanges() does not let a former registration's end touch its successor", () => {
  const snapshot = applyChanges(emptySnapshot, [
    service("s", 1n),
    { kind: "target", target: view("s", "a", 2n) },
    { kind: "target", target: view("s", "a", 3n) },
    {
      kind: "target-gone",
      service: "s",
      name: "a",
      registration: "s/a@2",
      because: "drained",
    },
  ]);
  assert.equal(snapshot.services.get("s")?.targets.get("a")?.czxid, 3n);
});
