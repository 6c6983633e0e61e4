/** What disturbs a client from outside: its server stands still, it stands still itself, hands, clocks. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  connect,
  type SessionState,
  type ZooKeeper,
} from "../../../src/zookeeper/index.ts";
import { EventReader } from "../../support/event-reader.ts";
import { JumpingClock } from "../../support/jumping-clock.ts";
import { type OuterBackend, outerBackendKinds } from "./backends.ts";
import { EveryWatch, synced } from "./every-watch.ts";

/** So that between notice and expiry a busy machine has more than a second. */
const FROZEN_TIMEOUT_MS = 4_000;
const TIMEOUT_MS = 1_000;
const HOUR_MS = 3_600_000;

for (const kind of outerBackendKinds) {
  describe(
    `ZooKeeper disturbed from outside on ${kind.name}`,
    { skip: kind.missing },
    () => {
      let backend: OuterBackend;
      let tests = 0;

      before(async () => {
        backend = await kind.start();
      });
      after(() => backend[Symbol.asyncDispose]());

      interface Given {
        readonly zk: ZooKeeper;
        readonly states: EventReader<SessionState>;
        readonly watches: EveryWatch;
        /** An ephemeral node of the session. */
        readonly node: string;
      }

      async function given(
        options: {
          readonly clock?: JumpingClock;
          readonly sessionTimeoutMs?: number;
        },
        body: (given: Given) => Promise<void>,
      ): Promise<void> {
        tests += 1;
        const node = `/mine-${tests}`;
        await using zk = await connect(backend.connectString, {
          sessionTimeoutMs: TIMEOUT_MS,
          ...options,
        });
        await using writer = await connect(backend.connectString, {
          sessionTimeoutMs: FROZEN_TIMEOUT_MS,
        });
        await zk.create(node, null, { mode: "ephemeral" });
        await using watches = await EveryWatch.open(zk, {
          writer,
          root: `/watched-${tests}`,
        });
        const states = new EventReader((signal) => zk.states({ signal }));
        await states.next(({ kind: state }) => state === "live");
        await body({ zk, states, watches, node });
        await states.stop();
      }

      test("a server that is stopped (SIGSTOP) is left in time for the session, and every kind of watch still tells (D1)", async () => {
        const options = { sessionTimeoutMs: FROZEN_TIMEOUT_MS };
        await given(options, async ({ zk, states, watches, node }) => {
          const id = zk.sessionId;
          const port = zk.server?.port ?? 0;
          const stoppedMs = performance.now();
          backend.freeze(port);
          const waiting = zk.exists(node).catch((error: unknown) => error);
          await states.next(({ kind: state }) => state === "suspended");
          assert.ok(performance.now() - stoppedMs < FROZEN_TIMEOUT_MS);
          assert.ok((await waiting) instanceof Error, "its outcome is unknown");
          // Of three servers another one takes over; one alone must go on.
          if (!backend.connectString.includes(",")) backend.thaw(port);
          await states.next(({ kind: state }) => state === "live");
          backend.thaw(port);
          assert.equal(zk.sessionId, id);
          assert.equal((await zk.exists(node))?.ephemeralOwner, id);
          await watches.tellOn();
        });
      });

      test("an event loop that is stalled beyond the timeout costs the session, and every kind of watch tells what it may have missed", async () => {
        await given({}, async ({ zk, states, watches, node }) => {
          const id = zk.sessionId;
          const changing = watches.change();
          // The requests leave; their answers find nobody.
          await new Promise((resolve) => setImmediate(resolve));
          stall(TIMEOUT_MS * 2.5);
          assert.equal(zk.sessionProven, false, "known at once");
          await changing;
          await states.next(({ kind: state }) => state === "expired");
          await states.next(({ kind: state }) => state === "live");
          await watches.told();
          await synced(zk);
          assert.notEqual(zk.sessionId, id);
          assert.equal(await zk.exists(node), undefined);
          await watches.tellOn();
        });
      });

      test("nodes that are deleted by hand and made again are told by every kind of watch", async () => {
        await given({}, ({ watches }) => watches.deleteByHand());
      });

      test("a clock that jumps an hour ahead costs a connection and no session", async () => {
        const clock = new JumpingClock();
        await given({ clock }, async ({ zk, states, watches, node }) => {
          const id = zk.sessionId;
          clock.jump(HOUR_MS);
          assert.equal(zk.sessionProven, false, "for all that we can know");
          await states.next(({ kind: state }) => state === "suspended");
          const live = await states.next(({ kind: state }) => state === "live");
          assert.ok(live.kind === "live" && live.id === id);
          assert.equal((await zk.exists(node))?.ephemeralOwner, id);
          await watches.tellOn();
          // Less than the time in which silence would be noticed.
          clock.jump(TIMEOUT_MS / 10);
          await watches.tellOn();
          assert.equal(zk.sessionId, id);
        });
      });

      test("a clock on the wall that is set forward or back is not noticed", async () => {
        const clock = new JumpingClock();
        await given({ clock }, async ({ zk, states, watches }) => {
          for (const byMs of [-24 * HOUR_MS, 48 * HOUR_MS]) {
            clock.setWall(byMs);
            await watches.tellOn();
          }
          // Whatever was begun before is due within the timeout.
          await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS));
          assert.equal(zk.state.kind, "live");
          assert.equal(states.seen.length, 1);
        });
      });
    },
  );
}

/** Blocks this thread. */
function stall(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
