import {
  alteredResponseHead,
  type FieldList,
  NO_CONTENT,
  type ResponseHead,
} from "../http/index.ts";

/*
 * The head of an answer whose content the proxy codes: another representation
 * of the same (RFC 9110 section 8.4).
 */

/** These tell of the content as the target sent it. */
const OF_UNCODED: ReadonlySet<string> = new Set([
  "accept-ranges", // of bytes that only the target has
  "content-digest", // RFC 9530
  "content-length",
  "content-md5",
  "digest",
  "etag",
  "repr-digest",
  "trailer",
]);

/** `coding` was chosen by Accept-Encoding; undefined when that chose none. */
export function codedHead(
  head: ResponseHead,
  coding: string | undefined,
): ResponseHead {
  const added: string[] = [];
  let { etag } = head;
  let kept = head.fields;
  if (coding !== undefined) {
    kept = without(kept, OF_UNCODED);
    added.push("Content-Encoding", coding);
    // Not the same bytes: no strong tag of the target's is theirs (section 8.8.1).
    etag = etag === undefined ? undefined : weakened(etag);
    if (etag !== undefined) added.push("ETag", etag);
  }
  let { vary } = head;
  if (!variesByCoding(vary)) {
    added.push("Vary", "Accept-Encoding");
    vary = vary === undefined ? "Accept-Encoding" : `${vary}, Accept-Encoding`;
  }
  return alteredResponseHead(head, {
    fields: [...kept, ...added],
    etag,
    vary,
    ...(coding === undefined
      ? {}
      : { contentEncoding: coding, contentLength: -1, trailer: undefined }),
  });
}

/** The same with the length of its content, which is there as a whole. */
export function wholeHead(head: ResponseHead, bytes: number): ResponseHead {
  return alteredResponseHead(head, {
    contentLength: bytes,
    framing: bytes === 0 ? NO_CONTENT : { kind: "length", bytes },
  });
}

/**
 * The fields of a 304 about content that the proxy had coded: what the target
 * says of its own is not said of ours (RFC 9111 section 3.2).
 */
export function recodedFields(update: FieldList, stored: FieldList): FieldList {
  const storedTag = valueOf(stored, "etag");
  const isCoded = variesByCoding(valueOf(stored, "vary"));
  const fields: string[] = [];
  let hasVary = false;
  for (let index = 0; index < update.length; index += 2) {
    const name = update[index] ?? "";
    const value = update[index + 1] ?? "";
    const lowerName = name.toLowerCase();
    if (lowerName === "etag" && storedTag === weakened(value))
      fields.push(name, storedTag);
    else if (lowerName !== "accept-ranges" || !isCoded)
      fields.push(name, value);
    if (lowerName === "vary" && !variesByCoding(value)) hasVary = true;
  }
  if (hasVary && isCoded) fields.push("Vary", "Accept-Encoding");
  return fields;
}

/** A 304 for a client whose copy is of our coding, as its entity tag shows. */
export function codedNotModified(
  head: ResponseHead,
  ifNoneMatch: string | undefined,
): ResponseHead {
  const { etag } = head;
  if (etag === undefined || etag.startsWith("W/")) return head;
  if (ifNoneMatch?.includes(weakened(etag)) !== true) return head;
  return alteredResponseHead(codedHead(head, undefined), {
    fields: [
      ...without(head.fields, OF_UNCODED),
      "ETag",
      weakened(etag),
      "Vary",
      "Accept-Encoding",
    ],
    etag: weakened(etag),
  });
}

function weakened(etag: string): string {
  return etag.startsWith("W/") ? etag : `W/${etag}`;
}

function variesByCoding(vary: string | undefined): boolean {
  return (
    vary !== undefined &&
    vary
      .toLowerCase()
      .split(",")
      .some((name) => {
        const trimmed = name.trim();
        return trimmed === "accept-encoding" || trimmed === "*";
      })
  );
}

function valueOf(fields: FieldList, lowerName: string): string | undefined {
  const values: string[] = [];
  for (let index = 0; index < fields.length; index += 2)
    if (fields[index]?.toLowerCase() === lowerName)
      values.push(fields[index + 1] ?? "");
  return values.length === 0 ? undefined : values.join(", ");
}

function without(fields: FieldList, names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (!names.has(name.toLowerCase()))
      kept.push(name, fields[index + 1] ?? "");
  }
  return kept;
}
