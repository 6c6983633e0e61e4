import { FIELD_VALUE, IS_UNDERSCORE, TOKEN } from "./characters.ts";
import {
  type FieldId,
  fieldIdAt,
  isConfusable,
  USUAL_SPELLING,
  usualName,
} from "./known-field.ts";
import type { HeadLimits } from "./options.ts";
import { MutableRequestHead, rememberRequestField } from "./request-head.ts";
import {
  type MutableResponseHead,
  rememberResponseField,
} from "./response-head.ts";
import { checkTrailer, MutableTrailers } from "./trailers.ts";
import type { WireFault } from "./wire-fault.ts";

/** Where in a buffer a head stands, and the same bytes as text. */
export interface HeadText {
  readonly bytes: Buffer;
  /** Index of the first byte of `text`. */
  readonly start: number;
  readonly text: string;
}

/** Where dissecting stopped and why; `code` is undefined when all went well. */
export class LinesResult {
  code: WireFault | undefined;
  /** Index into the buffer: of the fault, or after the empty line. */
  at: number;

  constructor(code: WireFault | undefined, at: number) {
    this.code = code;
    this.at = at;
  }
}

/**
 * Dissects field lines from `at` to the empty line (RFC 9112 section 5), which
 * is known to be there: no loop needs a bound, as each stops at a CR.
 *
 * One pass over the bytes, one string for all of them, two substrings a line.
 * It is one long function because a call for each line costs 15 % more.
 */
export function dissectFieldLines(
  head: MutableRequestHead | MutableResponseHead | MutableTrailers,
  source: HeadText,
  at: number,
  limits: Pick<HeadLimits, "maxFields">,
): LinesResult {
  const { bytes, start, text } = source;
  const { fields, ids, starts } = head;
  let position = at;
  for (;;) {
    const nameStart = position;
    let marks = 0;
    let code = bytes[position] ?? 0;
    let mark = TOKEN[code] ?? 0;
    while (mark !== 0) {
      marks |= mark;
      code = bytes[++position] ?? 0;
      mark = TOKEN[code] ?? 0;
    }
    const nameEnd = position;
    if (code !== 0x3a || nameEnd === nameStart) {
      if (code === 0x0d && nameEnd === nameStart)
        return bytes[position + 1] === 0x0a
          ? new LinesResult(undefined, position + 2)
          : new LinesResult("bare-cr", position);
      return new LinesResult(nameFault(code, nameEnd > nameStart), position);
    }

    position++;
    while ((code = bytes[position] ?? 0) === 0x20 || code === 0x09) position++;
    const valueStart = position;
    while (FIELD_VALUE[code] === 1) code = bytes[++position] ?? 0;
    if (code !== 0x0d || bytes[position + 1] !== 0x0a)
      return new LinesResult(valueFault(code), position);
    let valueEnd = position;
    while (
      valueEnd > valueStart &&
      ((code = bytes[valueEnd - 1] ?? 0) === 0x20 || code === 0x09)
    )
      valueEnd--;
    position += 2;

    if (ids.length >= limits.maxFields)
      return new LinesResult("too-many-fields", nameStart);
    const found = fieldIdAt(bytes, nameStart, nameEnd);
    const id: FieldId = found & ~USUAL_SPELLING;
    const name =
      id === found
        ? text.substring(nameStart - start, nameEnd - start)
        : usualName(id);
    if (
      (marks & IS_UNDERSCORE) !== 0 &&
      id === 0 &&
      isConfusable(name.toLowerCase())
    )
      return new LinesResult("confusable-field-name", nameStart);
    const value = text.substring(valueStart - start, valueEnd - start);
    fields.push(name, value);
    ids.push(id);
    starts.push(nameStart - start);
    if (id !== 0) {
      const fault =
        head instanceof MutableRequestHead
          ? rememberRequestField(head, id, value)
          : head instanceof MutableTrailers
            ? checkTrailer(id)
            : rememberResponseField(head, id, value);
      if (fault !== undefined) return new LinesResult(fault, nameStart);
    }
  }
}

/** Why a line does not begin with a name and a colon. `code` is the byte that is wrong. */
function nameFault(code: number, hasName: boolean): WireFault {
  const isWhite = code === 0x20 || code === 0x09;
  if (isWhite) return hasName ? "space-before-colon" : "obs-fold";
  if (code === 0x0d) return "bad-field-name"; // a line without a colon
  return code === 0x0a ? "bare-lf" : "bad-field-name";
}

function valueFault(code: number): WireFault {
  if (code === 0x0d) return "bare-cr";
  return code === 0x0a ? "bare-lf" : "bad-field-value";
}
