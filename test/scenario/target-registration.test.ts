import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type JournalRecord } from "../../src/base/index.ts";
import { type Keeper, startKeeper } from "../../src/keeper/index.ts";
import {
  announce,
  type ReadyTarget,
  registryRegistrar,
  runRegister,
  runServe,
} from "../../src/target/index.ts";
import { connect, type ZooKeeper } from "../../src/zookeeper/index.ts";

interface Node {
  readonly url: string;
  readonly release: string | undefined;
  readonly commit: string | undefined;
  readonly state: string;
  readonly czxid: bigint;
  readonly ephemeralOwner: bigint;
}

interface Registry {
  readonly keeper: Keeper;
  /** As an operator's shell would look at it. */
  readonly zk: ZooKeeper;
}

async function registry(t: TestContext): Promise<Registry> {
  const keeper = await startKeeper({});
  t.after(() => keeper.close());
  const zk = await connect(`${keeper.connectString}/zoogate`);
  t.after(() => zk.close());
  return { keeper, zk };
}

const TARGET = "/services/www/targets/one";

async function node(zk: ZooKeeper): Promise<Node> {
  const { data, stat } = await zk.getData(TARGET);
  const { url, release, commit, state } = JSON.parse(String(data));
  const { czxid, ephemeralOwner } = stat;
  return { url, release, commit, state, czxid, ephemeralOwner };
}

/** Resolves when the target's node is as the test says, undefined meaning gone. */
async function nodeWhen(
  zk: ZooKeeper,
  test: (node: Node | undefined) => boolean,
): Promise<Node | undefined> {
  const stop = new AbortController();
  try {
    for await (const _event of again(zk, stop.signal)) {
      const found = await node(zk).catch(() => undefined);
      if (test(found)) return found;
    }
  } finally {
    stop.abort();
  }
  throw new Error("The watch ended");
}

/** Once at the start, then with each change of the target's node. */
async function* again(
  zk: ZooKeeper,
  signal: AbortSignal,
): AsyncGenerator<void, void, void> {
  const events = zk.watch(TARGET, { kind: "exists", signal });
  yield;
  for await (const _event of events) yield;
}

async function site(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "zoogate-target-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, "index.html"), "one");
  return dir;
}

interface Running<Result> {
  readonly ready: Promise<ReadyTarget>;
  readonly done: Promise<Result>;
  readonly stop: AbortController;
  readonly journal: JournalRecord[];
}

/** Runs a command's function on a session of its own. */
async function running<Result>(
  t: TestContext,
  keeper: Keeper,
  run: (options: {
    readonly service: string;
    readonly name: string;
    readonly zookeeperHosts: readonly string[];
    readonly openRegistrar: ReturnType<typeof registryRegistrar>;
    readonly journal: (record: JournalRecord) => void;
    readonly signal: AbortSignal;
    readonly kill: AbortSignal;
    readonly onReady: (ready: ReadyTarget) => void;
  }) => Promise<Result>,
): Promise<Running<Result>> {
  const zk = await connect(`${keeper.connectString}/zoogate`);
  const records: JournalRecord[] = [];
  const journal = (record: JournalRecord) => void records.push(record);
  const ready = Promise.withResolvers<ReadyTarget>();
  const stop = new AbortController();
  const kill = new AbortController();
  const done = run({
    service: "www",
    name: "one",
    zookeeperHosts: ["127.0.0.1"],
    openRegistrar: registryRegistrar(zk, { journal }),
    journal,
    signal: stop.signal,
    kill: kill.signal,
    onReady: ready.resolve,
  });
  done.catch(ready.reject);
  ready.promise.catch(() => {});
  t.after(async () => {
    stop.abort();
    kill.abort();
    await done.catch(() => {});
    await zk.close();
  });
  return { ready: ready.promise, done, stop, journal: records };
}

