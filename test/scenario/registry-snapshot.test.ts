/** How changed znodes become changed snapshots, and what stays when ZooKeeper goes. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type JournalRecord, silentJournal } from "../../src/base/index.ts";
import {
  applyChanges,
  Registration,
  Registry,
  readRegistry,
  SnapshotFile,
  type ServiceView,
  type Snapshot,
} from "../../src/registry/index.ts";
import type { ZooKeeper, ZooKeeperOptions } from "../../src/zookeeper/index.ts";
import {
  client,
  type Coordinator,
  coordinators,
  expire,
} from "./coordinators.fixture.ts";

/** Resolves with the snapshot that passes. */
async function until(
  registry: Registry,
  test: (snapshot: Snapshot) => boolean,
): Promise<Snapshot> {
  const changes = registry.changes();
  if (test(registry.snapshot)) return registry.snapshot;
  for await (const _batch of changes)
    if (test(registry.snapshot)) return registry.snapshot;
  throw new Error("Cannot wait: the registry was closed");
}

function www(snapshot: Snapshot): ServiceView | undefined {
  return snapshot.services.get("www");
}

function states(snapshot: Snapshot): string[] {
  return [...(www(snapshot)?.targets.values() ?? [])]
    .map(({ name, state }) => `${name} ${state}`)
    .toSorted();
}

async function register(
  zk: ZooKeeper,
  port: number,
  release?: string,
): Promise<Registration> {
  const registration = new Registration(zk, {
    service: "www",
    name: `web-${port}`,
    url: `http://127.0.0.1:${port}`,
    release,
  });
  await registration.start();
  return registration;
}

