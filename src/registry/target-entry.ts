import { addressKey, readTargetAddress } from "./target-record.ts";
import type { TargetOverride, TargetRecord } from "./target-record.ts";
import type { TargetView } from "./snapshot.ts";

/** One registration as a {@link ServiceState} holds it. */
export interface TargetEntry {
  readonly service: string;
  readonly name: string;
  readonly registration: string;
  readonly czxid: bigint;
  mzxid: bigint;
  record: TargetRecord;
  /**
   * `present`: its node stands in the mirror. `loaded`: known from the last
   * run, not yet confirmed. `suspect`: its node has vanished.
   */
  presence: "present" | "loaded" | "suspect";
  /** The latest refused or cut connection since its last answer. */
  failure:
    { readonly outcome: "refused" | "cut"; readonly atMs: number } | undefined;
}

/** The identity of one registration. */
export function registrationText(
  service: string,
  name: string,
  czxid: bigint,
): string {
  return `${service}/${name}@${czxid.toString(16)}`;
}

/** The parts of a registration's identity: a service's name holds "/" never, a target's "@" perhaps. */
export function readRegistration(
  registration: string,
): { readonly service: string; readonly name: string } | undefined {
  const at = registration.lastIndexOf("@");
  const slash = registration.indexOf("/");
  if (slash < 0 || at < slash) return undefined;
  return {
    service: registration.slice(0, slash),
    name: registration.slice(slash + 1, at),
  };
}

/** The address of an entry, as one text for one address. */
export function entryAddress(entry: TargetEntry): string {
  const address = readTargetAddress(entry.record.url);
  return address === undefined ? entry.record.url : addressKey(address);
}

/** What the data plane sees of an entry. */
export function viewOf(
  entry: TargetEntry,
  override: TargetOverride | undefined,
): TargetView {
  const { record } = entry;
  const address = readTargetAddress(record.url);
  return {
    service: entry.service,
    name: entry.name,
    registration: entry.registration,
    czxid: entry.czxid,
    mzxid: entry.mzxid,
    url: record.url,
    host: address?.host ?? "",
    port: address?.port ?? 0,
    socketPath: address?.socketPath,
    weight: override?.weight ?? record.weight,
    release: record.release,
    commit: record.commit,
    state: stateOf(entry, override),
    server: record.server,
    life: record.life,
    sinceMs: record.since,
  };
}

function stateOf(
  entry: TargetEntry,
  override: TargetOverride | undefined,
): TargetView["state"] {
  if (entry.record.state === "draining" || override?.drain === true)
    return "draining";
  return entry.presence === "suspect" ? "suspect" : "ready";
}

/** The record from which a view was made (with an override's weight, if there was one). */
export function recordOf(view: TargetView): TargetRecord {
  return {
    url: view.url,
    weight: view.weight,
    release: view.release,
    commit: view.commit,
    state: view.state === "draining" ? "draining" : "ready",
    since: view.sinceMs,
    server: view.server,
    life: view.life,
  };
}

export function sameView(a: TargetView, b: TargetView): boolean {
  return (
    a.registration === b.registration &&
    a.mzxid === b.mzxid &&
    a.state === b.state &&
    a.weight === b.weight
  );
}
