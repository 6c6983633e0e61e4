import { isToken } from "./characters.ts";
import { fieldJoined } from "./fields.ts";
import type { FieldList } from "./head-result.ts";
import { trimWhiteSpace } from "./white-space.ts";
import { fieldIdOf, isGuardedId, isHopByHopId } from "./known-field.ts";

/** What a Connection field says (RFC 9110 section 7.6.1). */
export interface ConnectionOptions {
  readonly close: boolean;
  readonly keepAlive: boolean;
  readonly upgrade: boolean;
  /** Named a field that every recipient needs, against a MUST NOT of the RFC. */
  readonly guarded: boolean;
  /** Other names in lower case, known hop-by-hop fields and guarded fields left out. */
  readonly others: readonly string[];
}

const NONE: readonly string[] = Object.freeze([]);

function only(option: "close" | "keepAlive" | "upgrade"): ConnectionOptions {
  return Object.freeze({
    close: option === "close",
    keepAlive: option === "keepAlive",
    upgrade: option === "upgrade",
    guarded: false,
    others: NONE,
  });
}

const CLOSE = only("close");
const KEEP_ALIVE = only("keepAlive");
const UPGRADE = only("upgrade");

/** Reads a joined Connection value; undefined when it is not a list of tokens. */
export function readConnectionOptions(
  value: string,
): ConnectionOptions | undefined {
  // What nearly every client sends, without a split.
  switch (value) {
    case "keep-alive":
    case "Keep-Alive":
      return KEEP_ALIVE;
    case "close":
      return CLOSE;
    case "Upgrade":
    case "upgrade":
      return UPGRADE;
    default:
      return readList(value);
  }
}

function readList(value: string): ConnectionOptions | undefined {
  let close = false;
  let keepAlive = false;
  let upgrade = false;
  let guarded = false;
  let others: string[] | undefined;
  for (const element of value.split(",")) {
    const option = trimWhiteSpace(element).toLowerCase();
    if (option === "") continue; // RFC 9110 section 5.6.1.2: empty elements are ignored
    if (!isToken(option)) return undefined;
    if (option === "close") close = true;
    else if (option === "keep-alive") keepAlive = true;
    else if (option === "upgrade") upgrade = true;
    else {
      const id = fieldIdOf(option);
      if (isHopByHopId(id)) continue;
      if (isGuardedId(id)) guarded = true;
      else (others ??= []).push(option);
    }
  }
  return { close, keepAlive, upgrade, guarded, others: others ?? NONE };
}

/** What the Connection fields of a list say; undefined when that is not a list of tokens. */
export function connectionOptions(
  fields: FieldList,
): ConnectionOptions | undefined {
  return readConnectionOptions(fieldJoined(fields, "connection") ?? "");
}
