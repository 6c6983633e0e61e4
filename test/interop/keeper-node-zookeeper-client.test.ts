/** The npm package `node-zookeeper-client`, unchanged, against the keeper; the same on Apache ZooKeeper. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { startKeeper } from "../../src/keeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";
import {
  type CuttingProxy,
  startCuttingProxy,
} from "../support/cutting-proxy.ts";
import {
  ask,
  library,
  type OtherClient,
  type OtherEvent,
  type OtherStat,
} from "./node-zookeeper-client.fixture.ts";

const { ACL, CreateMode } = library;
const OPEN = ACL["OPEN_ACL_UNSAFE"];
const TIMEOUT_MS = 10_000;

interface Server extends AsyncDisposable {
  readonly port: number;
}

const servers: readonly {
  readonly name: string;
  readonly skip: string | false;
  readonly start: () => Promise<Server>;
}[] = [
  { name: "the keeper", skip: false, start: () => startKeeper() },
  {
    name: "Apache ZooKeeper",
    skip: apacheZooKeeperMissing,
    start: () => startApacheZooKeeper(),
  },
];

/** Each has a folder of its own, and is closed by its end. */
async function withClient(
  proxy: CuttingProxy,
  action: (client: OtherClient) => Promise<void>,
): Promise<void> {
  const client = library.createClient(proxy.connectString, {
    sessionTimeout: TIMEOUT_MS,
    spinDelay: 10,
  });
  const connected = once(client, "connected");
  client.connect();
  await connected;
  const closed = once(client, "disconnected");
  try {
    await action(client);
  } finally {
    client.close();
    await closed;
  }
}

function create(
  client: OtherClient,
  path: string,
  mode: number = CreateMode.PERSISTENT,
): Promise<[string]> {
  return ask((done) => client.create(path, Buffer.from("0"), OPEN, mode, done));
}

/** A watcher and the event that it will be told. */
function watcher(): {
  readonly event: Promise<OtherEvent>;
  readonly tell: (event: OtherEvent) => void;
} {
  const { promise, resolve } = Promise.withResolvers<OtherEvent>();
  return { event: promise, tell: resolve };
}

async function told(watch: ReturnType<typeof watcher>): Promise<string> {
  const { name, path } = await watch.event;
  return `${name} ${path}`;
}

function hasName(name: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof Error &&
    "getName" in error &&
    typeof error.getName === "function" &&
    error.getName() === name;
}

