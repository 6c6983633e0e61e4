import type { OptionsOf, OptionTable } from "../base/index.ts";

/** How much of a head a peer may send. */
export const HEAD_OPTIONS = {
  maxHeadBytes: {
    type: "number",
    default: 32_768,
    min: 1024,
    max: 1_048_576,
    doc: "Longest head taken, from the first byte of its first line to its empty line.",
    danger: "Every connection may hold this much memory.",
  },
  maxFields: {
    type: "number",
    default: 128,
    min: 16,
    max: 10_000,
    doc: "Most field lines in one head.",
  },
  maxTargetBytes: {
    type: "number",
    default: 8192,
    min: 256,
    max: 1_048_576,
    doc: "Longest request target taken; RFC 9110 section 4.1 asks for 8000 at least.",
  },
} as const satisfies OptionTable;

/** Checked limits of a head. */
export type HeadLimits = OptionsOf<typeof HEAD_OPTIONS>;

/** The limits when nobody says otherwise. */
export const DEFAULT_HEAD_LIMITS: HeadLimits = Object.freeze({
  maxHeadBytes: HEAD_OPTIONS.maxHeadBytes.default,
  maxFields: HEAD_OPTIONS.maxFields.default,
  maxTargetBytes: HEAD_OPTIONS.maxTargetBytes.default,
});

/** How chunked content may look. */
export const CHUNKED_OPTIONS = {
  maxExtensionBytes: {
    type: "number",
    default: 256,
    min: 0,
    max: 65_536,
    doc: "Longest extensions of one chunk; they are read and ignored.",
  },
  maxTrailerBytes: {
    type: "number",
    default: 8192,
    min: 0,
    max: 1_048_576,
    doc: "Longest trailer section taken after chunked content.",
  },
  maxTrailerFields: {
    type: "number",
    default: 32,
    min: 0,
    max: 10_000,
    doc: "Most field lines in one trailer section.",
  },
  allowPaddedSizes: {
    type: "flag",
    default: false,
    doc: "Takes chunk sizes with leading zeros, as some old servers send them.",
    danger: "Another parser may count the digits or read them as octal.",
  },
} as const satisfies OptionTable;

/** Checked options of chunked content. */
export type ChunkedLimits = OptionsOf<typeof CHUNKED_OPTIONS>;

/** The options of chunked content when nobody says otherwise. */
export const DEFAULT_CHUNKED_LIMITS: ChunkedLimits = Object.freeze({
  maxExtensionBytes: CHUNKED_OPTIONS.maxExtensionBytes.default,
  maxTrailerBytes: CHUNKED_OPTIONS.maxTrailerBytes.default,
  maxTrailerFields: CHUNKED_OPTIONS.maxTrailerFields.default,
  allowPaddedSizes: CHUNKED_OPTIONS.allowPaddedSizes.default,
});
