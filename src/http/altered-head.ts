import type { FieldList } from "./head-result.ts";
import { type FieldId, fieldIdOf } from "./known-field.ts";
import { MutableRequestHead, type RequestHead } from "./request-head.ts";
import { MutableResponseHead, type ResponseHead } from "./response-head.ts";

/** Ids of lines that are no longer those of the head's text. */
function linesOf(fields: FieldList): {
  readonly fields: FieldList;
  readonly ids: readonly FieldId[];
  readonly starts: readonly number[];
  readonly text: string;
} {
  const ids: FieldId[] = [];
  for (let index = 0; index < fields.length; index += 2)
    ids.push(fieldIdOf((fields[index] ?? "").toLowerCase()));
  return { fields, ids, starts: [], text: "" };
}

/** A copy with other fields; what is known of them is to be changed with them. */
export function alteredResponseHead(
  head: ResponseHead,
  change: Partial<Omit<ResponseHead, "ids" | "starts" | "text">>,
): ResponseHead {
  const lines = change.fields === undefined ? {} : linesOf(change.fields);
  // The class of heads that were read: one shape for all that use them.
  return Object.assign(new MutableResponseHead(), head, change, lines);
}

/** A copy that accepts these content codings and no others; undefined: none is named. */
export function acceptingHead(
  head: RequestHead,
  acceptEncoding: string | undefined,
): RequestHead {
  if (head.acceptEncoding === acceptEncoding) return head;
  const fields: string[] = [];
  for (let index = 0; index < head.fields.length; index += 2) {
    const name = head.fields[index] ?? "";
    if (name.toLowerCase() !== "accept-encoding")
      fields.push(name, head.fields[index + 1] ?? "");
  }
  if (acceptEncoding !== undefined)
    fields.push("Accept-Encoding", acceptEncoding);
  const lines = linesOf(fields);
  return Object.assign(new MutableRequestHead(), head, lines, {
    acceptEncoding,
  });
}
