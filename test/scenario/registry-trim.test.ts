/** That what nobody needs goes, and nothing else. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Registration, trimRegistry } from "../../src/registry/index.ts";
import {
  client,
  type Coordinator,
  coordinators,
} from "./coordinators.fixture.ts";

const DAY_MS = 24 * 3_600_000;

for (const { name, skip, start } of coordinators)
  describe(`trimRegistry() on ${name}`, { skip }, () => {
    let coordinator: Coordinator;
    before(async () => {
      coordinator = await start();
    });
    after(() => coordinator[Symbol.asyncDispose]());

    test("trimRegistry() keeps the last releases, those in use, and every sum", async () => {
      await using zk = client(coordinator, "trim");
      await zk.ensurePath("/services/www/releases");
      for (let number = 0; number < 6; number++)
        await zk.create(`/services/www/releases/r${number}`);
      await using registration = new Registration(zk, {
        service: "www",
        name: "web-1",
        url: "http://127.0.0.1:8001",
        release: "r1",
      });
      await registration.start();
      await zk.ensurePath("/requests/www");
      await zk.ensurePath("/ledger");
      await zk.create("/ledger/proxy-1", "9");
      for (const target of ["web-1", "old-1", "old-2"])
        await zk.create(`/requests/www/${target}`, "10");
      const nowMs = Date.now();
      assert.deepEqual(await trimRegistry(zk, { nowMs }), {
        releases: 0,
        counts: 0,
        ledgers: 0,
      });
      assert.deepEqual(
        await trimRegistry(zk, { nowMs: nowMs + 31 * DAY_MS, keptReleases: 2 }),
        { releases: 3, counts: 2, ledgers: 1 },
      );
      const releases = await zk.getChildren("/services/www/releases");
      assert.deepEqual(releases.children.toSorted(), ["r1", "r4", "r5"]);
      const counts = await zk.getChildren("/requests/www");
      assert.deepEqual(counts.children.toSorted(), ["_retired", "web-1"]);
      const { data } = await zk.getData("/requests/www/_retired");
      assert.equal(data?.toString(), "20");
    });
  });
