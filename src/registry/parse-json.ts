import * as v from "valibot";

/** What reading a znode's value gives. A peer's bytes never throw. */
export type Parsed<T> =
  | {
      readonly kind: "value";
      readonly value: T;
      /** Keys that a newer peer may have written; ignored. */
      readonly unknownKeys: readonly string[];
    }
  | {
      readonly kind: "reject";
      readonly code: "bad-json" | "bad-value";
      readonly message: string;
    };

/** Longest value that is read: more is not one of ours. */
const MAX_VALUE_BYTES = 256 * 1024;

/** Reads JSON and checks it; unknown keys are named, not refused. */
export function parseJson<Schema extends v.GenericSchema>(
  schema: Schema,
  data: Uint8Array,
): Parsed<v.InferOutput<Schema>> {
  if (data.byteLength > MAX_VALUE_BYTES)
    return {
      kind: "reject",
      code: "bad-value",
      message: `it has ${data.byteLength} bytes, at most ${MAX_VALUE_BYTES} are read`,
    };
  const json = readJson(data);
  if (json.kind === "reject") return json;
  if (!isRecord(json.value))
    return {
      kind: "reject",
      code: "bad-value",
      message: "it is not a JSON object",
    };
  const result = v.safeParse(schema, json.value);
  if (!result.success)
    return {
      kind: "reject",
      code: "bad-value",
      message: issueText(result.issues[0]),
    };
  const unknownKeys: string[] = [];
  collectUnknownKeys(json.value, result.output, "", unknownKeys);
  return { kind: "value", value: result.output, unknownKeys };
}

type Json =
  | { readonly kind: "json"; readonly value: unknown }
  | {
      readonly kind: "reject";
      readonly code: "bad-json";
      readonly message: string;
    };

function readJson(data: Uint8Array): Json {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(data);
    return { kind: "json", value: JSON.parse(text) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      kind: "reject",
      code: "bad-json",
      message: `it is not JSON (${reason})`,
    };
  }
}

function issueText(issue: v.BaseIssue<unknown>): string {
  const at = v.getDotPath(issue);
  return at === null ? issue.message : `${at}: ${issue.message}`;
}

function collectUnknownKeys(
  input: unknown,
  output: unknown,
  prefix: string,
  into: string[],
): void {
  if (Array.isArray(input) && Array.isArray(output)) {
    for (const [index, item] of input.entries())
      collectUnknownKeys(item, output[index], `${prefix}${index}.`, into);
    return;
  }
  if (!isRecord(input) || !isRecord(output)) return;
  for (const [key, value] of Object.entries(input)) {
    if (Object.hasOwn(output, key))
      collectUnknownKeys(value, output[key], `${prefix}${key}.`, into);
    else into.push(`${prefix}${key}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Freezes an object and everything in it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