for (const { name, skip, start } of servers) {
  describe(`node-zookeeper-client on ${name}`, { skip }, () => {
    let server: Server;
    let proxy: CuttingProxy;
    before(async () => {
      server = await start();
      proxy = await startCuttingProxy(server.port);
    });
    after(async () => {
      await proxy[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    });

    test("makes folders, reads and writes by version, and lists children", () =>
      withClient(proxy, async (client) => {
        await ask((done) => client.mkdirp("/basic/a/b", done));
        const [stat] = await ask<[OtherStat]>((done) =>
          client.setData("/basic/a/b", Buffer.from("1"), 0, done),
        );
        assert.equal(stat.version, 1);
        const [data] = await ask<[Buffer]>((done) =>
          client.getData("/basic/a/b", undefined, done),
        );
        assert.equal(String(data), "1");
        await assert.rejects(
          ask((done) => client.setData("/basic/a", Buffer.from("x"), 7, done)),
          hasName("BAD_VERSION"),
        );
        await assert.rejects(
          ask((done) => client.remove("/basic", -1, done)),
          hasName("NOT_EMPTY"),
        );
        const mode = CreateMode.PERSISTENT_SEQUENTIAL;
        assert.deepEqual(await create(client, "/basic/s-", mode), [
          "/basic/s-0000000001",
        ]);
        const [children] = await ask<[string[]]>((done) =>
          client.getChildren("/basic", undefined, done),
        );
        assert.deepEqual(children.toSorted(), ["a", "s-0000000001"]);
      }));

    test("hears its watches of data, existence and children, once each", () =>
      withClient(proxy, async (client) => {
        const [created, changed, children, deleted] = [
          watcher(),
          watcher(),
          watcher(),
          watcher(),
        ];
        await ask((done) => client.exists("/watched", created.tell, done));
        await create(client, "/watched");
        assert.equal(await told(created), "NODE_CREATED /watched");
        await ask((done) => client.getData("/watched", changed.tell, done));
        await ask((done) =>
          client.getChildren("/watched", children.tell, done),
        );
        await ask((done) =>
          client.setData("/watched", Buffer.from("1"), -1, done),
        );
        assert.equal(await told(changed), "NODE_DATA_CHANGED /watched");
        await create(client, "/watched/child");
        assert.equal(await told(children), "NODE_CHILDREN_CHANGED /watched");
        await ask((done) =>
          client.exists("/watched/child", deleted.tell, done),
        );
        await ask((done) => client.remove("/watched/child", -1, done));
        assert.equal(await told(deleted), "NODE_DELETED /watched/child");
      }));

    test("commits a transaction whole, or not at all", () =>
      withClient(proxy, async (client) => {
        await ask((done) =>
          client
            .transaction()
            .create("/tx")
            .create("/tx/child", Buffer.from("1"))
            .check("/tx/child", 0)
            .setData("/tx/child", Buffer.from("2"), 0)
            .commit(done),
        );
        await assert.rejects(
          ask((done) =>
            client
              .transaction()
              .remove("/tx/child")
              .check("/tx", 9)
              .commit(done),
          ),
        );
        const [data, stat] = await ask<[Buffer, OtherStat]>((done) =>
          client.getData("/tx/child", undefined, done),
        );
        assert.equal(String(data), "2");
        assert.equal(stat.version, 1);
      }));

    test("owns its ephemeral nodes, which go with it", () =>
      withClient(proxy, async (client) => {
        const gone = watcher();
        await withClient(proxy, async (owner) => {
          await create(owner, "/mine", CreateMode.EPHEMERAL);
          const [stat] = await ask<[OtherStat]>((done) =>
            client.exists("/mine", gone.tell, done),
          );
          assert.deepEqual(stat.ephemeralOwner, owner.getSessionId());
          await assert.rejects(
            create(owner, "/mine/child"),
            hasName("NO_CHILDREN_FOR_EPHEMERALS"),
          );
        });
        assert.equal(await told(gone), "NODE_DELETED /mine");
      }));

    test("keeps others out by an ACL of its credentials", () =>
      withClient(proxy, async (client) => {
        client.addAuthInfo("digest", Buffer.from("u:p"));
        await create(client, "/guarded");
        await ask((done) =>
          client.setACL("/guarded", ACL["CREATOR_ALL_ACL"], -1, done),
        );
        await ask((done) => client.getData("/guarded", undefined, done));
        const [acls] = await ask<[{ id: { scheme: string; id: string } }[]]>(
          (done) => client.getACL("/guarded", done),
        );
        assert.deepEqual(
          acls.map(({ id }) => `${id.scheme}:${id.id}`),
          ["digest:u:Jq7wMyA/w2Vd5WIDAKdu4OIIFEQ="],
        );
        await withClient(proxy, (other) =>
          assert.rejects(
            ask((done) => other.getData("/guarded", undefined, done)),
            hasName("NO_AUTH"),
          ),
        );
      }));

    test("comes back to its session after a cut, with ephemerals and watches", () =>
      withClient(proxy, async (client) => {
        await create(client, "/back");
        await create(client, "/back/mine", CreateMode.EPHEMERAL);
        const id = Buffer.from(client.getSessionId());
        const changed = watcher();
        await ask((done) => client.getData("/back", changed.tell, done));
        const reconnected = once(client, "connected");
        proxy.cut();
        await reconnected;
        assert.deepEqual(Buffer.from(client.getSessionId()), id);
        const [stat] = await ask<[OtherStat | null]>((done) =>
          client.exists("/back/mine", undefined, done),
        );
        assert.ok(stat !== null);
        await ask((done) =>
          client.setData("/back", Buffer.from("1"), -1, done),
        );
        assert.equal(await told(changed), "NODE_DATA_CHANGED /back");
      }));
  });
}
