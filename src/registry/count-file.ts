import { rm } from "node:fs/promises";
import * as v from "valibot";
import { readTextIfPresent, writeFileAtomic } from "../base/index.ts";
import type { SavedCounts } from "./count-book.ts";

const Whole = v.pipe(v.number(), v.integer(), v.minValue(0));
const CountSchema = v.object({
  service: v.string(),
  target: v.string(),
  requests: Whole,
});
const FileSchema = v.object({
  ledger: v.union([Whole, v.literal("none"), v.literal("any")]),
  unflushed: v.array(CountSchema),
  doubtful: v.array(v.object({ number: Whole, counts: v.array(CountSchema) })),
});

/** @throws when the file cannot be read or is not ours */
export async function readCountFile(
  path: string,
): Promise<SavedCounts | undefined> {
  const text = await readTextIfPresent(path);
  return text === undefined ? undefined : v.parse(FileSchema, JSON.parse(text));
}

/** Nothing to save removes the file. */
export async function writeCountFile(
  path: string,
  saved: SavedCounts | undefined,
): Promise<void> {
  if (saved === undefined) await rm(path, { force: true });
  else await writeFileAtomic(path, JSON.stringify(saved));
}
