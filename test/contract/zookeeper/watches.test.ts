import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  connect,
  type StreamKind,
  type WatchEvent,
  type ZooKeeper,
} from "../../../src/zookeeper/index.ts";
import { fourLetterWord } from "../../support/four-letter-word.ts";
import {
  type CuttingProxy,
  startCuttingProxy,
} from "../../support/cutting-proxy.ts";
import { EventReader } from "../../support/event-reader.ts";
import { type Backend, backendKinds } from "./backends.ts";

const STREAM_KINDS: readonly StreamKind[] = [
  "data",
  "exists",
  "children",
  "persistent",
  "recursive",
];
const TIMEOUT_MS = 1_000;
/** The longest that the servers here give. */
const LONG_TIMEOUT_MS = 4_000;

for (const kind of backendKinds) {
  describe(`ZooKeeper watches on ${kind.name}`, { skip: kind.missing }, () => {
    let backend: Backend;
    let proxy: CuttingProxy;
    let writer: ZooKeeper;
    let tests = 0;

    before(async () => {
      backend = await kind.start();
      proxy = await startCuttingProxy(backend.port);
      writer = await connect(`127.0.0.1:${backend.port}`, {
        sessionTimeoutMs: 4_000,
      });
    });
    after(async () => {
      await writer.close();
      await proxy[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    });

    interface Given {
      readonly zk: ZooKeeper;
      readonly at: string;
      readonly watch: (
        kind: StreamKind,
        path?: string,
      ) => Promise<EventReader<WatchEvent>>;
    }

    /** A client behind the proxy and a node of the test's own; streams are armed when given. */
    function watching(
      name: string,
      body: (given: Given) => Promise<void>,
      sessionTimeoutMs = TIMEOUT_MS,
    ): void {
      test(name, async () => {
        tests += 1;
        const at = `/w${tests}`;
        await writer.create(at);
        const zk = await connect(proxy.connectString, {
          sessionTimeoutMs,
        });
        const readers: EventReader<WatchEvent>[] = [];
        const watch = async (streamKind: StreamKind, path = at) => {
          const reader = new EventReader((signal) =>
            zk.watch(path, { kind: streamKind, signal }),
          );
          readers.push(reader);
          const first = await reader.next();
          assert.deepEqual(first, {
            kind: "re-synced",
            path,
            because: "armed",
            newTree: false,
          });
          return reader;
        };
        try {
          await body({ zk, at, watch });
        } finally {
          proxy.open();
          await Promise.all(readers.map((reader) => reader.stop()));
          await zk.close();
        }
      });
    }

    /** Changes a node so that every kind of watch on it must tell something. */
    async function change(streamKind: StreamKind, path: string): Promise<void> {
      if (streamKind === "children")
        await writer.create(`${path}/c-`, null, {
          mode: "persistent-sequential",
        });
      else if (streamKind === "exists") await writer.deleteRecursive(path);
      else await writer.setData(path, "x");
    }

    watching(
      "watch() tells data, existence and children, and nothing else",
      async ({ zk, at, watch }) => {
        const path = `${at}/n`;
        const readers = await Promise.all(
          STREAM_KINDS.map((streamKind) => watch(streamKind, path)),
        );
        const told = () =>
          readers.map(({ seen }) =>
            seen
              .slice(1)
              .map((event) => `${event.kind} ${event.path}`)
              // A persistent watch may be told twice where a recursive one stands too.
              .filter((line, index, lines) => line !== lines[index - 1]),
          );
        const [data, exists, children, persistent, recursive] = readers;
        // A one-shot watch merges what happens before it is set again, so that
        // each change waits until the last one was told and the watch is set.
        const each = async (
          action: Promise<unknown>,
          ...told: typeof readers
        ) => {
          await action;
          await Promise.all(told.map((reader) => reader.next()));
          await zk.sync();
        };
        assert.ok(data && exists && children && persistent && recursive);
        await each(writer.create(path), ...readers);
        await each(writer.setData(path, "1"), data, persistent, recursive);
        await each(writer.create(`${path}/c`), children, persistent, recursive);
        await each(writer.setData(path, "2"), data, persistent, recursive);
        await each(writer.setData(`${path}/c`, "1"), recursive);
        await each(writer.delete(`${path}/c`), children, persistent, recursive);
        await each(writer.delete(path), ...readers);
        const child = `${path}/c`;
        assert.deepEqual(told(), [
          [`created ${path}`, `data-changed ${path}`, `deleted ${path}`],
          [`created ${path}`, `deleted ${path}`],
          [`created ${path}`, `children-changed ${path}`, `deleted ${path}`],
          [
            `created ${path}`,
            `data-changed ${path}`,
            `children-changed ${path}`,
            `data-changed ${path}`,
            `children-changed ${path}`,
            `deleted ${path}`,
          ],
          [
            `created ${path}`,
            `data-changed ${path}`,
            `created ${child}`,
            `data-changed ${path}`,
            `data-changed ${child}`,
            `deleted ${child}`,
            `deleted ${path}`,
          ],
        ]);
      },
    );

    watching(
      "what is read after an event is at least as new as the event",
      async ({ zk, at, watch }) => {
        const reader = await watch("data");
        for (let round = 1; round <= 50; round++) {
          const { mzxid } = await writer.setData(at, String(round));
          await reader.next();
          const { stat } = await zk.getData(at);
          assert.ok(stat.mzxid >= mzxid);
        }
      },
    );

    watching(
      "no last change is lost, however fast changes come",
      async ({ zk, at, watch }) => {
        const reader = await watch("data");
        const writes = Array.from({ length: 300 }, (_, round) =>
          writer.setData(at, String(round)),
        );
        await Promise.all(writes);
        for (;;) {
          const { data } = await zk.getData(at);
          if (data?.toString() === "299") break;
          await reader.next();
        }
      },
    );

    for (const streamKind of STREAM_KINDS) {
      watching(
        `a ${streamKind} watch survives a reconnect and tells what changed meanwhile`,
        async ({ zk, at, watch }) => {
          const reader = await watch(streamKind);
          proxy.block();
          await change(streamKind, at);
          proxy.open();
          const event = await reader.next();
          if (event.kind === "re-synced")
            assert.equal(event.because, "reconnected");
          else assert.equal(event.path, at);
          await zk.sync();
          if (streamKind === "exists") await writer.create(at);
          else await change(streamKind, at);
          await reader.next(({ kind: later }) => later !== "re-synced");
        },
      );

      watching(
        `a ${streamKind} watch is set again in a new session`,
        async ({ zk, at, watch }) => {
          const reader = await watch(streamKind);
          const states = new EventReader((signal) => zk.states({ signal }));
          proxy.block();
          await states.next(({ kind: state }) => state === "lost");
          // Another server may come and go; ours forgets the session by a tick later at most.
          while (
            (await fourLetterWord(backend.port, "cons")).includes(sidText(zk))
          )
            await new Promise((resolve) => setTimeout(resolve, 20));
          await new Promise((resolve) => setTimeout(resolve, 500));
          proxy.open();
          await states.next(({ kind: state }) => state === "expired");
          const event = await reader.next();
          assert.deepEqual(event, {
            kind: "re-synced",
            path: at,
            because: "new-session",
            newTree: false,
          });
          await change(streamKind, at);
          await reader.next(({ kind: later }) => later !== "re-synced");
          await states.stop();
        },
      );

      watching(
        `a ${streamKind} watch is removed from the server when its reader leaves (i)`,
        async ({ zk, watch }) => {
          const first = await watch(streamKind);
          const second = await watch(streamKind);
          const counted = async () => {
            await zk.sync();
            const text = await fourLetterWord(backend.port, "mntr");
            return Number(/zk_watch_count\s+(\d+)/u.exec(text)?.[1]);
          };
          assert.ok((await counted()) > 0);
          await first.stop();
          assert.ok((await counted()) > 0, "the other reader still watches");
          await second.stop();
          assert.equal(await counted(), 0);
        },
      );
    }

    watching(
      "watches that were set before a server was frozen fire afterwards",
      async ({ at, watch }) => {
        const reader = await watch("recursive");
        proxy.freeze();
        await writer.setData(at, "while frozen");
        proxy.thaw();
        const event = await reader.next();
        assert.equal(event.kind, "data-changed");
      },
    );

    watching(
      "12,000 watches survive a dropped connection (D3)",
      async ({ zk, at }) => {
        const fired: string[] = [];
        const { promise: allFired, resolve } = Promise.withResolvers<void>();
        const onWatch = (event: WatchEvent) => {
          fired.push(event.path);
          if (fired.length === 2) resolve();
        };
        const long = "x".repeat(80);
        await Promise.all(
          Array.from({ length: 12_000 }, (_, index) =>
            zk.exists(`${at}/${long}-${index}`, { onWatch }),
          ),
        );
        const before = proxy.connectionCount;
        const states = new EventReader((signal) => zk.states({ signal }));
        proxy.cut();
        await states.next(({ kind: state }) => state === "suspended");
        await states.next(({ kind: state }) => state === "live");
        await zk.setData(at, "still writing");
        assert.equal(proxy.connectionCount, before + 1);
        await writer.create(`${at}/${long}-0`);
        await writer.create(`${at}/${long}-11999`);
        await allFired;
        assert.deepEqual(fired, [`${at}/${long}-0`, `${at}/${long}-11999`]);
        await states.stop();
      },
      // Client, proxy and keeper share this thread: on a busy machine one of
      // them keeps the others waiting for longer than the short timeout bears.
      LONG_TIMEOUT_MS,
    );

    watching(
      "onWatch is told once: by the event, or by the end of the session",
      async ({ zk, at }) => {
        const events: WatchEvent[] = [];
        await zk.getData(at, { onWatch: (event) => events.push(event) });
        await writer.setData(at, "1");
        await writer.setData(at, "2");
        await writer.sync();
        await zk.sync();
        assert.deepEqual(events, [{ kind: "data-changed", path: at }]);
      },
    );

    watching(
      "a client that sets a watched node itself hears of it before the answer",
      async ({ zk, at }) => {
        const order: string[] = [];
        await zk.getData(at, { onWatch: () => order.push("event") });
        await zk.setData(at, "x").then(() => order.push("answer"));
        assert.deepEqual(order, ["event", "answer"]);
      },
    );

    watching(
      "a slow reader gets one re-synced in place of what did not fit",
      async ({ at }) => {
        await using zk = await connect(proxy.connectString, {
          maxQueuedEvents: 2,
          sessionTimeoutMs: 4_000,
        });
        const stream = zk.watch(at, { kind: "persistent" });
        const events = stream[Symbol.asyncIterator]();
        assert.equal((await events.next()).value?.kind, "re-synced");
        for (let round = 0; round < 4; round++)
          await writer.setData(at, String(round));
        await zk.sync();
        await zk.getData(at);
        const first = (await events.next()).value;
        assert.ok(first?.kind === "re-synced" && first.because === "overflow");
        await events.return?.();
      },
    );

    watching(
      "iteration ends when the client is closed and throws on abort",
      async ({ zk, at }) => {
        const controller = new AbortController();
        const { signal } = controller;
        const stream = zk.watch(at, { kind: "data", signal });
        const aborted = stream[Symbol.asyncIterator]();
        const ended = zk.watch(at, { kind: "data" })[Symbol.asyncIterator]();
        await aborted.next();
        await ended.next();
        const rejected = assert.rejects(aborted.next(), /enough/u);
        controller.abort(new Error("enough"));
        await rejected;
        const last = ended.next();
        await zk.close();
        assert.equal((await last).done, true);
      },
    );
  });
}

function sidText(zk: ZooKeeper): string {
  return `sid=0x${(zk.sessionId ?? 0n).toString(16)}`;
}
