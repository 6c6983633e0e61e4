import {
  type ChoiceOption,
  fileKey,
  type FlagOption,
  type NumberOption,
  type OptionRow,
} from "../base/index.ts";

/** What a row may say besides; most of a room's rows say nothing of it. */
interface RowExtras {
  /** As on the command line: `--cache-size <megabytes>`. */
  readonly flag?: string;
  /** What the default is, in words, where it depends on the machine. */
  readonly defaultText?: string;
}

/** A word or a line of text. */
export interface TextRow extends RowExtras {
  readonly type: "text";
  readonly default: string | undefined;
  /** What it should be, to follow "it should be". */
  readonly form: string;
  readonly accepts: (text: string) => boolean;
  /** In a file, relative to that file. */
  readonly path?: true;
  readonly doc: string;
  readonly danger?: string;
}

/** Several words; on the command line the flag is repeated. */
export interface ListRow extends RowExtras {
  readonly type: "list";
  /** Each is NAME=VALUE; a file may have names as keys instead. */
  readonly pairs?: true;
  readonly default: readonly string[];
  /** What each should be. */
  readonly form: string;
  readonly accepts: (text: string) => boolean;
  /** In a file, relative to that file. */
  readonly path?: true;
  readonly doc: string;
  readonly danger?: string;
}

/** One setting of a command: any room's option, or a text or list. */
export type SettingRow = (OptionRow & RowExtras) | TextRow | ListRow;

export type SettingTable = Readonly<Record<string, SettingRow>>;

type ValueOf<Row extends SettingRow> = Row extends NumberOption
  ? number
  : Row extends FlagOption
    ? boolean
    : Row extends ChoiceOption<infer Choice>
      ? Choice
      : Row extends ListRow
        ? readonly string[]
        : Row["default"] extends string
          ? string
          : string | undefined;

/** The checked values of a table. */
export type ValuesOf<Table extends SettingTable> = {
  readonly [Name in keyof Table]: ValueOf<Table[Name]>;
};

/** Settings that stand together in a file. */
export interface SettingSection {
  /** The key in the file; empty for those at the top. */
  readonly key: string;
  readonly doc: string;
  readonly rows: SettingTable;
  /** A running proxy takes these on SIGHUP: all, or those named. */
  readonly live?: true | readonly string[];
}

/** One row with the names it goes by. */
export interface Setting {
  /** As in a file, with its section: `limits.headTimeout`. */
  readonly key: string;
  /** The environment variable. */
  readonly env: string;
  readonly section: string;
  /** Of the row in its table: `headTimeoutMs`. */
  readonly name: string;
  readonly row: SettingRow;
  readonly unit: "duration" | "size" | "none";
  readonly live: boolean;
}

/** All rows of all sections, in order. */
export function settingsOf(
  sections: Readonly<Record<string, SettingSection>>,
): readonly Setting[] {
  return Object.entries(sections).flatMap(([section, { key, rows, live }]) =>
    Object.entries(rows).map(([name, row]): Setting => {
      const own = fileKey(name);
      const whole = key === "" ? own : `${key}.${own}`;
      return {
        key: whole,
        env: environmentName(whole),
        section,
        name,
        row,
        unit: unitOf(name, row),
        live: live === true || (live?.includes(name) ?? false),
      };
    }),
  );
}

function unitOf(name: string, row: SettingRow): Setting["unit"] {
  if (row.type !== "number") return "none";
  if (name.endsWith("Ms")) return "duration";
  return name.endsWith("Bytes") ? "size" : "none";
}

/** `limits.headTimeout` is `ZOOGATE_LIMITS_HEAD_TIMEOUT`. */
function environmentName(key: string): string {
  const words = key
    .replaceAll(".", "_")
    .replaceAll(/[A-Z]/gu, (letter) => `_${letter}`);
  return `ZOOGATE_${words.toUpperCase()}`;
}
