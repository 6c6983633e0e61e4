/** A server stopped by SIGSTOP: its kernel still takes bytes, nobody answers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type StreamKind } from "../../src/zookeeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";
import { EventReader } from "../support/event-reader.ts";

const KINDS: readonly StreamKind[] = [
  "data",
  "exists",
  "children",
  "persistent",
  "recursive",
];
const TIMEOUT_MS = 3_000;

test(
  "a client leaves a stopped server in time, returns to its session, and every kind of watch still tells",
  { skip: apacheZooKeeperMissing },
  async () => {
    await using server = await startApacheZooKeeper({ tickTimeMs: 500 });
    await using zk = await connect(server.connectString, {
      sessionTimeoutMs: TIMEOUT_MS,
    });
    const id = zk.sessionId;
    await zk.create("/mine", null, { mode: "ephemeral" });
    const streams = await Promise.all(
      KINDS.map(async (kind) => {
        await zk.create(`/${kind}`);
        const events = new EventReader((signal) =>
          zk.watch(`/${kind}`, { kind, signal }),
        );
        await events.next();
        return { kind, events };
      }),
    );
    const states = new EventReader((signal) => zk.states({ signal }));
    await states.next();
    const stoppedMs = performance.now();
    server.freeze();
    const waiting = zk.exists("/mine").catch((error: unknown) => error);
    await states.next(({ kind }) => kind === "suspended");
    assert.ok(performance.now() - stoppedMs < TIMEOUT_MS);
    server.thaw();
    assert.ok((await waiting) instanceof Error, "its outcome is unknown");
    await states.next(({ kind }) => kind === "live");
    assert.equal(zk.sessionId, id);
    assert.equal((await zk.exists("/mine"))?.ephemeralOwner, id);
    await zk.sync();
    for (const { kind } of streams)
      if (kind === "children") await zk.create(`/${kind}/child`);
      else if (kind === "exists") await zk.delete(`/${kind}`);
      else await zk.setData(`/${kind}`, "x");
    for (const { events } of streams)
      await events.next(({ kind }) => kind !== "re-synced");
    await Promise.all(streams.map(({ events }) => events.stop()));
    await states.stop();
  },
);
