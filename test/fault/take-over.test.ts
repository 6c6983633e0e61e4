/**
 * New processes take over a proxy's port, one after the other, under clients
 * that open a connection for each request and others that keep theirs: nothing
 * is refused, reset or failed, and what was counted is exact.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { startKeeper } from "../../src/keeper/index.ts";
import { connect, type ZooKeeper } from "../../src/zookeeper/index.ts";
import { startTarget } from "../scenario/proxy-harness.ts";
import { urlOf } from "../support/command.ts";
import { ConnectionHammer } from "../support/connection-hammer.ts";
import { eventually } from "../support/eventually.ts";
import { ended, isAlive, RelayRunners } from "../support/relay-runners.ts";

const SOAK_SECONDS = Number(process.env["ZOOGATE_SOAK_SECONDS"] ?? 0);
const TAKE_OVERS = SOAK_SECONDS > 0 ? Math.ceil(SOAK_SECONDS / 5) : 3;
const CONNECTIONS = SOAK_SECONDS > 0 ? 100_000 : 3000;
const COUNTS = "/zoogate/requests/www/one";
/** A process that leaves waits for silent connections: here there are none. */
const BRISK = ["--workers", "2", "--set", "limits.drainIdle=300ms"];

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "zoogate-take-over-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function register(zk: ZooKeeper, port: number): Promise<void> {
  for (const path of [
    "",
    "/services",
    "/services/www",
    "/services/www/targets",
  ])
    await zk.create(`/zoogate${path}`, "").catch(() => {});
  await zk.create(
    "/zoogate/services/www/targets/one",
    JSON.stringify({ url: `http://127.0.0.1:${port}`, state: "ready" }),
    { mode: "ephemeral" },
  );
}

function portOf(runners: RelayRunners): number {
  return Number(new URL(urlOf(runners.first.readyLines[0] ?? "")).port);
}

test("nothing is refused, reset or failed while new processes take over, and counts are exact", async (t) => {
  const folder = await temporaryFolder(t);
  let served = 0;
  const target = await startTarget((_request, response) => {
    served += 1;
    response.end("ok");
  });
  t.after(target.close);
  await using keeper = await startKeeper();
  await using zk = await connect(keeper.connectString);
  await register(zk, target.port);
  await using runners = await RelayRunners.start(folder, [
    "--zookeeper",
    keeper.connectString,
    ...BRISK,
  ]);
  await using hammer = new ConnectionHammer({
    port: portOf(runners),
    fresh: 8,
    kept: 8,
  });
  const olds: number[] = [];
  for (let count = 0; count < TAKE_OVERS; count++) {
    const due = hammer.connections + CONNECTIONS / (TAKE_OVERS + 1);
    await eventually(
      () => assert.ok(hammer.connections >= due, runners.first.stderr),
      SOAK_SECONDS * 1000 + 60_000,
    );
    olds.push((await runners.replace()).old);
  }
  await eventually(
    () => assert.ok(hammer.connections >= CONNECTIONS),
    SOAK_SECONDS * 1000 + 60_000,
  );
  const result = await hammer.stop();
  t.diagnostic(
    `${TAKE_OVERS} take-overs, ${result.connections} connections, ${result.answered} requests, slowest ${result.slowestMs.toFixed(0)} ms`,
  );
  assert.deepEqual([...result.failures], []);
  await Promise.all(olds.map(ended));
  assert.equal(served, result.answered);
  await eventually(async () => {
    const { data } = await zk.getData(COUNTS);
    assert.equal(Number(data?.toString()), result.answered);
  });
});

test("a proxy whose successor cannot start goes on as if nothing had happened", async (t) => {
  const folder = await temporaryFolder(t);
  const target = await startTarget((_request, response) => response.end("ok"));
  t.after(target.close);
  const config = join(folder, "zoogate.yaml");
  const good = `services:\n  www:\n    targets: ["http://127.0.0.1:${target.port}"]\n`;
  await writeFile(config, good);
  await using runners = await RelayRunners.start(folder, [
    "--zookeeper",
    "none",
    ...BRISK,
    "--config",
    config,
  ]);
  const pid = await runners.pid();
  await using hammer = new ConnectionHammer({
    port: portOf(runners),
    fresh: 4,
    kept: 4,
  });
  const failures = () =>
    runners.first.stderr
      .split("\n")
      .filter((line) => /cannot take over/u.test(line));

  await writeFile(config, `${good}limits:\n  headTimeot: 3s\n`);
  process.kill(pid, "SIGUSR2");
  await runners.first.until(() => failures().length === 1, "a first failure");
  assert.match(failures()[0] ?? "", /headTimeot.*this one goes on/u);

  await writeFile(config, good);
  process.kill(pid, "SIGUSR2");
  const begun = () => [
    ...runners.first.stderr.matchAll(/Process (\d+) is to take over/gu),
  ];
  await runners.first.until(() => begun().length === 2, "a second attempt");
  process.kill(Number(begun()[1]?.[1]), "SIGKILL");
  await runners.first.until(() => failures().length === 2, "a second failure");
  assert.match(failures()[1] ?? "", /it ended with SIGKILL; this one goes on/u);
  assert.equal(await runners.pid(), pid);

  // It serves already when it fails: what it has accepted is answered.
  const pidFile = join(folder, "proxy.pid");
  await rm(pidFile);
  await mkdir(join(pidFile, "in-the-way"), { recursive: true });
  process.kill(pid, "SIGUSR2");
  await runners.first.until(() => failures().length === 3, "a third failure");
  assert.match(failures()[2] ?? "", /pid file.*this one goes on/u);
  await rm(pidFile, { recursive: true });
  await writeFile(pidFile, String(pid));

  const { old, next } = await runners.replace();
  assert.equal(old, pid);
  assert.notEqual(next, pid);
  const result = await hammer.stop();
  assert.deepEqual([...result.failures], []);
});

test("a successor goes on when its predecessor is killed in the middle of its drain", async (t) => {
  const folder = await temporaryFolder(t);
  const held: (() => void)[] = [];
  const target = await startTarget((request, response) => {
    if (request.url === "/held") held.push(() => response.end("late"));
    else response.end("ok");
  });
  t.after(target.close);
  await using keeper = await startKeeper();
  await using zk = await connect(keeper.connectString);
  await register(zk, target.port);
  await using runners = await RelayRunners.start(folder, [
    "--zookeeper",
    keeper.connectString,
    ...BRISK,
  ]);
  const port = portOf(runners);
  const cut = fetch(`http://127.0.0.1:${port}/held`).then(
    () => "answered",
    () => "cut",
  );
  await eventually(() => assert.equal(held.length, 1));
  const { old, next } = await runners.replace();
  assert.ok(isAlive(old)); // for what it has in work
  await using hammer = new ConnectionHammer({ port, fresh: 4, kept: 4 });
  await eventually(() => assert.ok(hammer.answered > 200));
  process.kill(old, "SIGKILL");
  assert.equal(await cut, "cut");
  await ended(old);
  const { answered } = hammer;
  await eventually(() => assert.ok(hammer.answered > answered + 200));
  const result = await hammer.stop();
  assert.deepEqual([...result.failures], []);
  // The ledger was the old one's: what the new one counted is written now.
  await eventually(async () => {
    const { data } = await zk.getData(COUNTS);
    assert.equal(Number(data?.toString()), result.answered);
  });
  assert.equal(await runners.pid(), next);
});
