/**
 * ZooKeeper dies, stands still, loses its data and its connections while
 * requests go on: no request notices, and what was counted stays exact.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "../../src/zookeeper/index.ts";
import { type RunningCommand, startCommand } from "../support/command.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { get, SteadyLoad } from "../support/http-client.ts";
import { Stage } from "../support/site.ts";

const TARGETS = "/zoogate/services/www/targets";

function startKeeper(port: number, data: string): Promise<RunningCommand> {
  return startCommand([
    "keeper",
    "--listen",
    `127.0.0.1:${port}`,
    "--admin",
    "127.0.0.1:0",
    "--data",
    data,
  ]);
}

/** Both names stand in the registry again. */
async function bothRegistered(connectString: string): Promise<void> {
  await using client = await connect(connectString);
  await eventually(async () => {
    const { children } = await client.getChildren(TARGETS);
    assert.deepEqual(children.toSorted(), ["web-1", "web-2"]);
  }, 30_000);
}

async function requestsCounted(connectString: string): Promise<number> {
  await using client = await connect(connectString);
  let sum = 0;
  for (const name of ["web-1", "web-2"]) {
    const path = `/zoogate/requests/www/${name}`;
    if ((await client.exists(path)) === undefined) continue;
    sum += Number((await client.getData(path)).data?.toString());
  }
  return sum;
}

test("requests go on while the keeper is killed, stopped, cut off and emptied", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-outages-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  let keeper = await startKeeper(port, join(folder, "keeper"));
  t.after(() => keeper[Symbol.asyncDispose]());
  const direct = `127.0.0.1:${port}`;
  await using cutter = await startCuttingProxy(port);
  await using stage = await Stage.open(cutter.connectString);
  const site = await stage.writeSite("site", "<h1>one</h1>");
  const [one] = await Promise.all([
    stage.serve(site, "web-1"),
    stage.serve(site, "web-2"),
  ]);
  let proxy = await stage.proxy();
  // Each request is a miss: it needs a target.
  let asked = 0;
  const startLoad = () => {
    const { url } = proxy;
    return new SteadyLoad({ connections: 4, url: () => `${url}/?${asked++}` });
  };
  let load = startLoad();
  let requests = 0;
  const endLoad = async () => {
    const report = await load.stop();
    assert.deepEqual(report.failures, []);
    requests += report.requests;
  };
  t.after(() => load.stop());
  await load.more(200);

  await t.test("connections cut again and again", async () => {
    for (let count = 0; count < 5; count++) {
      cutter.cut();
      await load.more(100);
    }
    await bothRegistered(direct);
  });

  await t.test("killed, and back with what it had", async () => {
    await keeper.stop("SIGKILL");
    await load.more(300);
    keeper = await startKeeper(port, join(folder, "keeper"));
    await bothRegistered(direct);
    await endLoad();
    await eventually(async () =>
      assert.equal(await requestsCounted(direct), requests),
    );
    load = startLoad();
  });

  await t.test(
    "a replica and the proxy restarted while it is away",
    async () => {
      cutter.block();
      await load.more(100);
      await one.command.stop();
      await load.more(100);
      await endLoad();
      await proxy.command.stop();
      proxy = await stage.proxy();
      load = startLoad();
      await load.more(200);
      cutter.open();
      await stage.serve(site, "web-1");
      await bothRegistered(direct);
      await endLoad();
      await eventually(async () =>
        assert.equal(await requestsCounted(direct), requests),
      );
      load = startLoad();
    },
  );

  await t.test("stopped for longer than a session", async () => {
    keeper.child.kill("SIGSTOP");
    const untilMs = performance.now() + 12_000;
    while (performance.now() < untilMs) await load.more(50);
    keeper.child.kill("SIGCONT");
    await bothRegistered(direct);
    await load.more(100);
  });

  await t.test("back with an empty tree", async () => {
    await keeper.stop("SIGKILL");
    await load.more(100);
    keeper = await startKeeper(port, join(folder, "another"));
    await bothRegistered(direct);
    await load.more(200);
    await endLoad();
    const { status } = await get(`${proxy.url}/`);
    assert.equal(status, 200);
  });
});
