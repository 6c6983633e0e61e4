import { PathPattern, PathTemplate } from "../base/index.ts";
import { plainPath, type RequestHead } from "../http/index.ts";
import type { PathsDefinition, ServiceDefinition } from "../registry/index.ts";

/*
 * What a path becomes on its way to a target, and how an answer's Location
 * becomes a path of ours again.
 *
 * Nothing is decoded, and nothing that a `*` stood for is changed, so a target
 * reads in the rewritten path what it would have read in the whole one. Where
 * servers do not agree how to read a path (`..` in any spelling, `..;`, dots
 * behind an escaped slash), the prefix that is taken off or put on could be
 * left again behind our back: such a request is refused. The result begins
 * with one slash: `//x` is a host to who resolves it as a reference.
 */

/** What captures that stand in a path many times may make of it. */
const MAX_TARGET_CHARACTERS = 16_384;

interface Rewrite {
  readonly from: PathPattern;
  readonly to: PathTemplate;
}

/** The `paths` of a definition, ready for requests. */
export class PathRules {
  /** `X-Forwarded-Prefix` for targets; empty when nothing is taken off. */
  readonly forwardedLine: string;
  readonly #strip: string;
  readonly #add: string;
  readonly #rewrites: readonly Rewrite[];
  readonly #restores: boolean;

  private constructor(prefix: string, paths: PathsDefinition) {
    this.#strip = paths.strip ? withoutEnd(prefix) : "";
    this.#add = paths.add;
    this.#rewrites = paths.rewrite.flatMap(readRewrite);
    this.#restores = paths.location && (this.#strip !== "" || this.#add !== "");
    this.forwardedLine =
      this.#strip === "" ? "" : `X-Forwarded-Prefix: ${this.#strip}\r\n`;
  }

  /** Undefined for a definition that leaves paths as they are. */
  static of({ path, paths }: ServiceDefinition): PathRules | undefined {
    return (paths.strip && withoutEnd(path) !== "") ||
      paths.add !== "" ||
      paths.rewrite.length > 0
      ? new PathRules(path, paths)
      : undefined;
  }

  /** Path and query for a target; undefined for a request that is to be refused. */
  targetFor(head: Pick<RequestHead, "path" | "query">): string | undefined {
    if (plainPath(head.path) === undefined) return undefined;
    let path = oneSlash(head.path.slice(this.#strip.length));
    for (const { from, to } of this.#rewrites) {
      const captured = from.match(path);
      if (captured === undefined) continue;
      path = oneSlash(to.make(captured));
      if (plainPath(path) === undefined) return undefined;
      break;
    }
    const target = this.#add + path + head.query;
    return target.length > MAX_TARGET_CHARACTERS ? undefined : target;
  }

  /** Whether {@link publicLocation} may change anything. */
  get restoresLocations(): boolean {
    return this.#restores;
  }

  /**
   * A Location or Content-Location of a target as clients can use it: `add` off,
   * and what was stripped on again. That of another host stays, and so does one
   * that has the prefix: its target knows of it.
   */
  publicLocation(location: string, host: string): string {
    const origin = originOf(location);
    if (origin !== "" && !isOriginOf(origin, host)) return location;
    const reference = location.slice(origin.length);
    if (!reference.startsWith("/") || reference.startsWith("//"))
      return location;
    const strip = this.#strip;
    if (strip !== "" && isBelow(reference, strip)) return location;
    const add = this.#add;
    if (add !== "" && !isBelow(reference, add)) return location;
    const rest = reference.slice(add.length);
    return origin + (strip === "" ? startingInSlash(rest) : strip + rest);
  }
}

function readRewrite({ from, to }: PathsDefinition["rewrite"][number]) {
  const pattern = PathPattern.parse(from);
  if (pattern.kind === "reject") return []; // the registry has checked it
  const template = PathTemplate.parse(to, pattern.pattern.captures);
  return template.kind === "reject"
    ? []
    : [{ from: pattern.pattern, to: template.pattern }];
}

function withoutEnd(prefix: string): string {
  return prefix.endsWith("/") ? prefix.slice(0, -1) : prefix;
}

/** Begins with a slash, and with no more than one. */
export function oneSlash(path: string): string {
  if (!path.startsWith("/")) return `/${path}`;
  let slashes = 1;
  while (path.charCodeAt(slashes) === 0x2f) slashes += 1;
  return slashes === 1 ? path : path.slice(slashes - 1);
}

/** For what may be empty, or a query alone. */
function startingInSlash(reference: string): string {
  return reference.startsWith("/") ? reference : `/${reference}`;
}

/** `http://host` of a URL; empty for a reference without. */
function originOf(location: string): string {
  return /^https?:\/\/[^/?#]*/i.exec(location)?.[0] ?? "";
}

/** Without user and password, which we would not vouch for. */
function isOriginOf(origin: string, host: string): boolean {
  return origin.slice(origin.indexOf("//") + 2).toLowerCase() === host;
}

/** By whole segments; `reference` may have a query. */
function isBelow(reference: string, prefix: string): boolean {
  if (!reference.startsWith(prefix)) return false;
  const next = reference[prefix.length];
  return next === undefined || next === "/" || next === "?" || next === "#";
}
