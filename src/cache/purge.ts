import { fieldAll, type FieldList, splitList } from "../http/index.ts";
import { splitKey } from "./cache-key.ts";
import type { Purge } from "./types.ts";

/** What a purge looks at: an entry, or an answer on its way, whose tags are not known. */
export interface Purgeable {
  readonly key: string;
  readonly fields?: FieldList;
}

/** Whether the purge removes this, whatever its scheme and release. */
export function matchesPurge(purge: Purge, item: Purgeable): boolean {
  if (!item.key.startsWith(`${purge.service} `)) return false;
  switch (purge.kind) {
    case "service":
      return true;
    case "url": {
      const { host, target } = splitKey(item.key);
      return host === purge.host && target === purge.target;
    }
    case "prefix": {
      const { host, target } = splitKey(item.key);
      return (
        (purge.host === undefined || host === purge.host) &&
        target.startsWith(purge.prefix)
      );
    }
    case "tag":
      return hasTag(item.fields ?? [], purge.tag);
    default:
      return purge satisfies never;
  }
}

function hasTag(fields: FieldList, tag: string): boolean {
  return (
    fieldAll(fields, "cache-tag").some((value) =>
      (splitList(value) ?? []).includes(tag),
    ) ||
    fieldAll(fields, "surrogate-key").some((value) =>
      value.split(" ").includes(tag),
    )
  );
}
