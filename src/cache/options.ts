import type { OptionTable } from "../base/index.ts";

/** The options of one {@link HttpCache}. */
export const CACHE_OPTIONS = {
  maxBytes: {
    type: "number",
    default: 256 * 1024 * 1024,
    min: 0,
    max: 1024 ** 4,
    doc: "Bytes that stored answers, and answers being received for storing, may take together, tables included.",
    danger: "Memory of the process beside this is not counted.",
  },
  maxEntryBytes: {
    type: "number",
    default: 16 * 1024 * 1024,
    min: 0,
    max: 1024 ** 3,
    doc: "The longest body that is stored.",
  },
  maxVariants: {
    type: "number",
    default: 16,
    min: 1,
    max: 1024,
    doc: "Answers kept for one URL, by Vary and by release; the oldest leaves first.",
    danger: "Each look-up of such a URL compares up to this many.",
  },
  staleWhileDownMs: {
    type: "number",
    default: 24 * 60 * 60 * 1000,
    min: 0,
    max: 365 * 24 * 60 * 60 * 1000,
    doc: "How long after its freshness an answer may be served while every target is down.",
  },
} as const satisfies OptionTable;
