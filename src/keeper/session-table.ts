import { randomBytes, timingSafeEqual } from "node:crypto";
import { sessionIdText, toSessionId, type SessionId } from "../jute/index.ts";
import type { EphemeralOwner, Znode } from "./znode.ts";

/** Where a session is connected now. */
export interface SessionHolder {
  /** Called when the session ends, or is taken over by another connection. */
  dropped(because: "session-expired" | "session-taken-over"): void;
}

/** One client's session. */
export class Session implements EphemeralOwner {
  readonly id: SessionId;
  readonly password: Buffer;
  readonly ephemerals = new Set<Znode>();
  timeoutMs: number;
  heardMs: number;
  holder: SessionHolder | undefined;
  closed = false;

  constructor(parts: {
    readonly id: SessionId;
    readonly password: Buffer;
    readonly timeoutMs: number;
    readonly nowMs: number;
  }) {
    this.id = parts.id;
    this.password = parts.password;
    this.timeoutMs = parts.timeoutMs;
    this.heardMs = parts.nowMs;
  }

  /** As servers print it. */
  get idText(): string {
    return sessionIdText(this.id);
  }

  accepts(password: Buffer | null): boolean {
    return (
      password !== null &&
      password.length === this.password.length &&
      timingSafeEqual(password, this.password)
    );
  }
}

const PASSWORD_BYTES = 16;

/** The sessions that live. */
export class SessionTable {
  readonly #sessions = new Map<bigint, Session>();
  #lastId: bigint;

  /**
   * Ids begin where Apache ZooKeeper's do for server 0: at the time in
   * milliseconds shifted over 16 bits of count, so that no restart repeats one.
   */
  constructor(wallMs: number) {
    this.#lastId = (BigInt(Math.trunc(wallMs)) << 16n) & 0xff_ffff_ffff_ffffn;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get(id: bigint): Session | undefined {
    return this.#sessions.get(id);
  }

  all(): Iterable<Session> {
    return this.#sessions.values();
  }

  create(options: {
    readonly timeoutMs: number;
    readonly nowMs: number;
  }): Session {
    this.#lastId += 1n;
    const session = new Session({
      id: toSessionId(this.#lastId),
      password: randomBytes(PASSWORD_BYTES),
      ...options,
    });
    this.#sessions.set(session.id, session);
    return session;
  }

  /** Adds a session as storage kept it. */
  restore(session: Session): void {
    this.#sessions.set(session.id, session);
    if (session.id > this.#lastId) this.#lastId = session.id;
  }

  remove(session: Session): void {
    session.closed = true;
    this.#sessions.delete(session.id);
  }

  /** The sessions that were silent for longer than their timeout. */
  expired(nowMs: number): Session[] {
    const found: Session[] = [];
    for (const session of this.#sessions.values()) {
      if (nowMs - session.heardMs > session.timeoutMs) found.push(session);
    }
    return found;
  }

  /** Gives every session that much longer, for a time in which nobody listened. */
  forgive(lateMs: number): void {
    for (const session of this.#sessions.values()) session.heardMs += lateMs;
  }
}
