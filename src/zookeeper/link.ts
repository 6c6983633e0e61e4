import type { Timer } from "../base/index.ts";
import type { Connection } from "./connection.ts";
import type { Pacemaker } from "./pacemaker.ts";

/** What is known of a session when its server has greeted us. */
export interface Greeting {
  readonly newSession: boolean;
  readonly readOnly: boolean;
  /** Zxid 0 was presented although we have seen more. */
  readonly zxidWithheld: boolean;
}

/** The present connection and how far it has come. */
export type Link =
  { readonly phase: "none" } | GreetingLink | ProvingLink | LiveLink;

/** Until the server's connect reply. */
export interface GreetingLink {
  readonly phase: "greeting";
  readonly connection: Connection;
  /** As presented to the server. */
  readonly zxid: bigint;
  readonly deadline: Timer;
  readonly sinceMs: number;
}

/** The session is ours; SASL or the look at a new tree goes on. */
export interface ProvingLink {
  readonly phase: "proving";
  readonly connection: Connection;
  readonly pacemaker: Pacemaker;
}

export interface LiveLink {
  readonly phase: "live";
  readonly connection: Connection;
  readonly pacemaker: Pacemaker;
  readonly sinceMs: number;
}
