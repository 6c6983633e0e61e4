/** Milliseconds, largest unit first. */
const DURATIONS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
  ["ms", 1],
] as const;

/** Bytes, largest unit first; of two that divide a number the earlier is written. */
const SIZES = [
  ["TiB", 1024 ** 4],
  ["TB", 1000 ** 4],
  ["GiB", 1024 ** 3],
  ["GB", 1000 ** 3],
  ["MiB", 1024 ** 2],
  ["MB", 1000 ** 2],
  ["KiB", 1024],
  ["KB", 1000],
  ["B", 1],
] as const;

type Units = readonly (readonly [name: string, factor: number])[];

/** Milliseconds in `10s`, `1.5h` or `0`; undefined where it is no such text. */
export function parseDurationMs(text: string): number | undefined {
  return parse(text, DURATIONS);
}

/** Bytes in `256MB` (millions), `32KiB` or `0`; undefined where it is no such text. */
export function parseBytes(text: string): number | undefined {
  return parse(text, SIZES);
}

/** What {@link parseDurationMs} reads as `ms`, in the largest unit that is exact. */
export function formatDuration(ms: number): string {
  return format(ms, DURATIONS);
}

/** What {@link parseBytes} reads as `bytes`, in the largest unit that is exact. */
export function formatBytes(bytes: number): string {
  return format(bytes, SIZES);
}

function parse(text: string, units: Units): number | undefined {
  const groups = /^(?<number>\d+(?:\.\d+)?) ?(?<unit>[A-Za-z]*)$/u.exec(
    text.trim(),
  )?.groups;
  if (groups === undefined) return undefined;
  const number = Number(groups["number"]);
  const unit = groups["unit"] ?? "";
  if (number === 0 && unit === "") return 0;
  const factor = units.find(
    ([name]) => name.toLowerCase() === unit.toLowerCase(),
  )?.[1];
  if (factor === undefined) return undefined;
  const value = number * factor;
  return Number.isSafeInteger(value) ? value : undefined;
}

function format(value: number, units: Units): string {
  if (value === 0) return "0";
  for (const [name, factor] of units)
    if (value % factor === 0) return `${value / factor}${name}`;
  return String(value);
}

/**
 * An option's name as a file writes it: values carry their unit there, so that
 * names need not. `headTimeoutMs` is `headTimeout`, `maxHeadBytes` `maxHeadSize`.
 */
export function fileKey(name: string): string {
  return name.replace(/Ms$/u, "").replace(/Bytes$/u, "Size");
}
