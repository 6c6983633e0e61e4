import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  connect,
  type SessionState,
  ZooKeeper,
  ZooKeeperError,
} from "../../../src/zookeeper/index.ts";
import {
  type CuttingProxy,
  startCuttingProxy,
} from "../../support/cutting-proxy.ts";
import { EventReader } from "../../support/event-reader.ts";
import { type Backend, backendKinds } from "./backends.ts";

const TIMEOUT_MS = 1_200;
/** Longer, so that a busy machine has a second between notice and expiry. */
const FROZEN_TIMEOUT_MS = 3_000;

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "done",
    (error: unknown) => {
      assert.ok(error instanceof ZooKeeperError, String(error));
      return error.code;
    },
  );
}

for (const kind of backendKinds) {
  describe(`ZooKeeper sessions on ${kind.name}`, { skip: kind.missing }, () => {
    let backend: Backend;
    let proxy: CuttingProxy;
    let observer: ZooKeeper;
    let tests = 0;

    before(async () => {
      backend = await kind.start();
      proxy = await startCuttingProxy(backend.port);
      observer = await connect(`127.0.0.1:${backend.port}`, {
        sessionTimeoutMs: 4_000,
      });
    });
    after(async () => {
      await observer.close();
      await proxy[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    });

    /** A client behind the proxy, with an ephemeral node of its own. */
    function session(
      name: string,
      body: (given: {
        readonly zk: ZooKeeper;
        readonly states: EventReader<SessionState>;
        readonly node: string;
      }) => Promise<void>,
      sessionTimeoutMs = TIMEOUT_MS,
    ): void {
      test(name, async () => {
        tests += 1;
        const node = `/e${tests}`;
        const zk = await connect(proxy.connectString, {
          sessionTimeoutMs,
        });
        const states = new EventReader((signal) => zk.states({ signal }));
        try {
          await states.next(({ kind: state }) => state === "live");
          await zk.create(node, null, { mode: "ephemeral" });
          await body({ zk, states, node });
        } finally {
          proxy.thaw();
          proxy.open();
          await states.stop();
          await zk.close();
        }
      });
    }

    session(
      "a cut connection returns to the same session and keeps its ephemerals",
      async ({ zk, states, node }) => {
        const id = zk.sessionId;
        proxy.cut();
        const suspended = await states.next(
          ({ kind: state }) => state === "suspended",
        );
        assert.ok(suspended.kind === "suspended" && suspended.id === id);
        // A request of this moment waits.
        const waiting = zk.exists(node);
        const live = await states.next(({ kind: state }) => state === "live");
        assert.ok(live.kind === "live" && live.id === id && !live.newTree);
        assert.equal((await waiting)?.ephemeralOwner, id);
        assert.deepEqual(
          states.seen.map(({ kind: state }) => state),
          ["live", "suspended", "live"],
        );
      },
    );

    session(
      "what was in flight at a disconnect fails with connection-loss, what was not sent waits",
      async ({ zk, node }) => {
        proxy.swallowReplies();
        const inFlight = zk.setData(node, "1");
        await new Promise((resolve) => setImmediate(resolve));
        const waiting = codeOf(inFlight);
        proxy.cut();
        assert.equal(await waiting, "connection-loss");
        assert.equal(await codeOf(zk.getData(node)), "done");
      },
    );

    session(
      "failFast, timeoutMs and a signal end the waiting for a connection",
      async ({ zk, states, node }) => {
        proxy.block();
        await states.next(({ kind: state }) => state === "suspended");
        assert.equal(
          await codeOf(zk.exists(node, { failFast: true })),
          "not-connected",
        );
        const late: unknown = await zk
          .exists(node, { timeoutMs: 30 })
          .catch((error: unknown) => error);
        assert.ok(
          late instanceof ZooKeeperError &&
            late.code === "deadline" &&
            !late.maybeDone,
        );
        const controller = new AbortController();
        const given = zk.exists(node, { signal: controller.signal });
        controller.abort(new Error("enough"));
        await assert.rejects(given, /enough/u);
        await assert.rejects(
          zk.exists(node, { signal: AbortSignal.abort(new Error("before")) }),
          /before/u,
        );
      },
    );

    session(
      "a frozen server is noticed after two thirds of the timeout, and the session is kept (D1, a)",
      async ({ zk, states, node }) => {
        const id = zk.sessionId;
        await zk.sync();
        const frozenMs = performance.now();
        proxy.freeze();
        await states.next(({ kind: state }) => state === "suspended");
        const noticedMs = performance.now() - frozenMs;
        assert.ok(
          noticedMs < FROZEN_TIMEOUT_MS * 0.95,
          `noticed after ${noticedMs} ms`,
        );
        assert.ok(
          noticedMs > FROZEN_TIMEOUT_MS * 0.3,
          `noticed after ${noticedMs} ms`,
        );
        proxy.thaw();
        proxy.cut();
        const live = await states.next(({ kind: state }) => state === "live");
        assert.ok(live.kind === "live" && live.id === id);
        assert.notEqual(await zk.exists(node), undefined);
      },
      FROZEN_TIMEOUT_MS,
    );

    session(
      "without a server a session is lost by our own clock, then expired by the server's word, then new (b, f)",
      async ({ zk, states, node }) => {
        const id = zk.sessionId;
        const waitingBefore = () => zk.getData(node);
        proxy.block();
        const suspended = await states.next(
          ({ kind: state }) => state === "suspended",
        );
        assert.ok(suspended.kind === "suspended");
        const waiting = codeOf(waitingBefore());
        await states.next(({ kind: state }) => state === "lost");
        assert.ok(performance.now() >= suspended.untilMs - 5);
        while ((await observer.exists(node)) !== undefined)
          await new Promise((resolve) => setTimeout(resolve, 20));
        proxy.open();
        await states.next(({ kind: state }) => state === "expired");
        assert.equal(await waiting, "session-expired");
        const live = await states.next(({ kind: state }) => state === "live");
        assert.ok(live.kind === "live" && live.id !== id && !live.newTree);
        await zk.create(node, null, { mode: "ephemeral" });
        assert.equal(
          (await observer.exists(node))?.ephemeralOwner,
          zk.sessionId,
        );
      },
    );

    session(
      "an idle session is kept alive by pings",
      async ({ zk, states }) => {
        await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS * 2));
        assert.deepEqual(
          states.seen.map(({ kind: state }) => state),
          ["live"],
        );
        assert.equal(zk.state.kind, "live");
      },
    );

    session(
      "close() ends the session at once, is idempotent and refuses what comes after (k)",
      async ({ zk, states, node }) => {
        const last = zk.getData(node);
        const first = zk.close();
        assert.equal(zk.close(), first);
        assert.equal(await codeOf(zk.exists(node)), "closed");
        await first;
        await last;
        assert.equal(await observer.exists(node), undefined);
        assert.equal(zk.state.kind, "closed");
        await states.next(({ kind: state }) => state === "closed");
        assert.equal(await codeOf(zk.live()), "closed");
      },
    );

    session(
      "close() while disconnected and while frozen is bounded in time (k)",
      async ({ zk, states, node }) => {
        proxy.block();
        await states.next(({ kind: state }) => state === "suspended");
        const waiting = codeOf(zk.exists(node));
        await zk.close();
        assert.equal(await waiting, "closed");
        proxy.open();
        const other = await connect(proxy.connectString, {
          sessionTimeoutMs: TIMEOUT_MS,
        });
        proxy.freeze();
        await other.close({ signal: AbortSignal.timeout(50) });
        assert.equal(other.state.kind, "closed");
      },
    );

    session(
      "a session is resumed by another client with its id and password",
      async ({ zk, states, node }) => {
        const credentials = zk.sessionCredentials;
        assert.ok(credentials !== undefined);
        proxy.block();
        await states.next(({ kind: state }) => state === "suspended");
        await using heir = await connect(`127.0.0.1:${backend.port}`, {
          sessionTimeoutMs: TIMEOUT_MS,
          session: credentials,
        });
        assert.equal(heir.sessionId, credentials.id);
        assert.equal((await heir.exists(node))?.ephemeralOwner, credentials.id);
      },
    );

    test("a session that no server knows is expired, then renewed or not", async () => {
      const session = { id: 0x1234n as never, password: Buffer.alloc(16, 1) };
      await using renewed = new ZooKeeper(proxy.connectString, {
        session,
        sessionTimeoutMs: TIMEOUT_MS,
      });
      const states = new EventReader((signal) => renewed.states({ signal }));
      await states.next(({ kind: state }) => state === "expired");
      await states.next(({ kind: state }) => state === "live");
      await states.stop();
      await using final = new ZooKeeper(proxy.connectString, {
        session,
        renewSession: false,
        sessionTimeoutMs: TIMEOUT_MS,
      });
      assert.equal(await codeOf(final.live()), "session-expired");
      assert.equal(await codeOf(final.exists("/")), "session-expired");
    });

    session(
      "a process stalled beyond its timeout ends with a truthful session",
      async ({ zk, states, node }) => {
        const id = zk.sessionId;
        const untilMs = performance.now() + TIMEOUT_MS * 1.5;
        while (performance.now() < untilMs);
        // The keeper stood still with us, Apache ZooKeeper has expired the session.
        const reply = await codeOf(zk.sync());
        assert.match(reply, /^(?:done|connection-loss|session-expired)$/u);
        if (reply !== "done")
          await states.next(({ kind: state }) => state === "live");
        await zk.sync();
        const owner = (await zk.exists(node))?.ephemeralOwner;
        assert.equal(owner, zk.sessionId === id ? id : undefined);
      },
    );

    test("many reconnects keep one session and every request is answered or fails as unknown", async () => {
      await using zk = await connect(proxy.connectString, {
        sessionTimeoutMs: 4_000,
      });
      const id = zk.sessionId;
      await zk.create("/many");
      let unknown = 0;
      let done = 0;
      for (let round = 0; round < 12; round++) {
        const replies = Array.from({ length: 5 }, () =>
          codeOf(zk.setData("/many", String(round))),
        );
        proxy.cut();
        for (const reply of await Promise.all(replies)) {
          assert.match(reply, /^(?:done|connection-loss)$/u);
          if (reply === "done") done += 1;
          else unknown += 1;
        }
      }
      const version = (await zk.exists("/many"))?.version ?? 0;
      assert.ok(version >= done && version <= done + unknown);
      assert.equal(zk.sessionId, id);
    });
  });
}
