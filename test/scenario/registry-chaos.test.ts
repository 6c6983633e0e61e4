/** That a registry whose connection breaks all the time ends where the tree is. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  readRegistry,
  Registry,
  type TargetView,
} from "../../src/registry/index.ts";
import { ZooKeeper } from "../../src/zookeeper/index.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { eventually } from "../support/eventually.ts";
import {
  client,
  type Coordinator,
  coordinators,
  expire,
} from "./coordinators.fixture.ts";

/** A small generator, so that a failure can be repeated. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function pick<T>(next: () => number, values: readonly T[]): T {
  return values[Math.floor(next() * values.length)] as T; // never empty here
}

/** One change of one target by whoever may write. */
async function change(zk: ZooKeeper, next: () => number): Promise<void> {
  const service = pick(next, ["www", "api"]);
  const path = `/services/${service}/targets/t${Math.floor(next() * 4)}`;
  const value = JSON.stringify({
    url: `http://10.0.0.${Math.floor(next() * 9)}:80`,
    weight: 1 + Math.floor(next() * 3),
    release: pick(next, ["r1", "r2"]),
    state: "draining", // so that deletions leave no suspects
  });
  if ((await zk.exists(path)) === undefined) await zk.create(path, value);
  else if (next() < 0.5) await zk.delete(path);
  else await zk.setData(path, value);
}

for (const { name, skip, start } of coordinators)
  describe(`Registry under faults on ${name}`, { skip }, () => {
    let coordinator: Coordinator;
    before(async () => {
      coordinator = await start();
    });
    after(() => coordinator[Symbol.asyncDispose]());

    test("Registry ends where the tree is, whatever breaks on the way", async () => {
      const port = Number(/:(\d+)/.exec(coordinator.connectString)?.[1]);
      await using cutter = await startCuttingProxy(port);
      await using direct = client(coordinator, "chaos");
      for (const service of ["www", "api"]) {
        await direct.ensurePath(`/services/${service}/targets`);
        await direct.ensurePath(`/services/${service}/releases/r1`);
        await direct.ensurePath(`/services/${service}/releases/r2`);
      }
      await using zk = new ZooKeeper(`${cutter.connectString}/chaos`, {
        sessionTimeoutMs: 2_000,
      });
      await using registry = new Registry(zk);
      await registry.ready();
      const next = random(7);
      for (let round = 0; round < 150; round++) {
        await change(direct, next);
        if (round % 50 === 20) cutter.cut();
        if (round % 50 === 35) cutter.cutAfterReceiving(300);
        if (round === 100) await expire(coordinator, zk).catch(() => {});
      }
      await zk.live();
      await eventually(async () => {
        const report = await readRegistry(direct);
        const followed = registry.snapshot.services;
        assert.equal(followed.size, report.services.length);
        for (const { name, targets } of report.services)
          assert.deepEqual(
            inOrder([...(followed.get(name)?.targets.values() ?? [])]),
            inOrder(targets.map(({ requests: _requests, ...view }) => view)),
          );
      });
    });
  });

function inOrder(targets: readonly TargetView[]): TargetView[] {
  return targets.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
