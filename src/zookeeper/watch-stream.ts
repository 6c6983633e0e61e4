import { Channel } from "../base/index.ts";
import { AddWatchMode, WatcherType } from "../jute/index.ts";
import { addWatch, exists, getChildren2, removeWatches } from "./operations.ts";
import { type Operation, Request } from "./request.ts";
import type { SessionFollower } from "./session-options.ts";
import type { Session } from "./session.ts";
import type { ReSyncReason, StreamKind, WatchEvent } from "./watch-event.ts";
import type { WatchKind, WatchListener } from "./watch-request.ts";
import { toServerPath } from "./znode-path.ts";
import { ZooKeeperError } from "./zookeeper-error.ts";

interface WatchStreamOptions {
  readonly path: string;
  readonly kind: StreamKind;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The events of one watch for one reader. The watch is set when reading begins,
 * set again after each one-shot event before the event is handed out (so that
 * what the reader then reads is watched), after reconnects by the session's own
 * setWatches, and after an expiry by this stream.
 */
export class WatchStream implements AsyncIterable<WatchEvent> {
  readonly #session: Session;
  readonly #options: WatchStreamOptions;

  constructor(session: Session, options: WatchStreamOptions) {
    this.#session = session;
    this.#options = options;
  }

  [Symbol.asyncIterator](): AsyncIterator<WatchEvent, undefined> {
    return new WatchReading(this.#session, this.#options).begin();
  }
}

/** Errors of arming after which it is tried again on the next connection. */
const PASSING: ReadonlySet<string> = new Set([
  "connection-loss",
  "session-expired",
  "session-moved",
]);

/** Kinds whose missed changes setWatches makes the server tell. */
const REPLAYED: ReadonlySet<StreamKind> = new Set(["data", "children"]);

class WatchReading implements SessionFollower {
  readonly #session: Session;
  readonly #path: string;
  readonly #serverPath: string;
  readonly #kind: StreamKind;
  readonly #signal: AbortSignal | undefined;
  readonly #channel: Channel<WatchEvent>;
  readonly #listener: WatchListener = (event) => this.#notice(event);
  readonly #onAbort = () => {
    this.#channel.clear();
    this.#channel.fail(this.#signal?.reason);
    this.#stop();
  };
  #stopped = false;
  /** Requests that set the watch and are not answered. */
  #arming = 0;
  /** Whether setting it failed, so that the next connection must try again. */
  #unset = false;
  /** What the reader is told once the watch is set. */
  #owed:
    { readonly because: ReSyncReason; readonly newTree: boolean } | undefined;

