import { type CacheControl, parseCacheControl } from "../http/index.ts";

/** Values remembered; a site has a handful, and who sends others on purpose only gains a parse each. */
const MAX_VALUES = 128;
/** Longer values are not kept. */
const MAX_CHARACTERS = 256;

const parsed = new Map<string, CacheControl>();

/** `parseCacheControl`, which remembers: nearly all answers of a site carry the same few values. */
export function controlOf(value: string): CacheControl {
  const known = parsed.get(value);
  if (known !== undefined) return known;
  const control = Object.freeze(parseCacheControl(value));
  if (value.length <= MAX_CHARACTERS) {
    if (parsed.size >= MAX_VALUES) parsed.clear();
    // A part of a head would keep the whole head in memory.
    parsed.set(Buffer.from(value, "latin1").toString("latin1"), control);
  }
  return control;
}
