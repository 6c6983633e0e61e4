import type { Id, Writer } from "../jute/index.ts";
import type { Session } from "./session-table.ts";
import type { Watcher } from "./watch-table.ts";

/** A connected client, as the handlers of requests see it. */
export interface Client extends Watcher {
  readonly session: Session;
  readonly identities: readonly Id[];
  /** Begins a reply; its body is written to what this answers, then `end` is called. */
  begin(xid: number, zxid: number, error: number): Writer;
  end(): void;
  /** False when it has as many identities as a connection may have. */
  addIdentity(identity: Id): boolean;
  /** Closes the connection once everything written to it was sent. */
  finish(because: string): void;
}