  constructor(session: Session, options: WatchStreamOptions) {
    this.#session = session;
    this.#path = options.path;
    this.#serverPath = toServerPath(session.chroot, options.path);
    this.#kind = options.kind;
    this.#signal = options.signal;
    this.#channel = new Channel({
      limit: session.maxQueuedEvents,
      onReturn: () => this.#stop(),
    });
  }

  begin(): AsyncIterator<WatchEvent, undefined> {
    if (this.#signal?.aborted === true) this.#onAbort();
    else if (this.#session.state.kind === "closed") this.onEnd(undefined);
    else {
      this.#signal?.addEventListener("abort", this.#onAbort, { once: true });
      this.#session.follow(this);
      this.#owed = { because: "armed", newTree: false };
      this.#arm();
    }
    return this.#channel[Symbol.asyncIterator]();
  }

  onLive(how: {
    readonly newSession: boolean;
    readonly newTree: boolean;
  }): void {
    // A request that waited for this connection is sent next.
    if (this.#arming > 0) return;
    const because = how.newSession ? "new-session" : "reconnected";
    const { newTree } = how;
    if (this.#unset || how.newSession) {
      this.#unset = false;
      if (this.#owed?.because !== "armed") this.#owed = { because, newTree };
      this.#arm();
    } else if (newTree || !REPLAYED.has(this.#kind)) {
      this.#push({ kind: "re-synced", path: this.#path, because, newTree });
    }
  }

  onEnd(error: ZooKeeperError | undefined): void {
    if (error === undefined) this.#channel.close();
    else this.#channel.fail(error);
    this.#stop();
  }

  #notice(event: WatchEvent): void {
    // An end of the session is told by onLive, once the watch is set again.
    if (this.#stopped || event.kind === "re-synced") return;
    if (this.#kind !== "persistent" && this.#kind !== "recursive") this.#arm();
    // It may come in the same read as the answer that has set the watch.
    this.#tellOwed();
    const hidden =
      event.kind === "data-changed" &&
      (this.#kind === "exists" || this.#kind === "children");
    if (!hidden) this.#push(event);
  }

  #push(event: WatchEvent): void {
    if (this.#channel.push(event) !== "full") return;
    this.#channel.clear();
    this.#channel.push({
      kind: "re-synced",
      path: this.#path,
      because: "overflow",
      newTree: event.kind === "re-synced" && event.newTree,
    });
  }

  #arm(): void {
    switch (this.#kind) {
      case "data":
      case "exists":
        this.#armByExists();
        return;
      case "children":
        void this.#send(getChildren2, this.#onePayload(), "children");
        return;
      case "persistent":
        void this.#send(
          addWatch,
          { path: this.#serverPath, mode: AddWatchMode.persistent },
          "persistent",
        );
        return;
      case "recursive":
        void this.#send(
          addWatch,
          { path: this.#serverPath, mode: AddWatchMode.persistentRecursive },
          "recursive",
        );
        return;
      default:
        this.#kind satisfies never;
    }
  }

  #onePayload(): { readonly path: string; watch: boolean } {
    return { path: this.#serverPath, watch: true };
  }

  #armByExists(): void {
    const answer = this.#send(exists, this.#onePayload(), "data");
    if (this.#kind !== "children") return;
    // The node has come meanwhile: its children can be watched after all.
    const onAnswer = (stat: unknown) => {
      if (stat !== undefined && !this.#stopped) this.#arm();
    };
    answer.then(onAnswer, () => {});
  }

  /** Failures are dealt with here; what is answered is for who wants to know more. */
  #send<Payload extends { watch?: boolean; mode?: number }, Answer>(
    operation: Operation<Payload, Answer>,
    payload: Payload,
    kind: WatchKind,
  ): Promise<Answer> {
    const request = new Request(operation, payload, this.#path, undefined);
    const listener = this.#listener;
    request.watch = { kind, serverPath: this.#serverPath, listener, payload };
    this.#arming += 1;
    this.#session.submit(request);
    request.promise.then(
      () => this.#armed(),
      (error: unknown) => this.#failed(error),
    );
    return request.promise;
  }

  #armed(): void {
    this.#arming -= 1;
    if (this.#stopped) {
      this.#remove();
      return;
    }
    this.#tellOwed();
  }

  #tellOwed(): void {
    const owed = this.#owed;
    this.#owed = undefined;
    if (owed !== undefined)
      this.#push({ kind: "re-synced", path: this.#path, ...owed });
  }

  #failed(error: unknown): void {
    this.#arming -= 1;
    if (this.#stopped) return;
    const code = error instanceof ZooKeeperError ? error.code : undefined;
    if (code === "no-node" && this.#kind === "children") {
      this.#armByExists();
    } else if (
      code === "session-expired" &&
      this.#session.state.kind === "live"
    ) {
      // The server that ended the session gave a new one in the same breath.
      this.#owed ??= { because: "new-session", newTree: false };
      this.#arm();
    } else if (code !== undefined && PASSING.has(code)) {
      this.#unset = true;
    } else if (code !== "closed") {
      this.#channel.fail(error);
      this.#stop();
    }
  }

  #stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#session.unfollow(this);
    this.#remove();
  }

  /** Tells the server, too, when nobody here watches the path any more. */
  #remove(): void {
    if (!this.#session.removeWatch(this.#serverPath, this.#listener)) return;
    const payload = { path: this.#serverPath, type: WatcherType.any };
    const request = new Request(removeWatches, payload, this.#path, undefined);
    this.#session.submit(request);
    // A lost removal is no loss: the watches of a connection end with it.
    request.promise.catch(() => {});
  }
}
