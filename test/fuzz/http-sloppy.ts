/** The habits of a careless parser; each has been seen in some server. */
export interface Habits {
  /** A line may end in LF alone. */
  readonly bareLf: boolean;
  /** A CR ends a line too. */
  readonly bareCr: boolean;
  /** A line that begins with white space continues the one before. */
  readonly unfolds: boolean;
  /** White space around a name is dropped, and underscores are hyphens. */
  readonly repairsNames: boolean;
  /** Chunked wherever the word stands in Transfer-Encoding. */
  readonly looseCoding: boolean;
  /** Content-Length wins over Transfer-Encoding. */
  readonly lengthWins: boolean;
  /** Of two lengths the first counts. */
  readonly firstLength: boolean;
  /** A length is read up to the first character that is no digit. */
  readonly looseNumbers: boolean;
}

const NAMES = [
  "bareLf",
  "bareCr",
  "unfolds",
  "repairsNames",
  "looseCoding",
  "lengthWins",
  "firstLength",
  "looseNumbers",
] as const satisfies readonly (keyof Habits)[];

/** Every combination of habits. */
export const ALL_HABITS: readonly Habits[] = Array.from(
  { length: 1 << NAMES.length },
  (_, bits) =>
    // every name of Habits is in NAMES
    Object.fromEntries(
      NAMES.map((name, index) => [name, ((bits >> index) & 1) === 1]),
    ) as unknown as Habits,
);

/** The targets of the requests that a careless second hop reads. */
export function readSloppily(bytes: Buffer, habits: Habits): string[] {
  const text = bytes.toString("latin1");
  const targets: string[] = [];
  let at = 0;
  while (at < text.length && targets.length < 20) {
    const head = headAt(text, at, habits);
    if (head === undefined) {
      targets.push(`(not whole at ${at})`);
      break;
    }
    targets.push(head.target);
    at =
      head.framing === "chunked"
        ? afterChunks(text, head.end, habits)
        : head.end + head.framing;
  }
  if (at > text.length) targets.push("(content not whole)");
  return targets;
}

interface SloppyHead {
  readonly target: string;
  readonly framing: number | "chunked";
  readonly end: number;
}

function lineEnd(
  text: string,
  from: number,
  habits: Habits,
): readonly [number, number] {
  for (let i = from; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === "\r" && text.charAt(i + 1) === "\n") return [i, i + 2];
    if (character === "\n" && habits.bareLf) return [i, i + 1];
    if (character === "\r" && habits.bareCr) return [i, i + 1];
  }
  return [text.length, text.length + 1];
}

function headAt(
  text: string,
  from: number,
  habits: Habits,
): SloppyHead | undefined {
  const lines: string[] = [];
  let at = from;
  for (;;) {
    const [end, next] = lineEnd(text, at, habits);
    if (next > text.length) return undefined;
    const line = text.slice(at, end);
    at = next;
    if (line === "") {
      if (lines.length > 0) break;
      continue;
    }
    const isFold = line.startsWith(" ") || line.startsWith("\t");
    if (isFold && habits.unfolds && lines.length > 0)
      lines.push(`${lines.pop() ?? ""} ${line.trim()}`);
    else lines.push(line);
  }
  const target = (lines[0] ?? "").split(/\s+/)[1] ?? "";
  return { target, framing: framingOf(lines.slice(1), habits), end: at };
}

function framingOf(
  lines: readonly string[],
  habits: Habits,
): number | "chunked" {
  let length: number | undefined;
  let chunked = false;
  for (const line of lines) {
    const colon = line.indexOf(":");
    let name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    if (habits.repairsNames) name = name.trim().replaceAll("_", "-");
    const value = line
      .slice(colon + 1)
      .trim()
      .toLowerCase();
    if (name === "transfer-encoding")
      chunked ||= habits.looseCoding
        ? value.includes("chunked")
        : value === "chunked";
    if (
      name === "content-length" &&
      (length === undefined || !habits.firstLength)
    )
      length = habits.looseNumbers
        ? Number.parseInt(value, 10) || 0
        : Number(value);
  }
  if (chunked && !(habits.lengthWins && length !== undefined)) return "chunked";
  return length === undefined || Number.isNaN(length) ? 0 : Math.max(0, length);
}

function afterChunks(text: string, from: number, habits: Habits): number {
  let at = from;
  for (;;) {
    const [end, next] = lineEnd(text, at, habits);
    if (next > text.length) return next;
    const size = Number.parseInt(text.slice(at, end).trim(), 16) || 0;
    at = next;
    if (size === 0) break;
    at += size;
    at = lineEnd(text, at, habits)[1];
  }
  for (;;) {
    const [end, next] = lineEnd(text, at, habits);
    const isEmpty = end === at;
    at = next;
    if (isEmpty || next > text.length) return at;
  }
}
