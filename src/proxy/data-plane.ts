import type { Journal } from "../base/index.ts";
import type { Purge } from "../cache/index.ts";
import type { Snapshot, SnapshotChange } from "../registry/index.ts";
import type { AccessLines, AccessLogFormat } from "./access-line.ts";
import type { AccessBatch } from "./access-ring.ts";
import type { AccessRules } from "./client-guard.ts";
import type { CertificateFilePair, TicketKeys } from "./certificate-files.ts";
import type { ProxyLimits } from "./options.ts";
import type { ProxyStats } from "./proxy-stats.ts";
import type { SiteMaterial } from "./site-files.ts";
import type {
  CacheSettings,
  ListenAddress,
  LiveSettings,
} from "./worker-messages.ts";

/** What a data plane is made of; see `startDataPlane()`. */
export interface DataPlaneOptions {
  /** What is served from the first request on; nothing unless given. */
  readonly snapshot?: Snapshot;
  readonly listen: readonly ListenAddress[];
  readonly workers: number;
  /** For what all workers store together. */
  readonly cacheBytes?: number;
  readonly cache?: CacheSettings;
  readonly limits?: Partial<ProxyLimits>;
  readonly journal?: Journal;
  /** Our name in Via, Cache-Status and Proxy-Status; a token. */
  readonly name?: string;
  /** Addresses and networks whose `X-Forwarded-*` and `Forwarded` are believed. */
  readonly trusted?: readonly string[];
  /** Those who begin with a PROXY protocol header on the listeners that want one. */
  readonly proxyPeers?: readonly string[];
  /** Who may come in, and for whom no limit of an address holds; everybody, nobody. */
  readonly access?: AccessRules;
  /** Error pages and lists of users. */
  readonly site?: SiteMaterial;
  /** For the listeners that speak TLS; the first is for names that none has. */
  readonly certificates?: readonly CertificateFilePair[];
  /** Of a process whose place this one takes; new ones unless given. */
  readonly ticketKeys?: TicketKeys | undefined;
  /** Connections that wait for a worker which crashes wait on for the next. */
  readonly keepsQueues?: boolean;
}

/** What the data plane sees of a registration's health. Rate-bounded. */
export type DataPlaneSignal =
  | { readonly kind: "refused"; readonly registration: string }
  | { readonly kind: "cut"; readonly registration: string }
  /** Told of suspects only. */
  | { readonly kind: "answered"; readonly registration: string }
  /** It is draining, every worker knows, and nothing is in flight. */
  | { readonly kind: "drained"; readonly registration: string };

/** A running data plane. Whatever it is told reaches all workers in order. */
export interface DataPlane extends AsyncDisposable {
  readonly addresses: readonly ListenAddress[];
  /**
   * What is listened on, by address: whoever else is given these sockets can
   * listen on them before this one stops, and no connection is lost.
   */
  descriptors(): readonly (readonly number[])[];
  /** Undefined without TLS. */
  readonly ticketKeys: TicketKeys | undefined;
  /** Makes the whole of what is served equal to `snapshot`. */
  replace(snapshot: Snapshot): void;
  apply(changes: readonly SnapshotChange[]): void;
  /** Resolves when every worker has applied what was told so far. */
  applied(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Requests each target answered since the start; never falls. */
  countTotals(): Iterable<{
    readonly service: string;
    readonly target: string;
    readonly answered: number;
  }>;
  correctScores(
    counts: readonly {
      readonly service: string;
      readonly target: string;
      readonly requests: number;
    }[],
    liveProxies: number,
  ): void;
  /** For one reader. */
  signals(options?: {
    readonly signal?: AbortSignal;
  }): AsyncIterable<DataPlaneSignal>;
  stats(): Promise<ProxyStats>;
  /** Removes stored answers in every worker; answers how many. */
  purge(purge: Purge): Promise<number>;
  /** The records kept since the last call, worker by worker. */
  accessRecords(): Promise<AccessBatch>;
  /** The same as text, which the workers write. */
  accessLines(format: AccessLogFormat): Promise<AccessLines>;
  /** Replaces limits, networks, access rules, pages and users in every worker. @throws RangeError */
  configure(settings: Partial<Omit<LiveSettings, "tls">>): void;
  /** Reads the certificates now; bad ones leave the last good ones in force. */
  reloadCertificates(): Promise<boolean>;
  /**
   * Takes no new request and finishes those in flight; cuts them when `signal`
   * fires, or at once when it has fired already.
   */
  close(options?: { readonly signal?: AbortSignal }): Promise<void>;
}
