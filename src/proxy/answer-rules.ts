import type { ServiceDefinition } from "../registry/index.ts";
import { changeHead, HeaderRules } from "./header-rules.ts";
import type { PathRules } from "./path-rules.ts";

/**
 * What a service's rules make of the heads of answers, those from the store
 * included: its header rules, and Location as clients can use it. All depends on
 * the definition and on the host alone, which is part of what answers are
 * stored under: a stored answer's head is changed once for all who get it.
 */
export class AnswerRules {
  readonly #fields: HeaderRules | undefined;
  readonly #paths: PathRules | undefined;
  /** The Host that targets are told; they may name it in Location. */
  readonly #ownHost: string | undefined;

  private constructor(parts: {
    readonly fields: HeaderRules | undefined;
    readonly paths: PathRules | undefined;
    readonly ownHost: string | undefined;
  }) {
    this.#fields = parts.fields;
    this.#paths = parts.paths;
    this.#ownHost = parts.ownHost;
  }

  /** Undefined where answers stay as they are. */
  static of(
    { headers, paths: { location } }: ServiceDefinition,
    pathRules: PathRules | undefined,
  ): AnswerRules | undefined {
    const fields = HeaderRules.of(headers.response);
    const paths = pathRules?.restoresLocations === true ? pathRules : undefined;
    const ownHost = location ? headers.request.host : undefined;
    return fields === undefined && paths === undefined && ownHost === undefined
      ? undefined
      : new AnswerRules({ fields, paths, ownHost });
  }

  /** Whether answers have the field whatever their target says; name in lower case. */
  sets(lowerName: string): boolean {
    return this.#fields?.names.has(lowerName) === true;
  }

  /** Whether a target's own field of that name goes. */
  drops(name: string): boolean {
    return this.#fields?.drops(name) === true;
  }

  /** A head with its first line; the empty line at its end may be missing. */
  applyTo(head: string, host: string): string {
    const fields = this.#fields;
    return changeHead(
      head,
      (name, line) => {
        if (fields?.drops(name) === true) return "";
        if (!isLocation(name)) return undefined;
        const value = line.slice(name.length + 1).trim();
        const known = this.publicLocation(value, host);
        return known === value ? undefined : `${name}: ${known}\r\n`;
      },
      fields?.lines({ host, scheme: "", client: "" }) ?? "",
    );
  }

  /** The lines for an answer of the proxy itself, which keeps its own fields. */
  linesFor(head: string, host: string): string {
    const variables = { host, scheme: "", client: "" };
    return this.#fields?.missingLines(head, variables) ?? "";
  }

  publicLocation(location: string, host: string): string {
    const reference = this.#withoutOwnHost(location);
    return this.#paths?.publicLocation(reference, host) ?? reference;
  }

  #withoutOwnHost(location: string): string {
    const own = this.#ownHost;
    if (own === undefined) return location;
    const [origin, authority] =
      /^https?:\/\/([^/?#]*)(?=\/(?!\/))/i.exec(location) ?? [];
    return origin !== undefined && authority?.toLowerCase() === own
      ? location.slice(origin.length)
      : location;
  }
}

export function isLocation(name: string): boolean {
  const { length } = name;
  if (length !== 8 && length !== 16) return false;
  const lowerName = name.toLowerCase();
  return lowerName === "location" || lowerName === "content-location";
}
