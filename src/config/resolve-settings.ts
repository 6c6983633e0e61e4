import { dirname, resolve } from "node:path";
import { ConfigError } from "./config-error.ts";
import { type ConfigFile, type FilePath, isMap } from "./config-file.ts";
import { nearest } from "./nearest.ts";
import {
  type Reading,
  readSettingText,
  readSettingValue,
  type SettingValue,
} from "./setting-value.ts";
import type { Setting } from "./setting.ts";

/** Where a value comes from, what wins first. */
export type SettingSource = "flag" | "environment" | "file" | "default";

/** One setting with what it came to. */
export interface Resolved {
  readonly setting: Setting;
  readonly value: SettingValue;
  readonly source: SettingSource;
}

/** What was given, besides the defaults. */
export interface SettingInputs {
  /** By key; what is undefined was not given. */
  readonly flags: ReadonlyMap<string, string | readonly string[]>;
  /** `key=value`, of `--set`. */
  readonly assignments?: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly file: ConfigFile | undefined;
  /** Keys of the file that are checked elsewhere. */
  readonly otherKeys?: readonly string[];
}

/**
 * Flag, else environment, else file, else default, for every setting. Every
 * source is checked, also where another wins.
 * @throws ConfigError `bad-value`, with everything that is wrong
 */
export function resolveSettings(
  settings: readonly Setting[],
  inputs: SettingInputs,
): readonly Resolved[] {
  const problems: string[] = [];
  const flags = readFlags(settings, inputs, problems);
  const file = readFileValues(settings, inputs, problems);
  const resolved = settings.map((setting): Resolved => {
    const text = inputs.env[setting.env];
    const environment =
      text === undefined || text === ""
        ? undefined
        : take(readSettingText(setting, text), {
            name: setting.env,
            text,
            problems,
          });
    const flag = flags.get(setting.key);
    const said = file.get(setting.key);
    if (flag !== undefined) return { setting, value: flag, source: "flag" };
    if (environment !== undefined)
      return { setting, value: environment, source: "environment" };
    if (said !== undefined) return { setting, value: said, source: "file" };
    return { setting, value: setting.row.default, source: "default" };
  });
  if (problems.length > 0) throw new ConfigError("bad-value", problems);
  return resolved;
}

/** Values by section and name of the row. */
export function valuesOf(
  resolved: readonly Resolved[],
): Readonly<Record<string, Readonly<Record<string, SettingValue>>>> {
  const values: Record<string, Record<string, SettingValue>> = {};
  for (const { setting, value } of resolved)
    (values[setting.section] ??= {})[setting.name] = value;
  for (const section of Object.values(values)) Object.freeze(section);
  return Object.freeze(values);
}

function readFlags(
  settings: readonly Setting[],
  { flags, assignments = [] }: SettingInputs,
  problems: string[],
): ReadonlyMap<string, SettingValue> {
  const values = new Map<string, SettingValue>();
  const byKey = new Map(settings.map((setting) => [setting.key, setting]));
  for (const assignment of assignments) {
    const equals = assignment.indexOf("=");
    const key = equals === -1 ? assignment : assignment.slice(0, equals);
    const setting = byKey.get(key);
    if (equals === -1 || setting === undefined) {
      problems.push(
        equals === -1
          ? `Cannot use --set ${JSON.stringify(assignment)}: it should be NAME=VALUE, as in limits.headTimeout=10s`
          : `Cannot use --set ${JSON.stringify(assignment)}: ${unknownText(key, byKey.keys())}`,
      );
      continue;
    }
    const text = assignment.slice(equals + 1);
    values.set(
      key,
      take(readSettingText(setting, text), {
        name: `--set ${key}`,
        text,
        problems,
      }),
    );
  }
  for (const [key, given] of flags) {
    const setting = byKey.get(key);
    if (setting === undefined)
      throw new TypeError(`Cannot read flag ${key}: no setting has that key`);
    const name = setting.row.flag?.split(" ")[0] ?? key;
    values.set(key, readFlag(setting, given, { name, problems }));
  }
  return values;
}

function readFlag(
  setting: Setting,
  given: string | readonly string[],
  told: { readonly name: string; readonly problems: string[] },
): SettingValue {
  if (typeof given === "string")
    return take(readSettingText(setting, given), { ...told, text: given });
  return given.flatMap((text) => {
    const value = take(readSettingText(setting, text), { ...told, text });
    return Array.isArray(value) ? (value as readonly string[]) : []; // a list's row
  });
}

function take(
  reading: Reading,
  told: {
    readonly name: string;
    readonly text: unknown;
    readonly problems: string[];
  },
): SettingValue {
  if (reading.kind === "value") return reading.value;
  told.problems.push(
    `Cannot use ${told.name} ${JSON.stringify(told.text)}: it should be ${reading.expected}`,
  );
  return undefined;
}

function readFileValues(
  settings: readonly Setting[],
  { file, otherKeys = [] }: SettingInputs,
  problems: string[],
): ReadonlyMap<string, SettingValue> {
  const values = new Map<string, SettingValue>();
  if (file === undefined) return values;
  const byKey = new Map(settings.map((setting) => [setting.key, setting]));
  const sections = new Set(
    settings.flatMap(({ key }) =>
      key.includes(".") ? [key.slice(0, key.indexOf("."))] : [],
    ),
  );
  const readMap = (map: Readonly<Record<string, unknown>>, at: FilePath) => {
    for (const [key, value] of Object.entries(map)) {
      const path = [...at, key];
      const whole = path.join(".");
      const setting = byKey.get(whole);
      if (setting !== undefined) {
        // A key without a value says nothing, so that one may be commented out.
        if (value === null) continue;
        values.set(whole, readOne(file, { setting, path, value, problems }));
      } else if (at.length === 0 && sections.has(key)) {
        if (isMap(value)) readMap(value, path);
        else if (value !== null)
          problems.push(
            `${file.where(path)}: Cannot use ${key} ${JSON.stringify(value)}: it should be keys and their values`,
          );
      } else if (at.length > 0 || !otherKeys.includes(key))
        problems.push(
          `${file.where(path, "key")}: Cannot use ${JSON.stringify(whole)}: ${unknownText(whole, [...byKey.keys(), ...sections, ...otherKeys])}`,
        );
    }
  };
  readMap(file.root, []);
  return values;
}

function readOne(
  file: ConfigFile,
  one: {
    readonly setting: Setting;
    readonly path: FilePath;
    readonly value: unknown;
    readonly problems: string[];
  },
): SettingValue {
  const { setting, path, problems } = one;
  const reading = readSettingValue(setting, one.value);
  const name = `${file.where(path)}: Cannot use ${setting.key}`;
  if (reading.kind === "reject") {
    problems.push(
      `${name} ${JSON.stringify(one.value)}: it should be ${reading.expected}`,
    );
    return undefined;
  }
  const { row } = setting;
  const { value } = reading;
  const isPath = (row.type === "text" || row.type === "list") && row.path;
  if (isPath !== true) return value;
  const start = row.type === "list" && row.pairs === true ? "=" : "";
  const absolute = (text: string) => {
    const from = text.indexOf(start) + start.length;
    const path = text.slice(from);
    return path === "-"
      ? text
      : text.slice(0, from) + resolve(dirname(file.path), path);
  };
  if (typeof value === "string") return absolute(value);
  return Array.isArray(value)
    ? (value as readonly string[]).map(absolute) // a list's row
    : value;
}

function unknownText(key: string, known: Iterable<string>): string {
  const meant = nearest(key, known);
  return `there is no such option${meant === undefined ? "" : `, did you mean ${JSON.stringify(meant)}?`}`;
}
