import type { OptionsOf } from "../base/index.ts";
import type { Purge, StoreMemory } from "../cache/index.ts";
import type { CACHE_OPTIONS } from "../cache/options.ts";
import type { SnapshotChange, TargetView } from "../registry/index.ts";
import type { AccessLines, AccessLogFormat } from "./access-line.ts";
import type { AccessBatch } from "./access-ring.ts";
import type { AccessRules, GuardMemory } from "./client-guard.ts";
import type { ProxyLimits } from "./options.ts";
import type { CountersMemory } from "./shared-counters.ts";
import type { SiteMaterial } from "./site-files.ts";
import type { TargetFailure } from "./target-health.ts";
import type { WorkerReport } from "./worker-stats.ts";

/** A change as a worker gets it: targets come with their slot. */
export type AssignedChange =
  | Exclude<SnapshotChange, { readonly kind: "target" }>
  | {
      readonly kind: "target";
      readonly target: TargetView;
      readonly slot: number;
      /** It joined a service that had targets in rotation. */
      readonly newcomer: boolean;
    };

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** Of a Unix socket, in place of host and port: its absolute path. */
  readonly socketPath?: string | undefined;
  /** Of the file of a Unix socket; 0o660 unless given. */
  readonly socketMode?: number;
  /** Another worker listens. */
  readonly elsewhere?: boolean;
  /** Speaks TLS, and HTTP/2 to clients that can. */
  readonly tls?: boolean;
  /** Sends everybody to HTTPS on this port, ACME challenges apart; 0: the first port that speaks TLS. */
  readonly redirectPort?: number;
  /**
   * Each connection begins with a header of the PROXY protocol, and comes from
   * `proxyPeers`; all others are closed. Nothing of it while there are none.
   */
  readonly proxyProtocol?: boolean;
  /**
   * Of listening sockets that are open already, each by its descriptors, of
   * which one is listened on. Where none is named, one is opened.
   */
  readonly sockets?: readonly (readonly number[])[];
  /** All of these are one socket, beside which no other can be opened. */
  readonly isSingle?: boolean;
}

/** A certificate, its chain and its key, all PEM. */
export interface CertificateMaterial {
  readonly cert: string;
  readonly key: string;
  /** DNS names, perhaps with a wildcard, in lower case. */
  readonly names: readonly string[];
  readonly notAfterMs: number;
}

/** What TLS needs; the same in every worker, so that sessions resume in any. */
export interface TlsMaterial {
  /** The first is for clients that name no server we know. */
  readonly certificates: readonly CertificateMaterial[];
  readonly ticketKeys: Uint8Array;
}

/** Of the cache of all workers. */
export type CacheSettings = Partial<OptionsOf<typeof CACHE_OPTIONS>>;

/** What may change while a worker runs. */
export interface LiveSettings {
  readonly limits: ProxyLimits;
  /** Addresses and networks (CIDR), or `unix:`, whose `X-Forwarded-*` are believed. */
  readonly trusted: readonly string[];
  /** Whose PROXY protocol headers are believed, written likewise; see {@link ListenAddress}. */
  readonly proxyPeers: readonly string[];
  /** Who may come in, and for whom no limit of an address holds. */
  readonly access: AccessRules;
  readonly site: SiteMaterial;
  /** Undefined when no listener speaks TLS. */
  readonly tls: TlsMaterial | undefined;
}

/** What a worker is started with. */
export interface WorkerSetup extends LiveSettings {
  readonly memory: CountersMemory;
  readonly guard: GuardMemory;
  readonly column: number;
  readonly listen: readonly ListenAddress[];
  readonly reusePort: boolean;
  readonly cache: CacheSettings;
  readonly cacheMemory: StoreMemory;
  readonly name: string;
  readonly changes: readonly AssignedChange[];
  readonly sequence: number;
}

export type MessageToWorker =
  | {
      readonly kind: "changes";
      readonly changes: readonly AssignedChange[];
      readonly sequence: number;
    }
  /** A target of this service that refused connections takes them again. */
  | { readonly kind: "restored"; readonly service: string }
  | { readonly kind: "settings"; readonly settings: LiveSettings }
  | { readonly kind: "report"; readonly id: number }
  | { readonly kind: "access"; readonly id: number }
  | {
      readonly kind: "access-lines";
      readonly id: number;
      readonly format: AccessLogFormat;
    }
  | { readonly kind: "purge"; readonly id: number; readonly purge: Purge }
  /** Take no new connection or request; say `drained` when the last one is done. */
  | { readonly kind: "drain" }
  /** Reset what is still in work; say `drained` after it. */
  | { readonly kind: "cut" };

export type MessageFromWorker =
  | {
      readonly kind: "listening";
      /** What it listens on, by address. */
      readonly descriptors: readonly (readonly number[])[];
    }
  | { readonly kind: "cannot-listen"; readonly message: string }
  | {
      readonly kind: "failed";
      readonly failure: TargetFailure;
      readonly registration: string;
    }
  | {
      readonly kind: "ejected";
      readonly cause: "failing" | "refused";
      readonly registration: string;
    }
  | { readonly kind: "answered"; readonly registration: string }
  | {
      readonly kind: "reply";
      readonly id: number;
      readonly value: WorkerReport | AccessBatch | AccessLines | number;
    }
  | { readonly kind: "drained" };
