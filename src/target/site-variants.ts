/**
 * What else than the file of a path may answer for it: a sibling that holds the
 * same, compressed, and for an application that draws its own pages the one
 * page it has.
 */
import { AcceptedCodings } from "../http/index.ts";
import type { Manifest } from "./scan-site.ts";

/** File name endings by content coding; of two that a client likes equally the earlier is taken. */
const SIBLINGS = [
  ["zstd", ".zst"],
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;

/** A precompressed file. */
export interface Sibling {
  readonly key: string;
  readonly coding: (typeof SIBLINGS)[number][0];
}

/** The precompressed files beside one. */
export function siblingsOf(manifest: Manifest, key: string): Sibling[] {
  return SIBLINGS.map(([coding, ending]) => ({
    coding,
    key: key + ending,
  })).filter((sibling) => manifest.files.has(sibling.key));
}

/** The one that the client likes best (RFC 9110 section 12.5.3); undefined: the file itself. */
export function chosenSibling(
  siblings: readonly Sibling[],
  acceptEncoding: string | undefined,
): Sibling | undefined {
  const coding = new AcceptedCodings(acceptEncoding).choose(
    siblings.map((sibling) => sibling.coding),
  );
  return siblings.find((sibling) => sibling.coding === coding);
}

/**
 * Whether a path could be a page of an application: a file with a name that has
 * an extension is missed, not drawn.
 */
export function couldBePage(key: string): boolean {
  const path = key.replace(/(?:^|\/)index\.html$/u, "");
  return !path.slice(path.lastIndexOf("/") + 1).includes(".");
}

/** Whether a client asks for a page: it names `text/html`; what scripts fetch accepts anything. */
export function asksForPage(accept: string | undefined): boolean {
  return (accept ?? "").split(",").some((range) => {
    const [type = "", ...parameters] = range.toLowerCase().split(";");
    return (
      type.trim() === "text/html" &&
      !parameters.some((one) => /^\s*q\s*=\s*0(?:\.0*)?\s*$/u.test(one))
    );
  });
}
