/**
 * One place in a queue of ephemeral sequential nodes: the part that lock,
 * read-write lock, semaphore and election share.
 *
 *                 made                    nobody in the way
 *   ┌─────────┐ ───────▶ ┌─────────┐ ───────────────────────▶ ┌──────┐
 *   │ outside │          │ waiting │                          │ held │
 *   └─────────┘ ◀─────── └─────────┘                          └──────┘
 *        ▲       own node gone, aborted                           │
 *        └────────────────────────────────────────────────────────┘
 *             released, or lost (session lost or expired, node gone)
 *
 * - The name carries a random identity, so that a create whose answer was lost
 *   is found again and never doubled (Netflix/curator issue 3).
 * - A contender watches the one node whose going lets it in, so that a release
 *   wakes one and not all.
 * - It holds only after it has seen its own node in a listing, made by the
 *   present session: what an expired session made counts for nothing, even
 *   while the server still shows it.
 * - A hold ends, for its holder, no later than the server gives it to another:
 *   `lost` fires when the session is lost by the client's own clock, which is
 *   before the server may expire it. What was lost is never regained: when the
 *   session turns out to live, the node is deleted.
 * - Whatever ends an attempt (abort, error, loss) deletes the node, in the
 *   background and for as long as the session lives.
 */

import { abortable, type Clock, type Journal } from "../../base/index.ts";
import {
  type SessionId,
  type Stat,
  toSessionId,
  toZxid,
  type Zxid,
} from "../../jute/index.ts";
import type { NodeData } from "../multi.ts";
import { childPath } from "../znode-path.ts";
import { persevere } from "./persevere.ts";
import { deleteIfThere, ProtectedName } from "./protected-name.ts";
import {
  errorCode,
  isOver,
  isPassing,
  type WritingClient,
} from "./recipe-client.ts";
import { type Contestant, contestants } from "./sequence.ts";

/** What a contender waits for; undefined lets it in. */
export type Obstacle =
  | { readonly kind: "node"; readonly name: string }
  /** Any change of the queue may let it in. */
  | { readonly kind: "children" }
  | undefined;

export interface ContenderOptions {
  readonly client: WritingClient;
  readonly folder: string;
  /** What stands before the sequence number in its own name. */
  readonly name: string;
  /** The kinds of names that are in the queue. */
  readonly kinds: ReadonlySet<string>;
  readonly data: NodeData;
  /** Who is in the way of the contender at `index` in the queue. */
  readonly obstacle: (queue: readonly Contestant[], index: number) => Obstacle;
  readonly clock: Clock;
  readonly journal: Journal;
}

/** A hold on something that one, or a few, may hold at a time. */
export interface Hold extends AsyncDisposable {
  /** The znode that stands for it. */
  readonly path: string;
  /**
   * The zxid that made its node: it grows from holder to holder, so that
   * whoever is written to can refuse one that comes late with a smaller number.
   */
  readonly fencing: Zxid;
  /** Fires when the hold may have ended without a release: act no more in its name. */
  readonly lost: AbortSignal;
  /**
   * Throws where `lost` has fired, and where it is about to: after the event loop
   * was stalled beyond the session timeout, before the news could come.
   */
  assertHeld(): void;
  /** Gives it up; may be called twice. The node is gone when it resolves. */
  release(options?: {
    readonly signal?: AbortSignal | undefined;
  }): Promise<void>;
}

interface EnterOptions {
  readonly signal?: AbortSignal | undefined;
  readonly tryOnly: boolean;
}

/** Where it stands when it is in. */
interface Place {
  readonly path: string;
  readonly stat: Stat;
}

/** Makes one attempt, see the header. Used once. */
export class Contender {
  readonly #options: ContenderOptions;
  readonly #name: ProtectedName;
  readonly #ended = Promise.withResolvers<void>();
  #hold: ContenderHold | undefined;
  #ending = false;

  constructor(options: ContenderOptions) {
    this.#options = options;
    this.#name = new ProtectedName(options.folder, options.name);
  }

