import { fieldAll, type FieldList, splitList } from "../http/index.ts";
import { keyPrefix, splitKey } from "./cache-key.ts";
import type { EntryStore } from "./entry-store.ts";
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

/** The keys of what a purge of one URL removes. */
function urlKeys({
  service,
  host,
  target,
}: Extract<Purge, { kind: "url" }>): readonly string[] {
  return (["http", "https"] as const).map(
    (scheme) => keyPrefix({ service, scheme, host }) + target,
  );
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

/** Removes what a purge is about; answers how many entries. */
export function removePurged(store: EntryStore, purge: Purge): number {
  switch (purge.kind) {
    case "service":
      return store.removeWhere(() => true, purge);
    case "url":
      return urlKeys(purge).reduce((sum, key) => sum + store.removeKey(key), 0);
    case "prefix":
      return store.removeWhere(
        ({ key }) => matchesPurge(purge, { key }),
        purge,
      );
    case "tag":
      return store.removeWhere((head) => matchesPurge(purge, head), {
        service: purge.service,
        // As it stands in a head unless JSON has escaped a part of it.
        ...(/^[\w.:/-]+$/.test(purge.tag) ? { word: purge.tag } : {}),
      });
    default:
      return purge satisfies never;
  }
}
