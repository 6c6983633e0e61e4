import * as v from "valibot";
import { parseJson, type Parsed } from "./parse-json.ts";

const CurrentSchema = v.object({
  release: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
});

/** The value of a service's `current` node. */
export type CurrentRecord = v.InferOutput<typeof CurrentSchema>;

export function parseCurrent(data: Uint8Array | null): Parsed<CurrentRecord> {
  return parseJson(CurrentSchema, data ?? new Uint8Array());
}

export function formatCurrent(record: CurrentRecord): string {
  return JSON.stringify(record);
}
