import {
  formatBytes,
  formatDuration,
  parseBytes,
  parseDurationMs,
} from "../base/index.ts";
import { isMap } from "./config-file.ts";
import type { Setting } from "./setting.ts";

/** What a setting may be. */
export type SettingValue =
  string | number | boolean | readonly string[] | undefined;

/** What reading a value gives; `expected` follows "it should be". */
export type Reading =
  | { readonly kind: "value"; readonly value: SettingValue }
  | { readonly kind: "reject"; readonly expected: string };

/** The size that `--cache-size 256` means, as it always did. */
const BARE_SIZE_UNIT = "MB";

/** Reads what a flag or the environment says; a list's items are parted by commas. */
export function readSettingText(setting: Setting, text: string): Reading {
  const { row } = setting;
  switch (row.type) {
    case "number": {
      if (!/^\d+$/u.test(text)) return readSettingValue(setting, text);
      const bare =
        setting.unit === "size" && row.flag !== undefined
          ? `${text}${BARE_SIZE_UNIT}`
          : text;
      return readSettingValue(
        setting,
        setting.unit === "none" ? Number(text) : bare,
      );
    }
    case "flag":
      return text === "true" || text === "false"
        ? { kind: "value", value: text === "true" }
        : reject(setting);
    case "list":
      return readSettingValue(
        setting,
        text.split(",").map((item) => item.trim()),
      );
    case "choice":
    case "text":
      return readSettingValue(setting, text);
    default:
      return row satisfies never;
  }
}

/** Reads what a file says. */
export function readSettingValue(setting: Setting, value: unknown): Reading {
  const { row } = setting;
  switch (row.type) {
    case "number": {
      const number = readNumber(setting, value);
      return number !== undefined && number >= row.min && number <= row.max
        ? { kind: "value", value: number }
        : reject(setting);
    }
    case "flag":
      return typeof value === "boolean"
        ? { kind: "value", value }
        : reject(setting);
    case "choice":
      return typeof value === "string" && row.choices.includes(value)
        ? { kind: "value", value }
        : reject(setting);
    case "text":
      return typeof value === "string" && value !== "" && row.accepts(value)
        ? { kind: "value", value }
        : reject(setting);
    case "list": {
      const items: readonly unknown[] = Array.isArray(value)
        ? value
        : row.pairs === true && isMap(value)
          ? Object.entries(value).map(([name, one]) =>
              typeof one === "string" ? `${name}=${one}` : one,
            )
          : [value];
      const isItem = (item: unknown): item is string =>
        typeof item === "string" && row.accepts(item);
      return items.every(isItem)
        ? { kind: "value", value: Object.freeze([...items]) }
        : reject(setting);
    }
    default:
      return row satisfies never;
  }
}

function readNumber(setting: Setting, value: unknown): number | undefined {
  if (setting.unit === "none")
    return Number.isInteger(value) ? (value as number) : undefined; // isInteger is no type guard
  if (value === 0) return 0;
  if (typeof value !== "string") return undefined;
  return setting.unit === "duration"
    ? parseDurationMs(value)
    : parseBytes(value);
}

function reject(setting: Setting): Reading {
  return { kind: "reject", expected: expectedForm(setting) };
}

/** What a value should be, to follow "it should be". */
export function expectedForm(setting: Setting): string {
  const { row, unit } = setting;
  switch (row.type) {
    case "number": {
      const [from, to] = [row.min, row.max].map((bound) =>
        formatSetting(setting, bound),
      );
      const what = {
        duration: 'a duration with its unit, as in "10s"',
        size: 'a size with its unit, as in "64KB"',
        none: "a whole number",
      }[unit];
      return `${what}, from ${from} to ${to}`;
    }
    case "flag":
      return "true or false";
    case "choice":
      return `one of ${row.choices.join(", ")}`;
    case "text":
      return row.form;
    case "list":
      return row.form;
    default:
      return row satisfies never;
  }
}

/** A value as a file would have it. */
export function formatSetting(setting: Setting, value: SettingValue): string {
  if (value === undefined) return "none";
  if (typeof value === "number") {
    if (setting.unit === "duration") return formatDuration(value);
    if (setting.unit === "size") return formatBytes(value);
  }
  return Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
}
