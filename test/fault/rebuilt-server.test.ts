/** A server that comes back without its past: refused by clients' zxids until they give them up. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startKeeper } from "../../src/keeper/index.ts";
import { connect } from "../../src/zookeeper/index.ts";
import {
  apacheZooKeeperMissing,
  startApacheZooKeeper,
} from "../support/apache-zookeeper.ts";
import { EventReader } from "../support/event-reader.ts";

interface Rebuildable extends AsyncDisposable {
  readonly port: number;
}

const TICK_MS = 200;
const kinds: readonly {
  readonly name: string;
  readonly missing: string | false;
  start(port?: number): Promise<Rebuildable>;
}[] = [
  {
    name: "the keeper",
    missing: false,
    start: (port = 0) => startKeeper({ port, tickTimeMs: TICK_MS }),
  },
  {
    name: "Apache ZooKeeper",
    missing: apacheZooKeeperMissing,
    start: (port) =>
      startApacheZooKeeper({
        tickTimeMs: TICK_MS,
        ...(port === undefined ? {} : { port }),
      }),
  },
];

describe("a client whose server was rebuilt", () => {
  for (const kind of kinds)
    test(
      `finds the new tree of ${kind.name}, and says that it is new`,
      { skip: kind.missing },
      async () => {
        const first = await kind.start();
        const { port } = first;
        await using zk = await connect(`127.0.0.1:${port}`, {
          sessionTimeoutMs: 1_000,
        });
        for (let round = 0; round < 20; round++)
          await zk.create(`/n${round}`, null, { mode: "ephemeral" });
        const lastZxid = zk.lastZxid;
        const states = new EventReader((signal) => zk.states({ signal }));
        const events = new EventReader((signal) =>
          zk.watch("/", { kind: "recursive", signal }),
        );
        await events.next();
        await first[Symbol.asyncDispose]();

        await using second = await kind.start(port);
        assert.equal(second.port, port);
        const live = await states.next(
          (state) => state.kind === "live" && state.newTree,
        );
        assert.equal(live.kind, "live");
        assert.ok(zk.lastZxid < lastZxid);
        const event = await events.next((each) => each.kind === "re-synced");
        assert.ok(event.kind === "re-synced" && event.newTree);
        await zk.create("/after");
        await events.next(({ path }) => path === "/after");
        await Promise.all([states.stop(), events.stop()]);
      },
    );
});
