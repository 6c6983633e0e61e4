import * as v from "valibot";
import { parseJson, type Parsed } from "./parse-json.ts";

const Zxid = v.pipe(
  v.string(),
  v.regex(/^0x[0-9a-f]{1,16}$/),
  v.transform((text) => BigInt(text)),
);

const ProxyRecordSchema = v.object({
  host: v.string(),
  version: v.string(),
  listeners: v.optional(v.array(v.string()), () => []),
  admin: v.optional(v.string()),
  since: v.optional(v.number()),
  zxid: v.optional(Zxid, "0x0"),
  drained: v.optional(
    v.array(
      v.object({
        service: v.string(),
        target: v.string(),
        czxid: Zxid,
        mzxid: Zxid,
      }),
    ),
    () => [],
  ),
  releases: v.optional(
    v.record(
      v.string(),
      v.record(
        v.string(),
        v.object({ ready: v.number(), healthy: v.number() }),
      ),
    ),
    () => ({}),
  ),
});

/** The value of a proxy's node. */
export type ProxyRecord = v.InferOutput<typeof ProxyRecordSchema>;

/** One state of one registration, of which no request is in flight any more. */
export type DrainAcknowledgement = ProxyRecord["drained"][number];

export function parseProxyRecord(data: Uint8Array | null): Parsed<ProxyRecord> {
  return parseJson(ProxyRecordSchema, data ?? new Uint8Array());
}

export function formatProxyRecord(record: ProxyRecord): string {
  return JSON.stringify(record, (_key, value: unknown) =>
    typeof value === "bigint" ? `0x${value.toString(16)}` : value,
  );
}

/** Whether a proxy has let go of a target in this very state. */
export function acknowledges(
  record: ProxyRecord,
  drain: DrainAcknowledgement,
): boolean {
  return record.drained.some(
    (one) =>
      one.service === drain.service &&
      one.target === drain.target &&
      one.czxid === drain.czxid &&
      one.mzxid === drain.mzxid,
  );
}
