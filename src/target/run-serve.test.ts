import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type JournalRecord, ManualClock } from "../base/index.ts";
import { FakeRegistry } from "./fake-registrar.fixture.ts";
import { type ReadyTarget, runServe } from "./run-serve.ts";
import { TargetError } from "./target-error.ts";

interface Stage {
  readonly dir: string;
  readonly registry: FakeRegistry;
  readonly journal: JournalRecord[];
  readonly ready: Promise<ReadyTarget>;
  readonly done: Promise<void>;
  readonly stop: AbortController;
}

async function stage(
  t: TestContext,
  given: {
    readonly registry?: FakeRegistry;
    readonly clock?: ManualClock;
    readonly release?: string;
    readonly zookeeperHosts?: readonly string[];
  } = {},
): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), "zoogate-serve-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, "index.html"), "one");
  const registry = given.registry ?? new FakeRegistry();
  const journal: JournalRecord[] = [];
  const ready = Promise.withResolvers<ReadyTarget>();
  const stop = new AbortController();
  const kill = new AbortController();
  const done = runServe({
    dir,
    listen: { host: "127.0.0.1", port: 0 },
    service: "www",
    name: "one",
    release: given.release,
    zookeeperHosts: given.zookeeperHosts ?? ["127.0.0.1"],
    openRegistrar: registry.open,
    journal: (record) => void journal.push(record),
    clock: given.clock,
    signal: stop.signal,
    kill: kill.signal,
    onReady: ready.resolve,
  });
  done.catch(ready.reject);
  t.after(async () => {
    stop.abort();
    kill.abort();
    await done.catch(() => {});
  });
  ready.promise.catch(() => {});
  return { dir, registry, journal, ready: ready.promise, done, stop };
}

async function text({ address }: ReadyTarget): Promise<string> {
  const answer = await fetch(`http://${address.host}:${address.port}/`);
  return answer.text();
}

describe("runServe()", () => {
  it("runServe() registers what it serves, drains and leaves", async (t) => {
    const { registry, ready, stop, done } = await stage(t, { release: "v1" });
    const where = await ready;
    assert.equal(where.url, `http://127.0.0.1:${where.address.port}`);
    assert.equal(where.release, "v1");
    assert.equal(await text(where), "one");
    stop.abort();
    await done;
    assert.deepEqual(registry.steps.value, [
      "registered one v1",
      "draining one",
    ]);
    await assert.rejects(text(where));
  });

  it("runServe() registers anew when the directory changes", async (t) => {
    const { dir, registry, ready } = await stage(t, { release: "v1" });
    await ready;
    await writeFile(join(dir, "index.html"), "two");
    const [, replaced] = await registry.taken(2);
    assert.match(String(replaced), /^replaced one v1\+[0-9a-f]{16}$/u);
    assert.equal(await text(await ready), "two");
  });

  it("runServe() answers, and says what it waits for, while ZooKeeper is away", async (t) => {
    const registry = new FakeRegistry();
    const back = Promise.withResolvers<void>();
    registry.available = back.promise;
    const clock = new ManualClock();
    const { journal, ready, stop, done } = await stage(t, { registry, clock });
    while (clock.pendingTimers === 0)
      await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2_000);
    assert.deepEqual(
      journal.map(({ event }) => event),
      ["waiting-for-zookeeper"],
    );
    const [facts] = registry.facts;
    const answer = await fetch(String(facts?.url));
    assert.equal(await answer.text(), "one");
    back.resolve();
    await ready;
    stop.abort();
    await done;
  });

  it("runServe() can be told to stop while ZooKeeper is away", async (t) => {
    const registry = new FakeRegistry();
    registry.available = new Promise(() => {});
    registry.drained = () => Promise.resolve("away");
    const clock = new ManualClock();
    const { stop, done } = await stage(t, { registry, clock });
    while (registry.facts.length === 0)
      await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await registry.taken(1);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2_000);
    await done;
    assert.deepEqual(registry.steps.value, ["draining one"]);
  });

  it("runServe() asks clients to close for two seconds when nobody acknowledges", async (t) => {
    const registry = new FakeRegistry();
    registry.drained = () => Promise.resolve("timed-out");
    const clock = new ManualClock();
    const { journal, ready, stop, done } = await stage(t, { registry, clock });
    const { url } = await ready;
    stop.abort();
    await registry.taken(2);
    await new Promise((resolve) => setImmediate(resolve));
    const answer = await fetch(url);
    await answer.text();
    assert.equal(answer.headers.get("connection"), "close");
    clock.advance(2_000);
    await done;
    assert.deepEqual(
      journal.map(({ event }) => event),
      ["drain-unacknowledged"],
    );
  });

  it("runServe() ends with an error when another process takes its place", async (t) => {
    const { registry, ready, done } = await stage(t);
    await ready;
    registry.lost.resolve(new Error("stood down"));
    await assert.rejects(
      done,
      (error) =>
        error instanceof TargetError && error.code === "registration-lost",
    );
  });

  it("runServe() refuses to register loopback while ZooKeeper is on another machine", async (t) => {
    const { done } = await stage(t, { zookeeperHosts: ["zk1.example"] });
    await assert.rejects(
      done,
      (error) =>
        error instanceof TargetError &&
        error.code === "advertise-needed" &&
        error.message.includes("--advertise"),
    );
  });
});
