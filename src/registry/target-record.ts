import * as v from "valibot";
import { parseJson, type Parsed } from "./parse-json.ts";

/** Where a server listens. */
export type TargetAddress =
  | {
      readonly host: string;
      readonly port: number;
      readonly socketPath: undefined;
    }
  | { readonly host: ""; readonly port: 0; readonly socketPath: string };

const Weight = v.pipe(
  v.number(),
  v.finite(),
  v.gtValue(0, "a weight is above 0"),
  v.maxValue(1_000_000),
);
const Word = v.pipe(v.string(), v.minLength(1), v.maxLength(256));
const Url = v.pipe(
  v.string(),
  v.maxLength(2_048),
  v.check(
    (url) => readTargetAddress(url) !== undefined,
    (issue) =>
      `${JSON.stringify(issue.received)} is not http(s)://HOST:PORT or unix:/PATH`,
  ),
);

const TargetRecordSchema = v.object({
  url: Url,
  weight: v.optional(Weight, 1),
  release: v.optional(Word),
  commit: v.optional(Word),
  state: v.optional(v.picklist(["ready", "draining"]), "ready"),
  since: v.optional(v.pipe(v.number(), v.minValue(0))),
  server: v.optional(Word),
  life: v.optional(Word),
});

/** The value of a target's node. */
export type TargetRecord = v.InferOutput<typeof TargetRecordSchema>;

const OverrideSchema = v.object({
  drain: v.optional(v.boolean(), false),
  weight: v.optional(Weight),
});

/** What an operator asks of one target. */
export type TargetOverride = v.InferOutput<typeof OverrideSchema>;

export function parseTargetRecord(
  data: Uint8Array | null,
): Parsed<TargetRecord> {
  return parseJson(TargetRecordSchema, data ?? new Uint8Array());
}

export function parseOverride(data: Uint8Array | null): Parsed<TargetOverride> {
  return parseJson(OverrideSchema, data ?? new Uint8Array());
}

export function formatTargetRecord(record: TargetRecord): string {
  return JSON.stringify(record);
}

const PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

/**
 * The address in a target's `url`: `http://HOST[:PORT]`, `https://HOST[:PORT]` or
 * `unix:/PATH`; any path, user or query makes it none of ours.
 */
export function readTargetAddress(url: string): TargetAddress | undefined {
  if (url.startsWith("unix:/"))
    return { host: "", port: 0, socketPath: url.slice("unix:".length) };
  const parsed = URL.parse(url);
  const usualPort = parsed === null ? undefined : PORTS[parsed.protocol];
  if (parsed === null || usualPort === undefined) return undefined;
  const { hostname, port, pathname, search, hash, username, password } = parsed;
  if (hostname === "" || pathname !== "/") return undefined;
  if (`${search}${hash}${username}${password}` !== "") return undefined;
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? usualPort : Number(port),
    socketPath: undefined,
  };
}

/** One text for one address, however it was written. */
export function addressKey(address: {
  readonly host: string;
  readonly port: number;
  readonly socketPath: string | undefined;
}): string {
  return address.socketPath ?? `${address.host} ${address.port}`;
}
