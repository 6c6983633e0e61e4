/**
 * The spine, as its users see it: real commands, Apache ZooKeeper, two
 * replicas of a site, requests over sockets.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { delay } from "../../src/base/index.ts";
import { connect, type ZooKeeper } from "../../src/zookeeper/index.ts";
import {
  type ApacheZooKeeper,
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";
import { eventually } from "../support/eventually.ts";
import { get, getMany, SteadyLoad } from "../support/http-client.ts";
import { PICTURE, type Replica, Stage } from "../support/site.ts";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

const TARGETS = "/zoogate/services/www/targets";

async function packetsReceived(server: ApacheZooKeeper): Promise<number> {
  const text = await server.fourLetter("mntr");
  return Number(/zk_packets_received\t(\d+)/u.exec(text)?.[1]);
}

/** What stands in ZooKeeper; a target that was never asked has no count yet. */
async function countOf(client: ZooKeeper, target: string): Promise<number> {
  const path = `/zoogate/requests/www/${target}`;
  if ((await client.exists(path)) === undefined) return 0;
  const { data } = await client.getData(path);
  return Number(data?.toString());
}

async function countsOf(
  client: ZooKeeper,
  names: readonly string[],
): Promise<readonly number[]> {
  return Promise.all(names.map((name) => countOf(client, name)));
}

