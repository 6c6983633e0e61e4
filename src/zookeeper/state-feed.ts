import { Channel, type Journal } from "../base/index.ts";
import { sessionIdText } from "../jute/index.ts";
import {
  nextSessionState,
  type SessionEvent,
  type SessionState,
} from "./session-state.ts";

/** More states than this cannot wait for one reader; it then sees only the present one. */
const MAX_QUEUED_STATES = 256;

/** Holds the state of a session and tells every reader each change of it. */
export class StateFeed {
  readonly #journal: Journal;
  readonly #readers = new Set<Channel<SessionState>>();
  #state: SessionState = { kind: "connecting" };

  constructor(journal: Journal) {
    this.#journal = journal;
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

  #record(state: SessionState): void {
    const id = "id" in state ? { session: sessionIdText(state.id) } : {};
    this.#journal({
      level:
        state.kind === "expired" || state.kind === "lost" ? "warn" : "info",
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
