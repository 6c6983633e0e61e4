import { Option } from "commander";
import {
  errorMessage,
  type Journal,
  type JournalLevel,
  type JournalRecord,
} from "../base/index.ts";

/** How records are printed on stderr. */
export type LogFormat = "text" | "json";

const RANK: Readonly<Record<JournalLevel, number>> = {
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
};

/** `--log-format` and `--log-level`, as every command has them. */
export function logOptions(): readonly Option[] {
  return [
    new Option("--log-format <format>", "how log lines on stderr look")
      .choices(["text", "json"])
      .default("text"),
    new Option("--log-level <level>", "the least that is logged")
      .choices(Object.keys(RANK))
      .default("info"),
  ];
}

/** What {@link createLog} wants to know; commander's names. */
export interface LogFlags {
  readonly logFormat: LogFormat;
  readonly logLevel: JournalLevel;
}

/** A journal that prints on stderr, and what may be changed of it. */
export interface Log {
  readonly journal: Journal;
  readonly setLevel: (level: JournalLevel) => void;
}

/** Opens the log of a command. */
export async function createLog(flags: LogFlags): Promise<Journal> {
  return (await openLog(flags)).journal;
}

/** Opens a log whose level may change. */
export async function openLog(flags: LogFlags): Promise<Log> {
  return flags.logFormat === "json"
    ? jsonLog(flags.logLevel)
    : textLog(flags.logLevel);
}

async function jsonLog(level: JournalLevel): Promise<Log> {
  const { pino, destination, stdTimeFunctions } = await import("pino");
  const logger = pino(
    { level, timestamp: stdTimeFunctions.isoTime, base: { pid: process.pid } },
    destination({ dest: 2, sync: true }),
  );
  return {
    journal: ({ level: recordLevel, message, error, ...fields }) => {
      const object: Record<string, unknown> = { ...printable(fields) };
      if (error !== undefined) object["err"] = error;
      logger[recordLevel](object, message);
    },
    setLevel: (next) => {
      logger.level = next;
    },
  };
}

function textLog(initial: JournalLevel): Log {
  let level = initial;
  return {
    journal: (record) => {
      if (RANK[record.level] < RANK[level]) return;
      process.stderr.write(`${formatText(record, new Date())}\n`);
    },
    setLevel: (next) => {
      level = next;
    },
  };
}

/** `time LEVEL room: message`, on one line whatever a peer put into it. */
export function formatText(record: JournalRecord, at: Date): string {
  const time = at.toISOString();
  const cause =
    record.error === undefined ? "" : ` (${errorMessage(record.error)})`;
  const line = `${record.message}${cause}`.replaceAll(/\p{Cc}+/gu, " ");
  return `${time} ${record.level.toUpperCase().padEnd(5)} ${record.room}: ${line}`;
}

/** JSON has no bigint. */
function printable(
  fields: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "bigint" ? String(value) : value,
    ]),
  );
}