describe("a site on Apache ZooKeeper", { skip: apacheZooKeeperMissing }, () => {
  let server: ApacheZooKeeper;
  let client: ZooKeeper;
  let stage: Stage;

  before(async () => {
    server = await startApacheZooKeeper();
    client = await connect(server.connectString);
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  /** Two replicas and a proxy below a chroot of their own. */
  async function openStage(): Promise<Stage> {
    stage = await Stage.open(server.connectString);
    for (const path of ["/zoogate"]) {
      await removeTree(client, path);
    }
    return stage;
  }

  async function twoReplicas(): Promise<readonly [Replica, Replica]> {
    const site = await stage.writeSite("site", "<h1>one</h1>");
    return Promise.all([
      stage.serve(site, "web-1"),
      stage.serve(site, "web-2"),
    ]);
  }

  test("zoogate serve registers ephemeral znodes that ls names", async () => {
    await using _stage = await openStage();
    await twoReplicas();
    const { children } = await client.getChildren(TARGETS);
    assert.deepEqual(children.toSorted(), ["web-1", "web-2"]);
    for (const name of children) {
      const stat = await client.exists(`${TARGETS}/${name}`);
      assert.ok(stat !== undefined && stat.ephemeralOwner !== 0n);
    }
  });

  test("zoogate proxy splits 10,000 requests evenly and counts them exactly, at ten packets a second", async () => {
    await using _stage = await openStage();
    await twoReplicas();
    const { url } = await stage.proxy();
    await eventually(async () =>
      assert.equal((await get(`${url}/?warm`)).status, 200),
    );
    await eventually(async () =>
      assert.equal(sum(await countsOf(client, ["web-1", "web-2"])), 1),
    );
    const before = await countsOf(client, ["web-1", "web-2"]);
    const packets = await packetsReceived(server);
    const startedMs = performance.now();
    const answers = await getMany({
      count: 10_000,
      connections: 32,
      url: (index) => `${url}/?q=${index}`,
    });
    const seconds = (performance.now() - startedMs) / 1000;
    const spent = (await packetsReceived(server)) - packets;
    assert.ok(answers.every(({ status }) => status === 200));
    const counts = await eventually(async () => {
      const now = await countsOf(client, ["web-1", "web-2"]);
      assert.equal(sum(now) - sum(before), 10_000);
      return now.map((count, index) => count - (before[index] ?? 0));
    }, 2000);
    for (const count of counts)
      assert.ok(Math.abs(count - 5000) <= 50, `split ${counts.join(" : ")}`);
    // mntr itself is one packet; a second that has begun may flush once more.
    const allowed = 10 * Math.ceil(seconds + 1) + 1;
    assert.ok(spent <= allowed, `${spent} packets in ${seconds.toFixed(1)} s`);
  });

  test("zoogate proxy answers 1,000 hits without a target and without ZooKeeper", async () => {
    await using _stage = await openStage();
    await twoReplicas();
    const { url } = await stage.proxy(["--workers", "1"]);
    await get(`${url}/`);
    const second = await get(`${url}/`);
    assert.match(String(second.headers["cache-status"]), /hit/u);
    await eventually(async () =>
      assert.equal(sum(await countsOf(client, ["web-1", "web-2"])), 1),
    );
    const packets = await packetsReceived(server);
    const startedMs = performance.now();
    const answers = await getMany({
      count: 1000,
      connections: 8,
      url: () => `${url}/`,
    });
    const seconds = (performance.now() - startedMs) / 1000;
    for (const { headers } of answers)
      assert.match(String(headers["cache-status"]), /hit/u);
    assert.equal(sum(await countsOf(client, ["web-1", "web-2"])), 1);
    // Four reads by this test, and the pings of four sessions (one each 10/3 s).
    const spent = (await packetsReceived(server)) - packets;
    const allowed = 4 + 1 + 4 * Math.ceil(seconds / 3.3);
    assert.ok(spent <= allowed, `${spent} packets`);
  });

  test("zoogate proxy loses no GET when a replica is killed, and gives it its share when it is back", async () => {
    await using _stage = await openStage();
    const [one] = await twoReplicas();
    const { url, command } = await stage.proxy();
    await using load = new SteadyLoad({
      connections: 8,
      url: (index) => `${url}/?load=${index}`,
    });
    await load.more(500);
    one.command.child.kill("SIGKILL");
    await load.more(2000);
    await eventually(
      async () =>
        assert.equal(await client.exists(`${TARGETS}/web-1`), undefined),
      20_000,
    );
    const kept = await eventually(async () => {
      const count = await countOf(client, "web-1");
      assert.ok(count > 0);
      return count;
    });
    const site = join(stage.folder, "site");
    await stage.serve(site, "web-1");
    await eventually(async () =>
      assert.ok((await countOf(client, "web-1")) > kept),
    );
    const earlier = await countsOf(client, ["web-1", "web-2"]);
    await load.more(2000);
    const report = await load.stop();
    assert.deepEqual(report.failures.slice(0, 5), [], command.stderr);
    const shares = await eventually(async () => {
      const now = await countsOf(client, ["web-1", "web-2"]);
      const gained = now.map((count, index) => count - (earlier[index] ?? 0));
      assert.ok(sum(gained) >= 2000);
      return gained;
    });
    const share = (shares[0] ?? 0) / sum(shares);
    assert.ok(share > 0.4 && share < 0.6, `its share is ${share.toFixed(3)}`);
  });

  test("zoogate proxy keeps its cache over a restart on the same release and drops it for a new one", async () => {
    await using _stage = await openStage();
    const site = await stage.writeSite("site", "<h1>old</h1>");
    let one = await stage.serve(site, "web-1");
    const two = await stage.serve(site, "web-2");
    const { url } = await stage.proxy(["--workers", "1"]);
    await get(`${url}/`);
    await one.command.stop();
    one = await stage.serve(site, "web-1");
    const kept = await get(`${url}/`);
    assert.match(String(kept.headers["cache-status"]), /hit/u);

    // A new release by restart, one replica after the other.
    const next = await stage.writeSite("next", "<h1>new</h1>");
    await one.command.stop();
    one = await stage.serve(next, "web-1");
    await two.command.stop();
    const twoNext = await stage.serve(next, "web-2");
    // The promise is: from 200 ms after the last `ready` on, nothing old.
    const readyMs = performance.now();
    await delay(Math.max(0, 200 - (performance.now() - readyMs)), {
      keepAlive: true,
    });
    for (let index = 0; index < 20; index++)
      assert.match((await get(`${url}/`)).body.toString(), /new/u);

    // A new release by a change under both replicas.
    await writeFile(join(next, "index.html"), "<h1>newest</h1>");
    await Promise.all(
      [one, twoNext].map(({ command }) =>
        command.until(
          () => command.stderr.includes("is now registered with release"),
          "a second registration",
        ),
      ),
    );
    await delay(200, { keepAlive: true });
    for (let index = 0; index < 20; index++)
      assert.match((await get(`${url}/`)).body.toString(), /newest/u);
  });

  test("zoogate proxy answers while ZooKeeper is gone, over its own restart too, and all heals when it is back", async () => {
    await using _stage = await openStage();
    await twoReplicas();
    let proxy = await stage.proxy();
    await get(`${proxy.url}/?warm`);
    await eventually(async () =>
      assert.equal(sum(await countsOf(client, ["web-1", "web-2"])), 1),
    );
    await server.kill();
    const during = await getMany({
      count: 500,
      connections: 4,
      url: (index) => `${proxy.url}/?gone=${index}`,
    });
    assert.ok(during.every(({ status }) => status === 200));
    await proxy.command.stop();
    proxy = await stage.proxy();
    const restarted = await getMany({
      count: 500,
      connections: 4,
      url: (index) => `${proxy.url}/?restarted=${index}`,
    });
    assert.ok(restarted.every(({ status }) => status === 200));
    await server.restart();
    await eventually(async () => {
      const { children } = await client.getChildren(TARGETS);
      assert.deepEqual(children.toSorted(), ["web-1", "web-2"]);
    }, 30_000);
    await eventually(
      async () =>
        assert.equal(sum(await countsOf(client, ["web-1", "web-2"])), 1001),
      15_000,
    );
    // Watches are back: a third replica is found without anyone's help.
    await stage.serve(join(stage.folder, "site"), "web-3");
    await eventually(async () => {
      await get(`${proxy.url}/?third=${Math.random()}`);
      assert.ok((await countOf(client, "web-3")) > 0);
    });
  });

  test("two proxies on one registry keep the split even and the counts exact", async () => {
    await using _stage = await openStage();
    await twoReplicas();
    const first = await stage.proxy([], "data-first");
    const second = await stage.proxy([], "data-second");
    const half = (url: string) =>
      getMany({
        count: 3000,
        connections: 8,
        url: (index) => `${url}/?q=${index}`,
      });
    await Promise.all([half(first.url), half(second.url)]);
    const counts = await eventually(async () => {
      const now = await countsOf(client, ["web-1", "web-2"]);
      assert.equal(sum(now), 6000);
      return now;
    }, 5000);
    for (const count of counts)
      assert.ok(Math.abs(count - 3000) <= 60, counts.join(" : "));
  });

  test("zoogate proxy routes two services by Host on one address", async () => {
    await using _stage = await openStage();
    const blog = await stage.writeSite("blog", "the blog");
    const shop = await stage.writeSite("shop", "the shop");
    await stage.serve(blog, "blog-1", [
      "--service",
      "blog",
      "--host",
      "blog.example",
    ]);
    await stage.serve(blog, "blog-2", [
      "--service",
      "blog",
      "--host",
      "blog.example",
    ]);
    await stage.serve(shop, "shop-1", [
      "--service",
      "shop",
      "--host",
      "shop.example",
    ]);
    const { url } = await stage.proxy();
    const page = async (host: string) =>
      get(`${url}/`, { headers: { Host: host } });
    assert.equal((await page("blog.example")).body.toString(), "the blog");
    assert.equal((await page("shop.example")).body.toString(), "the shop");
    assert.equal((await page("other.example")).status, 404);
  });

  test("a picture through the cache has the bytes of its file", async () => {
    await using _stage = await openStage();
    await twoReplicas();
    const { url } = await stage.proxy(["--workers", "1"]);
    for (let index = 0; index < 3; index++) {
      const answer = await get(`${url}/picture.png`);
      assert.equal(answer.headers["content-type"], "image/png");
      assert.equal(sha256(answer.body), sha256(PICTURE));
    }
  });
});

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

async function removeTree(client: ZooKeeper, path: string): Promise<void> {
  if ((await client.exists(path)) === undefined) return;
  const { children } = await client.getChildren(path);
  for (const child of children) await removeTree(client, `${path}/${child}`);
  await client.delete(path);
}
