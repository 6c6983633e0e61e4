import { Channel, type Journal, type JournalLevel } from "../base/index.ts";
import { sessionIdText } from "../jute/index.ts";
import {
  nextSessionState,
  type SessionEvent,
  type SessionState,
} from "./session-state.ts";

import { ZooKeeperError } from "./zookeeper-error.ts";

/** More states than this cannot wait for one reader; it then sees only the present one. */
const MAX_QUEUED_STATES = 256;

/** Holds the state of a session and tells every reader each change of it. */
export class StateFeed {
  readonly #journal: Journal;
  readonly #renewSession: boolean;
  readonly #readers = new Set<Channel<SessionState>>();
  #state: SessionState = { kind: "connecting" };

  constructor(options: {
    readonly journal: Journal;
    readonly renewSession: boolean;
  }) {
    this.#journal = options.journal;
    this.#renewSession = options.renewSession;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Answers whether the event changed the state. */
  move(event: SessionEvent): boolean {
    const before = this.#state;
    this.#state = nextSessionState(before, event);
    if (this.#state === before) return false;
    this.#record(this.#state);
    for (const reader of this.#readers) {
      if (reader.push(this.#state) === "full") {
        reader.clear();
        reader.push(this.#state);
      }
      if (this.#state.kind === "closed") reader.close();
    }
    return true;
  }

  /** The present state and each that follows; ends after `closed`. */
  async *read(
    signal: AbortSignal | undefined,
  ): AsyncGenerator<SessionState, void, void> {
    signal?.throwIfAborted();
    const reader = new Channel<SessionState>({ limit: MAX_QUEUED_STATES });
    const onAbort = () => {
      reader.clear();
      reader.fail(signal?.reason);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    reader.push(this.#state);
    if (this.#state.kind === "closed") reader.close();
    this.#readers.add(reader);
    try {
      yield* reader;
    } finally {
      this.#readers.delete(reader);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Resolves while the state is live; rejects when it never will be. */
  async untilLive(signal: AbortSignal | undefined): Promise<void> {
    for await (const state of this.read(signal)) {
      if (state.kind === "live") return;
      if (state.kind === "expired" && !this.#renewSession)
        throw new ZooKeeperError("session-expired", { op: "go live" });
    }
    throw new ZooKeeperError("closed", { op: "go live" });
  }

  #record(state: SessionState): void {
    const id = "id" in state ? { session: sessionIdText(state.id) } : {};
    this.#journal({
      level: levelOf(state),
      room: "zookeeper",
      event: `session-${state.kind}`,
      message: `The ZooKeeper session is ${state.kind}`,
      ...id,
      ...(state.kind === "live"
        ? {
            timeoutMs: state.timeoutMs,
            readOnly: state.readOnly,
            newTree: state.newTree,
          }
        : {}),
    });
  }
}

/** A session that ends as it was asked to is no news. */
function levelOf(state: SessionState): JournalLevel {
  switch (state.kind) {
    case "lost":
    case "expired":
      return "warn";
    case "closed":
      return "debug";
    case "connecting":
    case "live":
    case "suspended":
      return "info";
    default:
      return state satisfies never;
  }
}
