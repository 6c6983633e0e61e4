/** How a target registers and stays registered, whatever happens to its node. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  ProxyPresence,
  readRegistry,
  Registration,
  type RegistrationOptions,
  RegistryError,
  type TargetView,
} from "../../src/registry/index.ts";
import type { ZooKeeper } from "../../src/zookeeper/index.ts";
import { eventually } from "../support/eventually.ts";
import {
  client,
  type Coordinator,
  coordinators,
  expire,
} from "./coordinators.fixture.ts";

const PATH = "/services/www/targets/web-1";

const base: RegistrationOptions = {
  service: "www",
  name: "web-1",
  url: "http://127.0.0.1:8001",
  server: "server-1",
};

async function valueOf(zk: ZooKeeper, path = PATH): Promise<unknown> {
  const { data } = await zk.getData(path);
  return JSON.parse(data?.toString() ?? "null");
}

for (const { name, skip, start } of coordinators)
  describe(`Registration on ${name}`, { skip }, () => {
    let coordinator: Coordinator;
    let chroots = 0;
    before(async () => {
      coordinator = await start();
    });
    after(() => coordinator[Symbol.asyncDispose]());

    const open = () => client(coordinator, `registration-${++chroots}`);
    const sameTree = () => client(coordinator, `registration-${chroots}`);

    test("Registration.start() makes an ephemeral node, its folders and its release", async () => {
      await using zk = open();
      await using registration = new Registration(zk, {
        ...base,
        release: "r1",
        commit: "abc",
        hosts: ["WWW.example.org"],
        life: "life-1",
      });
      await registration.start();
      const stat = await zk.exists(PATH);
      assert.equal(stat?.ephemeralOwner, zk.sessionId);
      const value = await valueOf(zk);
      assert.ok(typeof value === "object" && value !== null);
      assert.deepEqual(
        { ...value, since: 0 },
        {
          url: base.url,
          weight: 1,
          release: "r1",
          commit: "abc",
          state: "ready",
          since: 0,
          server: "server-1",
          life: "life-1",
        },
      );
      const release = await zk.exists("/services/www/releases/r1");
      assert.equal(release?.ephemeralOwner, 0n);
      assert.ok(stat && release.czxid < stat.czxid, "the release comes first");
      assert.deepEqual(await valueOf(zk, "/services/www"), {
        hosts: ["www.example.org"],
      });
      await registration.close();
      assert.equal(await zk.exists(PATH), undefined);
      assert.ok(await zk.exists("/services/www/releases/r1"));
    });

    test("Registration leaves a definition alone and warns of another host", async () => {
      await using zk = open();
      await zk.ensurePath("/services/www");
      await zk.setData("/services/www", '{"hosts":["a.example"]}');
      const events: string[] = [];
      await using registration = new Registration(zk, {
        ...base,
        hosts: ["b.example"],
        journal: ({ event }) => events.push(event),
      });
      await registration.start();
      assert.deepEqual(await valueOf(zk, "/services/www"), {
        hosts: ["a.example"],
      });
      assert.ok(events.includes("hosts-ignored"));
    });

    test("Registration makes its node again when somebody deletes it", async () => {
      await using zk = open();
      await using registration = new Registration(zk, base);
      await registration.start();
      const first = registration.state.value;
      await zk.delete(PATH);
      await registration.state.when(
        (state) => state.kind === "registered" && state !== first,
      );
      assert.ok(await zk.exists(PATH));
    });

    test("Registration mends its node when somebody writes into it", async () => {
      await using zk = open();
      await using registration = new Registration(zk, base);
      await registration.start();
      const first = registration.state.value;
      await zk.setData(PATH, "{");
      await registration.state.when(
        (state) => state.kind === "registered" && state !== first,
      );
      assert.ok(await valueOf(zk));
    });

    test("Registration survives the expiry of its session", async () => {
      await using zk = open();
      await using registration = new Registration(zk, base);
      await registration.start();
      const before = zk.sessionId;
      const first = registration.state.value;
      await expire(coordinator, zk);
      await registration.state.when(
        (state) =>
          state.kind === "registered" &&
          first.kind === "registered" &&
          state.czxid !== first.czxid,
      );
      const stat = await zk.exists(PATH);
      assert.notEqual(zk.sessionId, before);
      assert.equal(stat?.ephemeralOwner, zk.sessionId);
    });

    test("Registration keeps its node when the server restarts", async () => {
      await using zk = open();
      await using registration = new Registration(zk, base);
      await registration.start();
      const first = await zk.exists(PATH);
      await coordinator.restart();
      const second = await eventually(() => zk.exists(PATH));
      assert.equal(second?.czxid, first?.czxid);
      await registration.state.when(({ kind }) => kind === "registered");
    });

    test("Registration replaces the node of an earlier life of its server in one step", async () => {
      await using zk = open();
      await using other = sameTree();
      await using earlier = new Registration(zk, { ...base, life: "life-1" });
      await earlier.start();
      const seen: string[] = [];
      const stop = new AbortController();
      const watching = (async () => {
        for await (const event of other.watch(PATH, {
          kind: "data",
          signal: stop.signal,
        })) {
          seen.push(event.kind);
          if ((await other.exists(PATH)) === undefined) seen.push("absent");
        }
      })().catch(() => {});
      await using later = new Registration(other, { ...base, life: "life-2" });
      await later.start();
      await earlier.state.when(({ kind }) => kind === "stood-down");
      stop.abort();
      await watching;
      assert.ok(!seen.includes("absent"), seen.join(" "));
      const value = await valueOf(zk);
      assert.ok(typeof value === "object" && value !== null && "life" in value);
      assert.equal(value.life, "life-2");
      await earlier.close();
      assert.ok(await zk.exists(PATH), "the earlier life deletes nothing");
    });

    test("Registration.start() refuses a name that another server has", async () => {
      await using zk = open();
      await using first = new Registration(zk, base);
      await first.start();
      await using other = sameTree();
      await using second = new Registration(other, {
        ...base,
        server: "server-2",
      });
      await assert.rejects(
        second.start(),
        (error) =>
          error instanceof RegistryError &&
          error.code === "name-taken" &&
          /--name/.test(error.message),
      );
      const value = await valueOf(zk);
      assert.ok(
        typeof value === "object" && value !== null && "server" in value,
      );
      assert.equal(value.server, "server-1");
    });

    test("Registration.replace() registers another release as another registration", async () => {
      await using zk = open();
      await using registration = new Registration(zk, {
        ...base,
        release: "r1",
      });
      await registration.start();
      const first = await zk.exists(PATH);
      await registration.replace({ release: "r2" });
      const second = await zk.exists(PATH);
      assert.ok(first && second && second.czxid > first.czxid);
      const { children } = await zk.getChildren("/services/www/releases");
      assert.deepEqual(children.toSorted(), ["r1", "r2"]);
    });

    test("Registration.drain() waits for every live proxy, then leaves", async () => {
      await using zk = open();
      await using other = sameTree();
      await using registration = new Registration(zk, base);
      await registration.start();
      await using proxy = new ProxyPresence(other, {
        id: "proxy-1",
        host: "here",
        version: "1",
      });
      await proxy.start();
      const draining = registration.drain({ limitMs: 20_000 });
      const state = await registration.state.when(
        (now) => now.kind === "registered" && now.record.state === "draining",
      );
      assert.ok(state.kind === "registered");
      assert.ok(await zk.exists(PATH));
      const { czxid, mzxid } = state;
      const stale = { ...view, czxid, mzxid: mzxid - 1n };
      proxy.acknowledge(stale);
      proxy.acknowledge({ ...view, czxid, mzxid });
      assert.deepEqual(await draining, { kind: "acknowledged", proxies: 1 });
      assert.equal(await other.exists(PATH), undefined);
    });

    test("Registration.drain() leaves at its limit and names who is missing", async () => {
      await using zk = open();
      await using registration = new Registration(zk, base);
      await registration.start();
      await using other = sameTree();
      await using proxy = new ProxyPresence(other, {
        id: "proxy-1",
        host: "here",
        version: "1",
      });
      await proxy.start();
      const result = await registration.drain({ limitMs: 300 });
      assert.deepEqual(result, { kind: "limit", missing: ["proxy-1"] });
      assert.equal(await other.exists(PATH), undefined);
    });

    test("Registration.drain() without a proxy leaves at once", async () => {
      await using zk = open();
      await using registration = new Registration(zk, base);
      await registration.start();
      assert.deepEqual(await registration.drain(), {
        kind: "acknowledged",
        proxies: 0,
      });
    });

    test("ProxyPresence keeps an acknowledgement while its target goes on draining", async () => {
      await using zk = open();
      await using other = sameTree();
      await using proxy = new ProxyPresence(other, {
        id: "proxy-1",
        host: "here",
        version: "1",
      });
      await proxy.start();
      const drained = async () => {
        const { proxies } = await readRegistry(zk);
        return proxies[0]?.drained.map(({ mzxid }) => mzxid);
      };
      proxy.acknowledge({ ...view, czxid: 5n, mzxid: 6n });
      const target = { ...view, czxid: 5n, mzxid: 7n };
      proxy.applied(8n, [{ kind: "target", target }]);
      await eventually(async () => assert.deepEqual(await drained(), [7n]));
      const ready = { ...target, state: "ready", mzxid: 9n } as const;
      proxy.applied(9n, [{ kind: "target", target: ready }]);
      await eventually(async () => assert.deepEqual(await drained(), []));
    });

    test("Registration.close() does not wait for ZooKeeper", async () => {
      await using zk = open();
      await coordinator.stop();
      for await (const { kind } of zk.states()) if (kind !== "live") break;
      const registration = new Registration(zk, base);
      const starting = registration.start();
      const proxy = new ProxyPresence(zk, {
        id: "proxy-1",
        host: "here",
        version: "1",
      });
      const presence = proxy.start();
      const refused = assert.rejects(starting, RegistryError);
      const closed = assert.rejects(presence, /closed/);
      await registration.close();
      await proxy.close();
      await Promise.all([refused, closed]);
      await coordinator.restart();
    });

    test("ProxyPresence is there again after its session expired", async () => {
      await using zk = open();
      await using other = sameTree();
      await using proxy = new ProxyPresence(zk, {
        id: "proxy-1",
        host: "here",
        version: "1",
      });
      await proxy.start();
      await expire(coordinator, zk);
      for await (const _event of other.watch("/proxies/proxy-1", {
        kind: "exists",
      })) {
        const stat = await other.exists("/proxies/proxy-1");
        if (stat !== undefined && stat.ephemeralOwner === zk.sessionId) break;
      }
    });
  });

const view: TargetView = {
  service: "www",
  name: "web-1",
  registration: "",
  czxid: 0n,
  mzxid: 0n,
  url: base.url,
  host: "127.0.0.1",
  port: 8001,
  socketPath: undefined,
  weight: 1,
  release: undefined,
  commit: undefined,
  state: "draining",
  server: undefined,
  life: undefined,
  sinceMs: undefined,
};
