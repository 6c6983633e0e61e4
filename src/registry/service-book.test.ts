import assert from "node:assert/strict";
import { test } from "node:test";
import type { JournalRecord } from "../base/index.ts";
import { type BookChange, ServiceBook } from "./service-book.ts";
import { applyChanges, emptySnapshot } from "./snapshot.ts";
import type { Snapshot, SnapshotChange } from "./snapshot.ts";

/** A book with the tree it was told of, and the snapshot that its changes lead to. */
class Desk {
  readonly journal: JournalRecord[] = [];
  readonly book = new ServiceBook({ journal: (r) => this.journal.push(r) });
  snapshot: Snapshot = emptySnapshot;
  #zxid = 0n;

  /** Tells one batch; each value is a JSON object, text, or undefined for a deletion. */
  tell(
    values: Record<string, unknown>,
    options: { atMs?: number; newTree?: boolean; same?: boolean } = {},
  ): SnapshotChange[] {
    const changes: BookChange[] = Object.entries(values).map(
      ([path, value]) => {
        if (options.same !== true) this.#zxid += 1n;
        const czxid = this.czxids.get(path) ?? this.#zxid;
        const data = Buffer.from(
          typeof value === "string" ? value : JSON.stringify(value ?? null),
        );
        const node = {
          data: value === undefined ? (this.#data.get(path) ?? null) : data,
          stat: { czxid, mzxid: this.#zxid, version: 0 },
        };
        if (value === undefined) {
          this.czxids.delete(path);
          return { kind: "deleted", path, node };
        }
        this.czxids.set(path, czxid);
        this.#data.set(path, data);
        return { kind: "set", path, node };
      },
    );
    changes.push({ kind: "synced", newTree: options.newTree === true });
    return this.take(this.book.apply(changes, options.atMs ?? 0));
  }

  readonly czxids = new Map<string, bigint>();
  readonly #data = new Map<string, Buffer>();

  take(changes: SnapshotChange[]): SnapshotChange[] {
    this.snapshot = applyChanges(this.snapshot, changes);
    return changes;
  }

  target(service: string, name: string) {
    return this.snapshot.services.get(service)?.targets.get(name);
  }

  registration(service: string, name: string): string {
    return this.target(service, name)?.registration ?? "none";
  }

  /** What left in `changes`, and why. */
  static gone(changes: SnapshotChange[]): string[] {
    return changes.flatMap((change) =>
      change.kind === "target-gone" ? [`${change.name} ${change.because}`] : [],
    );
  }
}

const at = (port: number, more: object = {}) => ({
  url: `http://10.0.0.1:${port}`,
  ...more,
});

function desk(targets: number, more: object = {}): Desk {
  const made = new Desk();
  made.tell({ www: "" });
  for (let index = 0; index < targets; index++)
    made.tell({ [`www/targets/t${index}`]: at(index + 1, more) });
  return made;
}

test("ServiceBook makes a snapshot of services and targets", () => {
  const { snapshot } = desk(2, { weight: 2, release: "r1" });
  const www = snapshot.services.get("www");
  assert.deepEqual([...(www?.targets.keys() ?? [])], ["t0", "t1"]);
  assert.deepEqual(www?.targets.get("t1"), {
    service: "www",
    name: "t1",
    registration: "www/t1@3",
    czxid: 3n,
    mzxid: 3n,
    url: "http://10.0.0.1:2",
    host: "10.0.0.1",
    port: 2,
    socketPath: undefined,
    weight: 2,
    release: "r1",
    commit: undefined,
    state: "ready",
    server: undefined,
    life: undefined,
    sinceMs: undefined,
  });
  assert.equal(www?.currentRelease, "r1");
});

test("ServiceBook tells nothing before the tree was read once", () => {
  const book = new ServiceBook({ journal: () => {} });
  const stat = { czxid: 1n, mzxid: 1n, version: 0 };
  const node = { data: null, stat };
  assert.deepEqual(book.apply([{ kind: "set", path: "www", node }], 0), []);
  const changes = book.apply([{ kind: "synced", newTree: false }], 0);
  assert.equal(changes[0]?.kind, "service");
});

test("ServiceBook tells of one target when one target changes", () => {
  const made = desk(3);
  const before = made.snapshot;
  const changes = made.tell({ "www/targets/t1": at(2, { weight: 5 }) });
  assert.deepEqual(
    changes.map(({ kind }) => kind),
    ["target"],
  );
  assert.equal(made.target("www", "t1")?.weight, 5);
  assert.equal(
    made.target("www", "t0"),
    before.services.get("www")?.targets.get("t0"),
  );
  assert.deepEqual(made.tell({ "www/targets": "" }), []);
});

test("ServiceBook keeps the last good value and reports the bad one", () => {
  const made = desk(1);
  made.tell({ www: { hosts: ["a.example"] } });
  assert.deepEqual(made.tell({ www: "{bad", "www/targets/t0": "[]" }), []);
  assert.deepEqual(
    made.book.problems.all.map(({ path, code }) => `${path} ${code}`),
    ["/services/www bad-json", "/services/www/targets/t0 bad-value"],
  );
  assert.deepEqual(made.snapshot.services.get("www")?.definition.hosts, [
    "a.example",
  ]);
  assert.equal(made.target("www", "t0")?.state, "ready");
  made.tell({ www: { hosts: ["b.example"], x: 1 }, "www/targets/t0": at(1) });
  assert.deepEqual(made.book.problems.all, []);
  assert.equal(made.book.problems.unknownKeys, 1);
});

test("ServiceBook does not route a service whose first definition is bad", () => {
  const made = new Desk();
  made.tell({ www: "{", "www/targets/a": at(1) });
  assert.equal(made.snapshot.services.size, 0);
  made.tell({ www: {} });
  assert.equal(made.target("www", "a")?.port, 1);
});

test("ServiceBook keeps a definition that becomes empty or vanishes", () => {
  const made = desk(1);
  made.tell({ www: { hosts: ["a.example"] } });
  for (const value of ["", undefined]) {
    made.tell({ www: value });
    assert.deepEqual(made.snapshot.services.get("www")?.definition.hosts, [
      "a.example",
    ]);
  }
});

test("ServiceBook drops a service that is marked as removed, with its targets", () => {
  const made = desk(1);
  const changes = made.tell({ www: { removed: true } });
  assert.deepEqual(
    changes.map(({ kind }) => kind),
    ["target-gone", "service-gone"],
  );
  made.tell({ www: {} });
  assert.equal(made.target("www", "t0")?.state, "ready", "it comes back");
});

test("ServiceBook drops an undefined service with its node and last target", () => {
  const made = desk(1);
  made.tell({ www: undefined });
  assert.equal(made.snapshot.services.size, 1, "it has a target");
  made.tell({ "www/targets/t0": undefined });
  made.take(made.book.report(made.registration("www", "t0"), "refused", 1));
  assert.equal(made.snapshot.services.size, 0);
});

test("ServiceBook reports two services that claim one host", () => {
  const made = new Desk();
  made.tell({ old: { hosts: ["a.example", "b.example"] } });
  made.tell({ young: { hosts: ["b.example"] } });
  assert.deepEqual(
    made.book.problems.all.map(({ path, code }) => [path, code]),
    [["/services/young", "host-conflict"]],
  );
  made.tell({ young: { hosts: ["c.example"] } });
  assert.deepEqual(made.book.problems.all, []);
});

test("ServiceBook lets a draining target leave with its node", () => {
  const made = desk(2);
  made.tell({ "www/targets/t0": at(1, { state: "draining" }) });
  assert.equal(made.target("www", "t0")?.state, "draining");
  assert.deepEqual(Desk.gone(made.tell({ "www/targets/t0": undefined })), [
    "t0 drained",
  ]);
});

test("ServiceBook sees a drain that was merged with the deletion after it", () => {
  const made = desk(2);
  const stat = { czxid: 2n, mzxid: 9n, version: 1 };
  const data = Buffer.from(JSON.stringify(at(1, { state: "draining" })));
  const changes = made.book.apply(
    [{ kind: "deleted", path: "www/targets/t0", node: { data, stat } }],
    0,
  );
  assert.deepEqual(Desk.gone(changes), ["t0 drained"]);
});

test("ServiceBook keeps a target whose node vanished, until it refuses", () => {
  const made = desk(2);
  made.tell({ "www/targets/t0": undefined });
  assert.equal(made.target("www", "t0")?.state, "suspect");
  const registration = made.registration("www", "t0");
  assert.deepEqual(made.book.report(registration, "answered", 10), []);
  const changes = made.take(made.book.report(registration, "refused", 20));
  assert.deepEqual(Desk.gone(changes), ["t0 refused"]);
});

test("ServiceBook drops a vanished target that had refused just before", () => {
  const made = desk(2);
  made.book.report(made.registration("www", "t0"), "refused", 0);
  const changes = made.tell({ "www/targets/t0": undefined }, { atMs: 12_000 });
  assert.deepEqual(Desk.gone(changes), ["t0 refused"]);
});

test("ServiceBook keeps a vanished target that had refused long before, or answered since", () => {
  const made = desk(2);
  made.book.report(made.registration("www", "t0"), "refused", 0);
  made.book.report(made.registration("www", "t1"), "refused", 19_000);
  made.book.report(made.registration("www", "t1"), "answered", 19_001);
  made.tell({ "www/targets/t0": undefined }, { atMs: 20_000 });
  assert.equal(made.target("www", "t0")?.state, "suspect");
  made.tell({ "www/targets/t1": undefined }, { atMs: 31_000 });
  assert.equal(made.target("www", "t1")?.state, "suspect");
});

test("ServiceBook drops a suspect when another target registers its address", () => {
  const made = desk(2);
  made.tell({ "www/targets/t0": undefined });
  made.tell({ other: "" });
  const changes = made.tell({ "other/targets/x": at(1) });
  assert.deepEqual(Desk.gone(changes), ["t0 address-taken"]);
});

test("ServiceBook drops a vanished target whose address was taken before", () => {
  const made = desk(2);
  made.tell({ "www/targets/new": at(1) });
  const changes = made.tell({ "www/targets/t0": undefined });
  assert.deepEqual(Desk.gone(changes), ["t0 address-taken"]);
});

test("ServiceBook takes a suspect back when its node stands again", () => {
  const made = desk(2);
  const before = made.registration("www", "t0");
  made.tell({ "www/targets/t0": undefined });
  made.tell({ "www/targets/t0": at(1) });
  assert.equal(made.target("www", "t0")?.state, "ready");
  assert.notEqual(made.registration("www", "t0"), before);
  assert.equal(made.book.nextDueMs(), undefined);
});

test("ServiceBook lets suspects go after a minute, the last that answers never", () => {
  const made = desk(2);
  made.tell({ "www/targets/t0": undefined });
  assert.deepEqual(Desk.gone(made.take(made.book.tick(59_999))), []);
  assert.deepEqual(Desk.gone(made.take(made.book.tick(60_000))), [
    "t0 suspect-too-long",
  ]);
  made.tell({ "www/targets/t1": undefined }, { atMs: 60_000 });
  assert.deepEqual(made.book.tick(900_000), []);
});

test("ServiceBook holds targets that vanish together, even when they refuse", () => {
  const made = desk(4);
  made.tell({
    "www/targets/t0": undefined,
    "www/targets/t1": undefined,
  });
  assert.deepEqual(made.book.suspects(), { all: 2, held: 2 });
  assert.deepEqual(
    made.book.report(made.registration("www", "t0"), "refused", 1),
    [],
  );
  assert.deepEqual(Desk.gone(made.take(made.book.tick(300_000))), [
    "t0 suspect-too-long",
    "t1 suspect-too-long",
  ]);
});

test("ServiceBook replaces a target that registers anew in one batch", () => {
  const made = desk(1, { release: "r1" });
  made.czxids.delete("www/targets/t0");
  const changes = made.tell({ "www/targets/t0": at(1, { release: "r2" }) });
  assert.deepEqual(
    changes.map(({ kind }) => kind),
    ["service", "target"],
  );
  assert.equal(made.snapshot.services.get("www")?.currentRelease, "r2");
});

test("ServiceBook orders releases by their nodes, not by their targets", () => {
  const made = new Desk();
  made.tell({ www: "", "www/releases/r1": "", "www/releases/r2": "" });
  made.tell({ "www/targets/a": at(1, { release: "r2" }) });
  made.tell({ "www/targets/b": at(2, { release: "r1" }) });
  const current = () => made.snapshot.services.get("www")?.currentRelease;
  assert.equal(current(), "r2");
  made.tell({ "www/targets/a": at(1, { release: "r2", state: "draining" }) });
  assert.equal(current(), "r1", "its last target drains");
  made.tell({ "www/targets/b": undefined });
  assert.equal(current(), "r1", "without a target in rotation it stays");
});

test("ServiceBook follows the recorded release with a cutover, and proposes it", () => {
  const made = new Desk();
  made.tell({
    www: { rollout: { mode: "cutover", min: 1 } },
    "www/releases/r1": "",
    "www/releases/r2": "",
    "www/targets/a": at(1, { release: "r1" }),
  });
  assert.deepEqual(made.book.cutovers(), [
    { service: "www", release: "r1", version: undefined },
  ]);
  made.tell({ "www/current": { release: "r1" } });
  assert.deepEqual(made.book.cutovers(), []);
  made.tell({ "www/targets/b": at(2, { release: "r2" }) });
  assert.equal(made.snapshot.services.get("www")?.currentRelease, "r1");
  assert.deepEqual(made.book.cutovers(), [
    { service: "www", release: "r2", version: 0 },
  ]);
});

test("ServiceBook obeys an operator's override, and forgets it when it goes", () => {
  const made = desk(2);
  made.tell({ "www/overrides/t0": { weight: 7 } });
  assert.equal(made.target("www", "t0")?.weight, 7);
  made.tell({ "www/overrides/t0": { drain: true } });
  assert.equal(made.target("www", "t0")?.state, "draining");
  made.tell({ "www/overrides/t0": undefined });
  assert.equal(made.target("www", "t0")?.state, "ready");
});

test("ServiceBook starts from the last run and doubts what the tree lacks", () => {
  const before = desk(3, { release: "r1" });
  const made = new Desk();
  made.take(made.book.load(before.snapshot, 0));
  assert.deepEqual(
    [...made.snapshot.services.values()],
    [...before.snapshot.services.values()],
  );
  made.czxids.set("www", 1n).set("www/targets/t1", 3n);
  made.tell({ www: "", "www/targets/t1": at(2, { release: "r1" }) });
  assert.equal(made.target("www", "t0")?.state, "suspect");
  assert.equal(made.target("www", "t1")?.state, "ready");
  assert.equal(
    made.registration("www", "t1"),
    before.registration("www", "t1"),
  );
});

test("ServiceBook keeps everything when an empty tree takes the place of the old one", () => {
  const made = desk(3, { release: "r1" });
  made.tell({ www: { hosts: ["a.example"] }, "www/releases/r1": "" });
  made.tell(
    {
      www: undefined,
      "www/releases/r1": undefined,
      "www/targets/t0": undefined,
      "www/targets/t1": undefined,
      "www/targets/t2": undefined,
    },
    { newTree: true },
  );
  const www = made.snapshot.services.get("www");
  assert.deepEqual(www?.definition.hosts, ["a.example"]);
  assert.equal(www?.currentRelease, "r1");
  assert.deepEqual(made.book.suspects(), { all: 3, held: 3 });
});
