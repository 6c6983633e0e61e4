import { plainAddress } from "../base/index.ts";
import type { RequestHead } from "../http/index.ts";
import { type AddressKey, addressKey } from "./address-key.ts";
import type { Asker, Dispatch } from "./client.ts";
import { NetworkGate, type NetworkRules } from "./network-gate.ts";
import { Networks } from "./networks.ts";
import type { ProxyLimits } from "./options.ts";
import { REFUSALS, type Refusal, type RefusalCounts } from "./refusals.ts";
import type { ServiceGuard } from "./service-guard.ts";
import {
  BUCKET_SLOTS,
  type BucketRate,
  type BucketsMemory,
  createBucketsMemory,
  SharedBuckets,
} from "./shared-buckets.ts";
import {
  ADDRESS_FULL,
  ADDRESS_SLOTS,
  type ConnectionsMemory,
  createConnectionsMemory,
  FULL,
  SharedConnections,
  UNCOUNTED,
} from "./shared-connections.ts";

/** What {@link ClientGuard.enter} answers for a connection to be closed. */
export const REFUSED = -2;

/** Purposes of buckets; those of services are larger. */
const REQUESTS = 0;
const CONNECTIONS = 1;
/** Keys remembered; all are forgotten when there are more. */
const MAX_REMEMBERED = 4096;

/** What all threads know of clients together. */
export interface GuardMemory {
  readonly connections: ConnectionsMemory;
  readonly buckets: BucketsMemory;
}

export function createGuardMemory(options: {
  readonly workers: number;
  /** Nobody outside may guess it. */
  readonly seed: number;
}): GuardMemory {
  return {
    connections: createConnectionsMemory({ ...options, slots: ADDRESS_SLOTS }),
    buckets: createBucketsMemory({ ...options, slots: BUCKET_SLOTS }),
  };
}

/** The thread of a column is gone: its connections are, and what it had locked is free. */
export function forgetThread(memory: GuardMemory, column: number): void {
  new SharedConnections(memory.connections, column).forget(column);
  new SharedBuckets(memory.buckets, column).forget(column);
}

/** Whom the limits of single addresses do not hold for, and who may come at all. */
export interface AccessRules extends NetworkRules {
  readonly exempt: readonly string[];
}

export const OPEN_ACCESS: AccessRules = { allow: [], deny: [], exempt: [] };

/** Who else is not held to the limits of an address: a proxy speaks for many. */
interface Trust {
  trusts(address: string): boolean;
}

/**
 * Decides, for one thread, whom it serves: at accept by network and by the
 * connections there are, for each request by how often its client asks. What is
 * counted is counted over all threads of the process.
 */
export class ClientGuard {
  /** Whether anything has to be asked for each request. */
  checksRequests = false;
  readonly #limits: ProxyLimits;
  readonly #counts: RefusalCounts;
  readonly #trust: Trust;
  readonly #connections: SharedConnections;
  readonly #buckets: SharedBuckets;
  #gate = new NetworkGate({ allow: [], deny: [] });
  #exempt = new Networks([]);
  #checksAddresses = false;
  readonly #keys = new Map<string, AddressKey | undefined>();
  /** Of those connections whose address is counted. */
  readonly #leases = new Map<object, number>();
  /** From this thread's clock to the one that all threads have. */
  readonly #clockOffsetMs =
    Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();
  readonly #requestRate = { perSecond: 1, burst: 1 };
  readonly #connectionRate = { perSecond: 1, burst: 1 };

  constructor(
    memory: GuardMemory,
    options: {
      readonly column: number;
      readonly limits: ProxyLimits;
      readonly counts: RefusalCounts;
      readonly trust: Trust;
    },
  ) {
    const { column } = options;
    this.#limits = options.limits;
    this.#counts = options.counts;
    this.#trust = options.trust;
    this.#connections = new SharedConnections(memory.connections, column);
    this.#buckets = new SharedBuckets(memory.buckets, column);
  }

  /** Takes rules, and the limits as they are now; open connections stay counted. */
  configure(access: AccessRules): void {
    const limits = this.#limits;
    this.#gate = new NetworkGate(access);
    this.#exempt = new Networks(access.exempt);
    this.#keys.clear();
    this.#requestRate.perSecond = limits.requestsPerSecond;
    this.#requestRate.burst = limits.requestBurst;
    this.#connectionRate.perSecond = limits.connectionsPerSecond;
    this.#connectionRate.burst = limits.connectionBurst;
    this.checksRequests = !this.#gate.isOpen || limits.requestsPerSecond > 0;
    this.#checksAddresses =
      !this.#gate.isOpen ||
      limits.maxConnectionsPerAddress > 0 ||
      limits.connectionsPerSecond > 0;
  }

  // ---- connections

