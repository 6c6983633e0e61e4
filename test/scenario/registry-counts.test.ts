/** That counts are exact, with one proxy or two, whatever breaks. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  type Count,
  CountLedger,
  type CountLedgerOptions,
} from "../../src/registry/index.ts";
import { ZooKeeper } from "../../src/zookeeper/index.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { eventually } from "../support/eventually.ts";
import {
  client,
  type Coordinator,
  coordinators,
} from "./coordinators.fixture.ts";

/** Totals as a data plane has them. */
class Totals {
  readonly #answered = new Map<string, number>();

  add(target: string, requests: number): void {
    this.#answered.set(target, (this.#answered.get(target) ?? 0) + requests);
  }

  *read() {
    for (const [target, answered] of this.#answered)
      yield { service: "www", target, answered };
  }
}

async function counted(zk: ZooKeeper, target: string): Promise<number> {
  const { data } = await zk.getData(`/requests/www/${target}`);
  return Number(data?.toString());
}

async function startLedger(
  zk: ZooKeeper,
  totals: Totals,
  more: Partial<CountLedgerOptions> = {},
): Promise<CountLedger> {
  const counts = new CountLedger(zk, {
    proxyId: "proxy-1",
    totals: () => totals.read(),
    intervalMs: 3_600_000, // the test flushes
    ...more,
  });
  await zk.live();
  await counts.start();
  return counts;
}

for (const { name, skip, start } of coordinators)
  describe(`CountLedger on ${name}`, { skip }, () => {
    let coordinator: Coordinator;
    let folder: string;
    let chroots = 0;
    before(async () => {
      coordinator = await start();
      folder = await mkdtemp(join(tmpdir(), "zoogate-counts-"));
    });
    after(async () => {
      await coordinator[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    });

    const open = () => client(coordinator, `counts-${++chroots}`);
    const sameTree = () => client(coordinator, `counts-${chroots}`);

    test("CountLedger.flush() adds what was answered to the counts", async () => {
      await using zk = open();
      const totals = new Totals();
      const reads: (readonly Count[])[] = [];
      await using counts = await startLedger(zk, totals, {
        onRead: (read) => reads.push(read),
      });
      totals.add("a", 3);
      totals.add("b", 0);
      await counts.flush();
      totals.add("a", 4);
      totals.add("b", 1);
      await counts.flush();
      assert.equal(await counted(zk, "a"), 7);
      assert.equal(await counted(zk, "b"), 1);
      assert.deepEqual(reads.at(-1), [
        { service: "www", target: "a", requests: 7 },
        { service: "www", target: "b", requests: 1 },
      ]);
    });

    test("CountLedger sends one read and one write for a flush, and nothing when nothing was answered", async () => {
      await using zk = open();
      const calls: string[] = [];
      const spy = new Proxy(zk, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key, target);
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            calls.push(String(key));
            return Reflect.apply(value, target, args);
          };
        },
      });
      const totals = new Totals();
      await using counts = await startLedger(spy, totals);
      for (let target = 0; target < 50; target++) totals.add(`t${target}`, 1);
      await counts.flush();
      calls.length = 0;
      await counts.flush();
      assert.deepEqual(calls, []);
      for (let target = 0; target < 50; target++) totals.add(`t${target}`, 1);
      await counts.flush();
      assert.deepEqual(calls, ["multiRead", "multi"]);
    });

    test("CountLedger keeps two proxies' counts exact while both write", async () => {
      await using zk = open();
      await using other = sameTree();
      const totals = [new Totals(), new Totals()] as const;
      await using one = await startLedger(zk, totals[0], {
        proxyId: "proxy-1",
      });
      await using two = await startLedger(other, totals[1], {
        proxyId: "proxy-2",
      });
      for (let round = 0; round < 20; round++) {
        totals[0].add("a", 1);
        totals[1].add("a", 2);
        totals[1].add("b", 1);
        await Promise.all([one.flush(), two.flush()]);
      }
      await Promise.all([one.close(), two.close()]);
      assert.equal(await counted(zk, "a"), 60);
      assert.equal(await counted(zk, "b"), 20);
    });

    test("CountLedger counts exactly when the answer to a write is lost", async () => {
      await using direct = open();
      await direct.live();
      const port = Number(/:(\d+)/.exec(coordinator.connectString)?.[1]);
      await using cutter = await startCuttingProxy(port);
      await using zk = new ZooKeeper(
        `${cutter.connectString}/counts-${chroots}`,
      );
      let fate: "arrives" | "is lost" | "passes" = "passes";
      const multi: ZooKeeper["multi"] = async (ops, options) => {
        if (fate === "passes") return zk.multi(ops, options);
        const sent = cutter.sentBytes;
        if (fate === "arrives") cutter.swallowReplies();
        else cutter.freeze();
        const lost = fate === "is lost";
        fate = "passes";
        const answer = zk.multi(ops, options);
        answer.catch(() => {});
        if (!lost) await eventually(() => assert.ok(cutter.sentBytes > sent));
        cutter.cut();
        cutter.thaw();
        return answer;
      };
      const spy = new Proxy(zk, {
        get(target, key) {
          if (key === "multi") return multi;
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      const totals = new Totals();
      await using counts = await startLedger(spy, totals);
      let answered = 0;
      for (let round = 0; round < 4; round++) {
        fate = round === 2 ? "is lost" : "arrives";
        totals.add("a", round + 1);
        answered += round + 1;
        await counts.flush();
      }
      await counts.flush();
      assert.equal(await counted(direct, "a"), answered);
    });

    test("CountLedger keeps counts while ZooKeeper is away", async () => {
      await using zk = open();
      const totals = new Totals();
      await using counts = await startLedger(zk, totals);
      totals.add("a", 1);
      await counts.flush();
      await coordinator.stop();
      totals.add("a", 2);
      await counts.flush();
      await coordinator.restart();
      totals.add("a", 3);
      await zk.live();
      await eventually(async () => {
        await counts.flush();
        assert.equal(await counted(zk, "a"), 6);
      });
    });

    test("CountLedger.close() keeps on disk what it cannot write, for the next life", async () => {
      const dataDir = join(folder, "kept");
      {
        await using zk = open();
        const totals = new Totals();
        const counts = await startLedger(zk, totals, { dataDir });
        totals.add("a", 1);
        await counts.flush();
        assert.deepEqual(await readdir(folder), []);
        await coordinator.stop();
        totals.add("a", 2);
        for await (const { kind } of zk.states()) if (kind !== "live") break;
        await counts.close();
        assert.deepEqual(await readdir(dataDir), ["counts.json"]);
      }
      await coordinator.restart();
      await using zk = sameTree();
      const totals = new Totals();
      await using counts = await startLedger(zk, totals, { dataDir });
      totals.add("a", 4);
      await zk.live();
      await counts.flush();
      assert.equal(await counted(zk, "a"), 7);
      assert.deepEqual(await readdir(dataDir), []);
    });

    test("CountLedger counts on where somebody deleted or spoilt a count", async () => {
      await using zk = open();
      const totals = new Totals();
      await using counts = await startLedger(zk, totals);
      totals.add("a", 5);
      totals.add("b", 5);
      await counts.flush();
      await zk.delete("/requests/www/a");
      await zk.setData("/requests/www/b", "many");
      totals.add("a", 2);
      totals.add("b", 2);
      await counts.flush();
      assert.equal(await counted(zk, "a"), 2);
      assert.equal(await counted(zk, "b"), 2);
    });

    test("CountLedger tells how many proxies there are", async () => {
      await using zk = open();
      await zk.ensurePath("/proxies/p1");
      await zk.ensurePath("/proxies/p2");
      const totals = new Totals();
      let proxies = 0;
      await using counts = await startLedger(zk, totals, {
        onRead: (_counts, live) => (proxies = live),
      });
      totals.add("a", 1);
      await counts.flush();
      assert.equal(proxies, 2);
    });
  });
