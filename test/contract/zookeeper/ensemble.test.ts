/** What only an ensemble of three servers can show. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  connect,
  type SessionState,
  type WatchEvent,
  ZooKeeper,
  ZooKeeperError,
} from "../../../src/zookeeper/index.ts";
import {
  type ApacheEnsemble,
  apacheZooKeeperMissing,
  type ApacheZooKeeper,
  startEnsemble,
} from "../../support/apache-zookeeper.ts";
import { EventReader } from "../../support/event-reader.ts";
import { EveryWatch } from "./every-watch.ts";

const SESSION_TIMEOUT_MS = 6_000;

describe(
  "ZooKeeper on an ensemble of three",
  { skip: apacheZooKeeperMissing },
  () => {
    let ensemble: ApacheEnsemble;

    before(async () => {
      ensemble = await startEnsemble();
    });
    after(() => ensemble[Symbol.asyncDispose]());

    function serverOf(zk: ZooKeeper): ApacheZooKeeper {
      const server = ensemble.servers.find(
        ({ port }) => port === zk.server?.port,
      );
      assert.ok(server !== undefined);
      return server;
    }

    function statesOf(zk: ZooKeeper): EventReader<SessionState> {
      return new EventReader((signal) => zk.states({ signal }));
    }

    /** Writes until one is done, however often the connection breaks; answers how long it took. */
    async function msUntilWritten(
      zk: ZooKeeper,
      path: string,
    ): Promise<number> {
      const startMs = performance.now();
      for (;;) {
        try {
          await zk.setData(path, "after");
          return performance.now() - startMs;
        } catch (error) {
          if (!(error instanceof ZooKeeperError) || !error.maybeDone)
            throw error;
        }
      }
    }

    test("a session moves to another server when its own is killed, with its ephemerals and every kind of watch (D7, D8)", async () => {
      await using zk = await connect(ensemble.connectString, {
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
      });
      const states = statesOf(zk);
      const id = zk.sessionId;
      await zk.create("/mine", null, { mode: "ephemeral" });
      await zk.create("/watched");
      const fired = Promise.withResolvers<WatchEvent>();
      await zk.getData("/watched", { onWatch: fired.resolve });
      await using watches = await EveryWatch.open(zk, {
        writer: zk,
        root: "/moved",
      });
      const server = serverOf(zk);
      await server.kill();
      const gapMs = await msUntilWritten(zk, "/watched");
      assert.ok(gapMs < 4_000, `no write for ${gapMs} ms`);
      assert.equal((await fired.promise).kind, "data-changed");
      assert.equal((await zk.exists("/mine"))?.ephemeralOwner, id);
      assert.equal(
        states.seen.some(({ kind }) => kind === "lost" || kind === "expired"),
        false,
      );
      assert.notEqual(zk.server?.port, server.port);
      await watches.tellOn();
      await server.restart();
      await states.stop();
    });

    test("a killed leader costs no session, and every kind of watch still tells", async () => {
      const leader = await ensemble.leader();
      await using zk = await connect(ensemble.connectString, {
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
      });
      const id = zk.sessionId;
      await zk.ensurePath("/led");
      // With an ephemeral the session becomes global: a local one cannot move.
      await zk.create("/led/mine", null, { mode: "ephemeral" });
      await using watches = await EveryWatch.open(zk, {
        writer: zk,
        root: "/led/watched",
      });
      await leader.kill();
      const gapMs = await msUntilWritten(zk, "/led");
      assert.ok(gapMs < 5_000, `no write for ${gapMs} ms`);
      assert.equal((await zk.exists("/led/mine"))?.ephemeralOwner, id);
      await watches.tellOn();
      await leader.restart();
    });

    test("getConfig() and reconfig() change the members, and a watch on the configuration tells", async () => {
      await using zk = await connect(ensemble.connectString, {
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        auth: [{ scheme: "digest", auth: "super:test" }],
      });
      const config = (await zk.getConfig()).data?.toString() ?? "";
      const members = config
        .split("\n")
        .filter((line) => line.startsWith("server."));
      assert.equal(members.length, 3);
      const leader = await ensemble.leader();
      const follower = ensemble.servers.findIndex(
        (server) => server !== leader && server !== serverOf(zk),
      );
      const line = members.find((member) =>
        member.startsWith(`server.${follower + 1}=`),
      );
      assert.ok(line !== undefined);
      const events = new EventReader((signal) =>
        zk.watch("/zookeeper/config", { kind: "data", signal }),
      );
      await events.next();
      const without = await zk.reconfig({ leaving: [String(follower + 1)] });
      assert.doesNotMatch(
        without.data?.toString() ?? "",
        new RegExp(`server\\.${follower + 1}=`, "u"),
      );
      assert.equal((await events.next()).kind, "data-changed");
      const joined = await zk.reconfig({ joining: [line] });
      assert.match(
        joined.data?.toString() ?? "",
        new RegExp(`server\\.${follower + 1}=`, "u"),
      );
      await events.stop();
    });

    test("without a quorum a read-only client is served, and writes are refused", async () => {
      const [first, second, third] = ensemble.servers;
      assert.ok(first && second && third);
      await Promise.all([second.kill(), third.kill()]);
      await using zk = new ZooKeeper(first.connectString, {
        sessionTimeoutMs: 4_000,
        readOnly: true,
      });
      const states = statesOf(zk);
      const live = await states.next(({ kind }) => kind === "live");
      assert.ok(live.kind === "live" && live.readOnly);
      assert.notEqual(await zk.exists("/watched"), undefined);
      await assert.rejects(zk.setData("/watched", "x"), {
        code: "not-read-only",
      });
      await Promise.all([second.restart(), third.restart()]);
      // A server with a quorum again has no place for read-only sessions of its past.
      await states.next((state) => state.kind === "live" && !state.readOnly);
      await zk.setData("/watched", "writable");
      await states.stop();
    });
  },
);
