import { Option } from "commander";
import { formatSetting, type Setting } from "../config/index.ts";

/** What commander read, by its own names. */
export type ParsedFlags = Readonly<Record<string, unknown>>;

/**
 * The flags of settings. What was given comes as text: values are read, and
 * defaults filled in, by `resolveSettings`.
 */
export function settingOptions(
  settings: readonly Setting[],
): readonly Option[] {
  return settings.flatMap((setting) => {
    const option = optionOf(setting);
    return option === undefined ? [] : [option];
  });
}

/** The flags that were given, by key of their setting. */
export function givenFlags(
  settings: readonly Setting[],
  parsed: ParsedFlags,
): ReadonlyMap<string, string | readonly string[]> {
  const given = new Map<string, string | readonly string[]>();
  for (const setting of settings) {
    const name = optionOf(setting)?.attributeName();
    const value = name === undefined ? undefined : parsed[name];
    if (typeof value === "string") given.set(setting.key, value);
    else if (value === true) given.set(setting.key, "true");
    else if (Array.isArray(value))
      given.set(setting.key, value as readonly string[]); // gathered below
  }
  return given;
}

function optionOf(setting: Setting): Option | undefined {
  const { row, env } = setting;
  if (row.flag === undefined) return undefined;
  const standard =
    row.defaultText ??
    (row.default === undefined || row.default.toString() === ""
      ? "none"
      : formatSetting(setting, row.default).replaceAll(/^\[|\]$/gu, ""));
  const choices =
    row.type === "choice" ? `, one of: ${row.choices.join(", ")}` : "";
  const repeatable = row.type === "list" ? " Repeatable." : "";
  const option = new Option(
    row.flag,
    `${row.doc}${repeatable} (default: ${standard}${choices}, env: ${env})`,
  );
  return row.type === "list" ? option.argParser(gather) : option;
}

/** Of a flag that may be repeated. */
export function gather(
  value: string,
  previous: readonly string[] | undefined,
): readonly string[] {
  return [...(previous ?? []), value];
}