  /**
   * A connection was accepted, and nothing read from it.
   * @returns a lease to {@link keep}, or {@link REFUSED}: close it
   */
  enter(socket: { readonly remoteAddress?: string | undefined }): number {
    if (!this.enterTotal()) return REFUSED;
    if (!this.#checksAddresses) return UNCOUNTED;
    const lease = this.admit(plainAddress(socket.remoteAddress ?? ""));
    if (lease === REFUSED) this.#connections.leave(UNCOUNTED);
    return lease;
  }

  /** The part of {@link enter} for which no address is needed. */
  enterTotal(): boolean {
    if (this.#connections.enter(this.#limits.maxConnections) !== FULL)
      return true;
    this.count("too-many-connections");
    return false;
  }

  /** The other part: the address is known. The connection stays in the total. */
  admit(address: string): number {
    const refusal = this.#lookAt(address);
    if (typeof refusal === "number") return refusal;
    this.count(refusal);
    return REFUSED;
  }

  #lookAt(address: string): number | Refusal {
    if (!this.#gate.admits(address)) return "denied";
    const { maxConnectionsPerAddress: max, connectionsPerSecond } =
      this.#limits;
    if (max === 0 && connectionsPerSecond === 0) return UNCOUNTED;
    const key = this.#keyOf(address);
    if (key === undefined) return UNCOUNTED;
    if (
      connectionsPerSecond > 0 &&
      this.#waitMs(key, CONNECTIONS, this.#connectionRate) > 0
    )
      return "connecting-too-fast";
    if (max === 0) return UNCOUNTED;
    const lease = this.#connections.enterFrom(key, max);
    return lease === ADDRESS_FULL ? "too-many-from-address" : lease;
  }

  /** Remembers what is to be given back when a connection is gone. */
  keep(connection: object, lease: number): void {
    if (lease !== UNCOUNTED) this.#leases.set(connection, lease);
  }

  /** An admitted connection is gone. */
  leave(connection: object): void {
    const lease = this.#leases.get(connection) ?? UNCOUNTED;
    if (lease !== UNCOUNTED) this.#leases.delete(connection);
    this.#connections.leave(lease);
  }

  /** It keeps no network out. */
  get isOpen(): boolean {
    return this.#gate.isOpen;
  }

  /** Whether an open connection may stay, after rules have changed. */
  admits(address: string): boolean {
    return this.#gate.admits(address);
  }

  // ---- requests

  /** The same with the proxy's own rules before it. */
  guarded(dispatch: Dispatch): Dispatch {
    return (client, head) =>
      this.checksRequests && this.refuses(client, head)
        ? undefined
        : dispatch(client, head);
  }

  /** By the rules of the proxy; a request that is refused has been answered. */
  refuses(client: Asker, head: RequestHead): boolean {
    const address = client.facts.addressOf(head);
    // A connection's own address was looked at when it came.
    if (!this.#gate.admits(address))
      return this.#answer(client, "client-denied", 0);
    if (this.#limits.requestsPerSecond === 0) return false;
    const key = this.#keyOf(address);
    if (key === undefined) return false;
    const waitMs = this.#waitMs(key, REQUESTS, this.#requestRate);
    return waitMs > 0 && this.#answer(client, "asking-too-fast", waitMs);
  }

  /** By the rules of a service. */
  refusesFor(guard: ServiceGuard, client: Asker, head: RequestHead): boolean {
    const address = client.facts.addressOf(head);
    if (!guard.gate.admits(address))
      return this.#answer(client, "service-denied", 0);
    if (guard.rate === undefined) return false;
    const key = this.#keyOf(address);
    if (key === undefined) return false;
    const waitMs = this.#waitMs(key, guard.purpose, guard.rate);
    return (
      waitMs > 0 && this.#answer(client, "service-asking-too-fast", waitMs)
    );
  }

  #answer(client: Asker, refusal: Refusal, waitMs: number): true {
    this.count(refusal);
    client.own({
      status: REFUSALS[refusal].status,
      error: "http_request_denied",
      details: refusal,
      ...(waitMs > 0 ? { retryAfterS: Math.ceil(waitMs / 1000) } : {}),
    });
    return true;
  }

  count(refusal: Refusal): void {
    this.#counts[refusal] += 1;
  }

  /** Undefined for whom no limit of an address holds. */
  #keyOf(address: string): AddressKey | undefined {
    const known = this.#keys.get(address);
    if (known !== undefined || this.#keys.has(address)) return known;
    const isFree = this.#exempt.has(address) || this.#trust.trusts(address);
    const key = isFree
      ? undefined
      : addressKey(address, this.#limits.ipv6PrefixBits);
    if (this.#keys.size >= MAX_REMEMBERED) this.#keys.clear();
    this.#keys.set(address, key);
    return key;
  }

  #waitMs(key: AddressKey, purpose: number, rate: BucketRate): number {
    const nowMs = performance.now() + this.#clockOffsetMs;
    return this.#buckets.take(key, purpose, rate, nowMs);
  }
}
