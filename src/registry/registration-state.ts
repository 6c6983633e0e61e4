import type { Clock, Journal } from "../base/index.ts";
import { hasCode, type NodeAcl } from "./folders.ts";
import type { RegistryError } from "./registry-error.ts";
import type { TargetRecord } from "./target-record.ts";

export interface RegistrationOptions {
  readonly service: string;
  /** `<hostname>:<port>` unless the operator says otherwise. */
  readonly name: string;
  /** `http://HOST:PORT` or `unix:/PATH`. */
  readonly url: string;
  readonly weight?: number;
  readonly release?: string | undefined;
  readonly commit?: string | undefined;
  /** Which server it is, across restarts; its url unless given. */
  readonly server?: string | undefined;
  /** Which process of it; random unless given. */
  readonly life?: string | undefined;
  /** Fill an empty definition of the service. */
  readonly hosts?: readonly string[];
  readonly acl?: NodeAcl;
  readonly journal?: Journal;
  readonly clock?: Clock;
}

export type RegistrationState =
  | { readonly kind: "starting" }
  | {
      readonly kind: "registered";
      readonly path: string;
      readonly czxid: bigint;
      readonly mzxid: bigint;
      readonly record: TargetRecord;
    }
  /** ZooKeeper is away: the node may stand or not; it is looked after as soon as it is back. */
  | { readonly kind: "unconfirmed" }
  /** Another server has the name. */
  | { readonly kind: "blocked"; readonly error: RegistryError }
  /** A newer process of this server has taken over. Final. */
  | { readonly kind: "stood-down" }
  | { readonly kind: "closed" };

/** What may be registered anew while the server runs. */
export interface ReplaceOptions {
  readonly release: string | undefined;
  readonly commit?: string | undefined;
}

/** No call can change it but a new registration, or nothing can. */
export function isFinal(state: RegistrationState): boolean {
  return (
    state.kind === "stood-down" ||
    state.kind === "closed" ||
    state.kind === "blocked"
  );
}

/** ZooKeeper does not let us. */
export function isRefusal(error: unknown): boolean {
  return (
    [
      "no-auth",
      "invalid-acl",
      "auth-failed",
      "session-closed-require-sasl-auth",
    ] as const
  ).some((code) => hasCode(error, code));
}