for (const { name, skip, start } of coordinators)
  describe(`Registry on ${name}`, { skip }, () => {
    let coordinator: Coordinator;
    let folder: string;
    let chroots = 0;
    before(async () => {
      coordinator = await start();
      folder = await mkdtemp(join(tmpdir(), "zoogate-snapshots-"));
    });
    after(async () => {
      await coordinator[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    const open = () => client(coordinator, `snapshot-${++chroots}`);
    const sameTree = (options: ZooKeeperOptions = {}) =>
      client(coordinator, `snapshot-${chroots}`, options);
    const file = (connectString = coordinator.connectString) =>
      new SnapshotFile({
        path: join(folder, `${chroots}.json`),
        connectString: `${connectString}/snapshot-${chroots}`,
        journal: silentJournal,
      });

    test("Registry follows targets that come, change their release and leave", async () => {
      await using zk = open();
      await using registry = new Registry(zk);
      await registry.ready();
      assert.equal(registry.snapshot.services.size, 0);
      await using other = sameTree();
      await using first = await register(other, 8001, "r1");
      await using second = await register(other, 8002, "r1");
      await until(registry, (now) => states(now).length === 2);
      assert.equal(www(registry.snapshot)?.currentRelease, "r1");
      await first.replace({ release: "r2" });
      await until(registry, (now) => www(now)?.currentRelease === "r2");
      await second.drain();
      await until(registry, (now) => states(now).join() === "web-8001 ready");
      assert.ok(registry.appliedZxid > 0n);
    });

    test("Registry.changes() lead from one snapshot to the next", async () => {
      await using zk = open();
      await using registry = new Registry(zk);
      await registry.ready();
      let mine = registry.snapshot;
      const changes = registry.changes();
      await using other = sameTree();
      await using _one = await register(other, 8001, "r1");
      await using two = await register(other, 8002, "r1");
      await two.drain();
      for await (const batch of changes) {
        mine = applyChanges(mine, batch);
        if (states(mine).join() === "web-8001 ready") break;
      }
      assert.deepEqual([...mine.services], [...registry.snapshot.services]);
    });

    test("Registry keeps a target whose session expired, and drops it when it refuses", async () => {
      await using zk = open();
      await using registry = new Registry(zk);
      await using other = sameTree();
      await register(other, 8001);
      await until(registry, (now) => states(now).length === 1);
      const ended = sameTree({ renewSession: false });
      await register(ended, 8002);
      await until(registry, (now) => states(now).length === 2);
      await expire(coordinator, ended);
      await ended.close();
      const suspect = await until(registry, (now) =>
        states(now).includes("web-8002 suspect"),
      );
      const target = www(suspect)?.targets.get("web-8002");
      assert.ok(target);
      assert.equal(registry.status.suspects, 1);
      registry.report(target.registration, "answered");
      registry.report(target.registration, "refused");
      assert.deepEqual(states(registry.snapshot), ["web-8001 ready"]);
      assert.equal(registry.target(target.registration), undefined);
    });

    test("Registry keeps its snapshot while ZooKeeper is away, and is current when it is back", async () => {
      await using zk = open();
      await using registry = new Registry(zk);
      await using other = sameTree();
      await using _first = await register(other, 8001);
      const before = await until(registry, (now) => states(now).length === 1);
      await coordinator.stop();
      for await (const { kind } of zk.states()) if (kind !== "live") break;
      assert.equal(registry.status.live, false);
      assert.deepEqual(registry.snapshot.services, before.services);
      await coordinator.restart();
      await zk.live();
      await using _second = await register(other, 8002);
      await until(registry, (now) => states(now).length === 2);
      assert.deepEqual(states(registry.snapshot), [
        "web-8001 ready",
        "web-8002 ready",
      ]);
    });

    test("Registry follows on after its own session expired", async () => {
      await using zk = open();
      await using registry = new Registry(zk);
      await using other = sameTree();
      await using _first = await register(other, 8001);
      await until(registry, (now) => states(now).length === 1);
      await expire(coordinator, zk);
      await using _second = await register(other, 8002);
      await until(registry, (now) => states(now).length === 2);
    });

    test("Registry records a cutover once for all proxies", async () => {
      await using zk = open();
      await using other = sameTree();
      await zk.ensurePath("/services/www");
      await zk.setData(
        "/services/www",
        '{"rollout":{"mode":"cutover","min":2}}',
      );
      await using one = new Registry(zk);
      await using two = new Registry(other);
      await using _old = await register(zk, 8001, "r1");
      const both = (release: string) =>
        Promise.all(
          [one, two].map((registry) =>
            until(registry, (now) => www(now)?.currentRelease === release),
          ),
        );
      await both("r1");
      await using _first = await register(zk, 8002, "r2");
      await until(two, (now) => states(now).length === 2);
      assert.equal(www(two.snapshot)?.currentRelease, "r1");
      await using _second = await register(other, 8003, "r2");
      await both("r2");
      const { data, stat } = await zk.getData("/services/www/current");
      assert.equal(data?.toString(), '{"release":"r2"}');
      assert.equal(stat.version, 1, "written once after it was created");
    });

    test("Registry reports a bad value and serves the last good one", async () => {
      const journal: JournalRecord[] = [];
      await using zk = open();
      await using registry = new Registry(zk, {
        journal: (record) => journal.push(record),
      });
      await using other = sameTree();
      await using _first = await register(other, 8001);
      await other.setData("/services/www", '{"hosts":["a.example"]}');
      await until(
        registry,
        (now) => www(now)?.definition.hosts[0] === "a.example",
      );
      await other.setData("/services/www", "{hosts");
      await using _second = await register(other, 8002);
      await until(registry, (now) => states(now).length === 2);
      assert.deepEqual(
        registry.problems.map(({ path, code }) => [path, code]),
        [["/services/www", "bad-json"]],
      );
      assert.equal(www(registry.snapshot)?.definition.hosts[0], "a.example");
      assert.ok(journal.some(({ event }) => event === "bad-json"));
    });

    test("Registry serves the snapshot on disk while ZooKeeper is away", async () => {
      await using other = open();
      await using _first = await register(other, 8001, "r1");
      {
        await using zk = sameTree();
        await using registry = new Registry(zk, { snapshotFile: file() });
        await until(registry, (now) => states(now).length === 1);
      }
      await coordinator.stop();
      await using zk = sameTree();
      await using registry = new Registry(zk, {
        snapshotFile: file(),
        fallbackAfterMs: 10,
      });
      await registry.ready();
      assert.equal(registry.status.source, "disk");
      assert.deepEqual(states(registry.snapshot), ["web-8001 ready"]);
      assert.equal(www(registry.snapshot)?.currentRelease, "r1");
      const registration = www(registry.snapshot)?.targets.get("web-8001");
      await coordinator.restart();
      for await (const source of registry.sources())
        if (source === "zookeeper") break;
      assert.deepEqual(
        www(registry.snapshot)?.targets.get("web-8001"),
        registration,
      );
    });

    test("SnapshotFile.load() refuses another registry's snapshot", async () => {
      await using other = open();
      await using _first = await register(other, 8001);
      {
        await using registry = new Registry(other, { snapshotFile: file() });
        await until(registry, (now) => states(now).length === 1);
      }
      assert.equal((await file().load()).kind, "loaded");
      assert.deepEqual(await file("elsewhere:2181").load(), {
        kind: "refused",
        because: "another-registry",
      });
    });

    test("readRegistry() answers services, targets, releases and proxies", async () => {
      await using zk = open();
      await using _first = await register(zk, 8001, "r1");
      await zk.ensurePath("/requests/www");
      await zk.create("/requests/www/web-8001", "12");
      await zk.create("/requests/www/web-7999", "30");
      await zk.create("/services/bad", "{");
      const report = await readRegistry(zk);
      assert.deepEqual(
        report.services.map((service) => ({
          name: service.name,
          release: service.currentRelease,
          releases: service.releases,
          retired: service.retiredRequests,
          targets: service.targets.map((target) => [
            target.name,
            target.requests,
          ]),
        })),
        [
          {
            name: "www",
            release: "r1",
            releases: ["r1"],
            retired: 30,
            targets: [["web-8001", 12]],
          },
        ],
      );
      assert.deepEqual(report.proxies, []);
      assert.deepEqual(
        report.problems.map(({ path }) => path),
        ["/services/bad"],
      );
    });

    test("readRegistry() of an empty place is empty", async () => {
      await using zk = open();
      assert.deepEqual(await readRegistry(zk), {
        services: [],
        proxies: [],
        problems: [],
        unknownKeys: 0,
      });
    });
  });
