import assert from "node:assert/strict";
import {
  type StreamKind,
  type WatchEvent,
  type ZooKeeper,
  ZooKeeperError,
} from "../../../src/zookeeper/index.ts";
import { EventReader } from "../../support/event-reader.ts";

const KINDS: readonly StreamKind[] = [
  "data",
  "exists",
  "children",
  "persistent",
  "recursive",
];

interface Watched {
  readonly kind: StreamKind;
  readonly path: string;
  readonly events: EventReader<WatchEvent>;
}

/** One watch of every kind, each on a node of its own, which another client changes. */
export class EveryWatch implements AsyncDisposable {
  readonly #zk: ZooKeeper;
  readonly #writer: ZooKeeper;
  readonly #watched: readonly Watched[];

  /** Resolves when all are armed. `root` must not exist. */
  static async open(
    zk: ZooKeeper,
    { writer, root }: { readonly writer: ZooKeeper; readonly root: string },
  ): Promise<EveryWatch> {
    await writer.create(root);
    await zk.sync();
    const watched = await Promise.all(
      KINDS.map(async (kind): Promise<Watched> => {
        const path = `${root}/${kind}`;
        await writer.create(path);
        const events = new EventReader((signal) =>
          zk.watch(path, { kind, signal }),
        );
        const armed = await events.next();
        assert.ok(armed.kind === "re-synced" && armed.because === "armed");
        return { kind, path, events };
      }),
    );
    return new EveryWatch(zk, writer, watched);
  }

  private constructor(
    zk: ZooKeeper,
    writer: ZooKeeper,
    watched: readonly Watched[],
  ) {
    this.#zk = zk;
    this.#writer = writer;
    this.#watched = watched;
  }

  /** Changes every node so that its watch must tell something. */
  async change(): Promise<void> {
    await Promise.all(this.#watched.map((watched) => this.#change(watched)));
  }

  /** Resolves when each has told something since it was last asked: what happened, or that something may have. */
  async told(): Promise<void> {
    await Promise.all(this.#watched.map(({ events }) => events.next()));
  }

  /** Resolves when each has told this. */
  async toldAll(passes: (event: WatchEvent) => boolean): Promise<void> {
    await Promise.all(this.#watched.map(({ events }) => events.next(passes)));
  }

  /** Every change from now on is told, and in the end as what it was. */
  async tellOn(): Promise<void> {
    await synced(this.#zk);
    await Promise.all(
      this.#watched.map(async (watched) => {
        watched.events.skip();
        for (;;) {
          await this.#change(watched);
          const event = await watched.events.next();
          if (event.kind !== "re-synced") return;
        }
      }),
    );
  }

  /** Deletes every node and makes it again, waiting for the news of each. */
  async deleteByHand(): Promise<void> {
    const writer = this.#writer;
    for (const kind of ["deleted", "created"] as const) {
      await synced(this.#zk);
      for (const { path, events } of this.#watched) {
        events.skip();
        await (kind === "deleted" ? writer.delete(path) : writer.create(path));
        const event = await events.next();
        assert.deepEqual(event, { kind, path });
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#watched.map(({ events }) => events.stop()));
  }

  async #change({ kind, path }: Watched): Promise<void> {
    const writer = this.#writer;
    if (kind === "children")
      await writer.create(`${path}/c-`, null, {
        mode: "persistent-sequential",
      });
    else if (kind === "exists") {
      const there = (await writer.exists(path)) !== undefined;
      await (there ? writer.delete(path) : writer.create(path));
    } else await writer.setData(path, "x");
  }
}

/** Resolves when a server has answered everything before, however often the connection or the session breaks. */
export async function synced(zk: ZooKeeper): Promise<void> {
  for (;;)
    try {
      await zk.sync();
      return;
    } catch (error) {
      assert.ok(error instanceof ZooKeeperError, String(error));
      assert.match(error.code, /^(?:connection-loss|session-expired)$/u);
    }
}
