/** A whole number within bounds; durations and sizes carry their unit in the name. */
export interface NumberOption {
  readonly type: "number";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** What it does, as one sentence for `--help` and the manual. */
  readonly doc: string;
  /** What goes wrong with a bad value. */
  readonly danger?: string;
}

/** One word of a closed list. */
export interface ChoiceOption<Choice extends string = string> {
  readonly type: "choice";
  readonly default: Choice;
  readonly choices: readonly Choice[];
  readonly doc: string;
  readonly danger?: string;
}

/** Yes or no. */
export interface FlagOption {
  readonly type: "flag";
  readonly default: boolean;
  readonly doc: string;
  readonly danger?: string;
}

/** One option: the row from which checks, `--help` and the manual are made. */
export type OptionRow = NumberOption | ChoiceOption | FlagOption;

/** The options of one part, by name. */
export type OptionTable = Readonly<Record<string, OptionRow>>;

/** The checked options of a table. */
export type OptionsOf<Table extends OptionTable> = {
  readonly [Name in keyof Table]: Table[Name] extends NumberOption
    ? number
    : Table[Name] extends FlagOption
      ? boolean
      : Table[Name] extends ChoiceOption<infer Choice>
        ? Choice
        : never;
};

/**
 * Fills defaults in and checks every value.
 * @throws RangeError for an unknown name or a value out of bounds
 */
export function readOptions<const Table extends OptionTable>(
  table: Table,
  given: Partial<OptionsOf<Table>> = {},
): OptionsOf<Table> {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(table, name))
      throw new RangeError(
        `Cannot use option ${JSON.stringify(name)}: known options are ${Object.keys(table).join(", ")}`,
      );
  }
  const read: Record<string, unknown> = {};
  const values: Readonly<Record<string, unknown>> = given;
  for (const [name, row] of Object.entries(table)) {
    const value = values[name] ?? row.default;
    checkOption(name, row, value);
    read[name] = value;
  }
  return Object.freeze(read) as OptionsOf<Table>; // each row was checked above
}

function checkOption(name: string, row: OptionRow, value: unknown): void {
  switch (row.type) {
    case "number":
      if (
        typeof value !== "number" ||
        !Number.isInteger(value) ||
        value < row.min ||
        value > row.max
      )
        throw new RangeError(
          `Cannot set ${name} to ${JSON.stringify(value)}: it is a whole number from ${row.min} to ${row.max}`,
        );
      return;
    case "choice":
      if (typeof value !== "string" || !row.choices.includes(value))
        throw new RangeError(
          `Cannot set ${name} to ${JSON.stringify(value)}: it is one of ${row.choices.join(", ")}`,
        );
      return;
    case "flag":
      if (typeof value !== "boolean")
        throw new RangeError(
          `Cannot set ${name} to ${JSON.stringify(value)}: it is true or false`,
        );
      return;
    default:
      row satisfies never;
  }
}