  /**
   * Resolves when it is in. With `tryOnly`, answers undefined instead of
   * waiting. Rejects with `signal.reason` on abort; `ended` then tells when its
   * node is gone.
   */
  async enter(options: EnterOptions): Promise<Hold | undefined> {
    const { client, clock } = this.#options;
    const { signal } = options;
    try {
      const place = await persevere(() => this.#attempt(options), {
        client,
        signal,
        clock,
      });
      signal?.throwIfAborted();
      if (place === undefined) await this.end();
      else this.#hold = this.#holdAt(place);
      return this.#hold;
    } catch (error) {
      void this.end();
      throw error;
    }
  }

  /** Resolves when the attempt or the hold has ended and no node of it is left. Never rejects. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Ends a hold, or deletes what an attempt has left. Never rejects. */
  end(): Promise<void> {
    if (!this.#ending) {
      this.#ending = true;
      this.#hold?.over();
      void this.#remove().then(this.#ended.resolve);
    }
    return this.ended;
  }

  #holdAt(place: Place): ContenderHold {
    return new ContenderHold(this.#options.client, place, () => this.end());
  }

  async #attempt(options: EnterOptions): Promise<Place | undefined> {
    const { client, folder, kinds, obstacle } = this.#options;
    const { signal, tryOnly } = options;
    let path = await this.#take(signal);
    for (;;) {
      const { children } = await client.getChildren(folder, { signal });
      const queue = contestants(children, kinds);
      const index = queue.findIndex(({ name }) => this.#name.isName(name));
      if (index === -1) {
        path = await this.#take(signal);
        continue;
      }
      const inTheWay = obstacle(queue, index);
      if (inTheWay === undefined) {
        const stat = await client.exists(path, { signal });
        if (stat === undefined) continue;
        if (stat.ephemeralOwner === client.sessionId) return { path, stat };
        // Of an expired session, and not yet removed.
        await deleteIfThere(client, path, { signal });
        continue;
      }
      if (tryOnly) return undefined;
      await this.#untilGone(inTheWay, signal);
    }
  }

  /** Its own node: the one that is there, or a new one. */
  async #take(signal: AbortSignal | undefined): Promise<string> {
    const { client, data } = this.#options;
    const [path] = await this.#name.find(client, signal);
    if (path !== undefined) return path;
    const made = await this.#name.create(client, data, {
      mode: "ephemeral-sequential",
      signal,
    });
    return made.path;
  }

  async #untilGone(
    obstacle: Exclude<Obstacle, undefined>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { client, folder } = this.#options;
    const { promise: changed, resolve } = Promise.withResolvers<void>();
    const onWatch = () => resolve();
    if (obstacle.kind === "node") {
      const path = childPath(folder, obstacle.name);
      try {
        // getData leaves no watch behind where the node is gone already.
        await client.getData(path, { signal, onWatch });
      } catch (error) {
        if (errorCode(error) === "no-node") return;
        throw error;
      }
      await abortable(changed, signal);
    } else {
      await client.getChildren(folder, { signal, onWatch });
      await abortable(changed, signal);
    }
  }

  /** Never rejects. */
  async #remove(): Promise<void> {
    const { client, clock, journal } = this.#options;
    try {
      await this.#name.remove(client, { clock });
    } catch (error) {
      if (isOver(client)) return; // and with its session the node
      journal({
        level: "warn",
        room: "zookeeper",
        event: "contender-left-behind",
        message: `Cannot delete a node in "${this.#name.folder}": it stays until its session ends`,
        error,
      });
    }
  }
}

class ContenderHold implements Hold {
  readonly path: string;
  readonly fencing: Zxid;
  readonly #client: WritingClient;
  readonly #session: SessionId;
  readonly #end: () => Promise<void>;
  readonly #lost = new AbortController();
  /** Ends the watching. */
  readonly #over = new AbortController();

  constructor(client: WritingClient, place: Place, end: () => Promise<void>) {
    this.#client = client;
    this.path = place.path;
    this.fencing = toZxid(place.stat.czxid);
    this.#session = toSessionId(place.stat.ephemeralOwner);
    this.#end = end;
    void this.#watchSession();
    void this.#watchNode();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  assertHeld(): void {
    if (!this.#over.signal.aborted && !this.#client.sessionProven)
      this.#lose("no server has answered within the session timeout");
    this.#lost.signal.throwIfAborted();
    if (this.#over.signal.aborted)
      throw new Error(`Cannot use "${this.path}": it was released`);
  }

  async release(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    await abortable(this.#end(), options.signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  /** No longer watched: it was released, or lost. */
  over(): void {
    this.#over.abort();
  }

  async #watchSession(): Promise<void> {
    const { signal } = this.#over;
    try {
      for await (const state of this.#client.states({ signal })) {
        if (state.kind === "suspended") continue;
        if (state.kind === "live" && state.id === this.#session) continue;
        this.#lose(`its session is ${state.kind}`);
        return;
      }
      this.#lose("the client was closed");
    } catch {
      // Released, or lost by the node.
    }
  }

  async #watchNode(): Promise<void> {
    const { signal } = this.#over;
    try {
      const events = this.#client.watch(this.path, { kind: "exists", signal });
      for await (const event of events) {
        if (event.kind === "created") continue;
        if (event.kind === "re-synced") {
          const stat = await this.#client.exists(this.path, { signal });
          if (stat?.czxid === this.fencing) continue;
        }
        this.#lose("its node is gone");
        return;
      }
    } catch (error) {
      // Released, or the session tells; anything else leaves the node unwatched.
      if (!signal.aborted && !isPassing(error))
        this.#lose("it cannot be watched");
    }
  }

  #lose(because: string): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    this.#lost.abort(new Error(`Cannot keep "${this.path}": ${because}`));
    void this.#end();
  }
}