describe("a target in the registry", () => {
  it("runServe() stands as an ephemeral node, follows its directory, and leaves in order", async (t) => {
    const { keeper, zk } = await registry(t);
    const dir = await site(t);
    const listen = { host: "127.0.0.1", port: 0 };
    const { ready, stop, done } = await running(t, keeper, (options) =>
      runServe({ ...options, dir, listen }),
    );
    const { url, release } = await ready;
    const first = await node(zk);
    assert.equal(first.url, url);
    assert.equal(first.release, release);
    assert.equal(first.state, "ready");
    assert.notEqual(first.ephemeralOwner, 0n);
    assert.ok(await zk.exists(`/services/www/releases/${release}`));

    await writeFile(join(dir, "index.html"), "two");
    const second = await nodeWhen(
      zk,
      (found) => found !== undefined && found.release !== release,
    );
    assert.ok(second !== undefined && second.czxid > first.czxid);
    assert.ok(await zk.exists(`/services/www/releases/${second.release}`));
    const answer = await fetch(url);
    assert.equal(await answer.text(), "two");
    assert.equal(answer.headers.get("zoogate-release"), second.release);

    stop.abort();
    await done;
    assert.equal(await zk.exists(TARGET), undefined);
    await assert.rejects(fetch(url));
  });

  it("runRegister() stands while its command answers, and goes with it", async (t) => {
    const { keeper, zk } = await registry(t);
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert.ok(address !== null && typeof address === "object");
    const { port } = address;
    other.close();
    await once(other, "close");
    const source = `require("node:http").createServer((request, response) => {
      if (request.url === "/end") process.exit(5);
      response.end("ok");
    }).listen(process.env.PORT, "127.0.0.1")`;
    const { ready, done } = await running(t, keeper, (options) =>
      runRegister({
        ...options,
        port,
        release: "v1",
        command: { file: process.execPath, args: ["-e", source] },
      }),
    );
    assert.equal((await ready).url, `http://127.0.0.1:${port}`);
    const { release, url } = await node(zk);
    assert.deepEqual([release, url], ["v1", `http://127.0.0.1:${port}`]);
    await fetch(`${url}/end`).catch(() => {});
    assert.equal(await done, 5);
    assert.equal(await zk.exists(TARGET), undefined);
  });

  it("announce() registers a server in two lines and takes it out again", async (t) => {
    const { keeper, zk } = await registry(t);
    const server = createServer((_request, response) => {
      response.end("hello");
    }).listen(0, "127.0.0.1");
    const announcement = await announce(server, {
      zookeeper: keeper.connectString,
      service: "www",
      name: "one",
      release: "v1",
    });
    t.after(() => announcement[Symbol.asyncDispose]());
    assert.equal((await node(zk)).url, announcement.url);
    await announcement.replace({ release: "v2" });
    assert.equal((await node(zk)).release, "v2");
    await announcement.close();
    assert.equal(await zk.exists(TARGET), undefined);
    await assert.rejects(fetch(announcement.url));
  });

  it("a restarted server takes its node over from its former life, whose session still lives", async (t) => {
    const { keeper, zk } = await registry(t);
    const dir = await site(t);
    const dataDir = await mkdtemp(join(tmpdir(), "zoogate-target-"));
    t.after(() => rm(dataDir, { recursive: true, force: true }));
    const listen = { host: "127.0.0.1", port: 0 };
    const serve = () =>
      running(t, keeper, (options) =>
        runServe({ ...options, dir, listen, dataDir }),
      );
    const former = await serve();
    await former.ready;
    const first = await node(zk);
    const latter = await serve();
    const { url } = await latter.ready;
    const second = await node(zk);
    assert.equal(second.url, url);
    assert.notEqual(second.ephemeralOwner, first.ephemeralOwner);
    assert.equal(second.release, first.release);
    await assert.rejects(former.done, /another process/u);
    assert.equal((await node(zk)).czxid, second.czxid);
  });

  it("a server leaves in order, within seconds, while ZooKeeper is away", async (t) => {
    const { keeper } = await registry(t);
    const dir = await site(t);
    const listen = { host: "127.0.0.1", port: 0 };
    const { ready, stop, done, journal } = await running(t, keeper, (options) =>
      runServe({ ...options, dir, listen }),
    );
    const { url } = await ready;
    await keeper.close();
    assert.equal(await (await fetch(url)).text(), "one");
    stop.abort();
    await done;
    assert.ok(journal.some(({ event }) => event === "drain-unacknowledged"));
    await assert.rejects(fetch(url));
  });

  it("a second server under the same name is refused in one line", async (t) => {
    const { keeper } = await registry(t);
    const listen = { host: "127.0.0.1", port: 0 };
    const serve = async () => {
      const dir = await site(t);
      return running(t, keeper, (options) =>
        runServe({ ...options, dir, listen }),
      );
    };
    const first = await serve();
    await first.ready;
    const second = await serve();
    await assert.rejects(second.done, /Cannot register as .*--name/u);
  });
});
