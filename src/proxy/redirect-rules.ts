import { PathPattern, PathTemplate } from "../base/index.ts";
import {
  authorityText,
  field,
  parseAuthority,
  type RequestHead,
} from "../http/index.ts";
import type { RedirectDefinition } from "../registry/index.ts";
import type { OwnAnswer } from "./own-answer.ts";
import { oneSlash } from "./path-rules.ts";

const MAX_LOCATION_CHARACTERS = 16_384;
const TO =
  /^(?:(?<scheme>https?|\{scheme\}):\/\/(?<host>[^/?]+))?(?<path>\/[^?]*)(?<query>\?.*)?$/;

/** What decides by which scheme a client asked. */
export interface SchemeAsker {
  readonly scheme: "http" | "https";
  readonly facts: { readonly trusted: boolean };
}

interface Redirect {
  readonly scheme: string | undefined;
  readonly host: string | undefined;
  readonly path: PathPattern;
  readonly status: number;
  readonly keepsQuery: boolean;
  readonly to: {
    /** Undefined: the reference is relative. */
    readonly origin:
      { readonly scheme: string; readonly host: string } | undefined;
    readonly path: PathTemplate;
    readonly query: string;
  };
}

/** The `redirects` of a definition, ready for requests. */
export class RedirectRules {
  readonly #redirects: readonly Redirect[];

  private constructor(redirects: readonly Redirect[]) {
    this.#redirects = redirects;
  }

  static of(
    definitions: readonly RedirectDefinition[],
  ): RedirectRules | undefined {
    return definitions.length === 0
      ? undefined
      : new RedirectRules(definitions.flatMap(readRedirect));
  }

  /** The first that fits the request and leads elsewhere than the request went. */
  answerTo(client: SchemeAsker, head: RequestHead): OwnAnswer | undefined {
    for (const redirect of this.#redirects) {
      const { host, scheme } = redirect;
      if (host !== undefined && host !== head.hostname) continue;
      const captured = redirect.path.match(head.path);
      if (captured === undefined) continue;
      const asked = askedScheme(client, head);
      if (scheme !== undefined && scheme !== asked) continue;
      const location = locationOf(redirect, captured, { head, scheme: asked });
      if (location === undefined) continue;
      if (location.length > MAX_LOCATION_CHARACTERS) return { status: 414 };
      return {
        status: redirect.status,
        lines: `Location: ${location}\r\n`,
      };
    }
    return undefined;
  }
}

/** Undefined where that is where the request went. */
function locationOf(
  { to, keepsQuery }: Redirect,
  captured: readonly string[],
  asked: { readonly head: RequestHead; readonly scheme: "http" | "https" },
): string | undefined {
  const { head, scheme } = asked;
  // `//x` would be a host to a browser.
  const path = oneSlash(to.path.make(captured));
  const query = keepsQuery ? joined(to.query, head.query) : to.query;
  const isSamePath = path === head.path && query === head.query;
  if (to.origin === undefined) return isSamePath ? undefined : path + query;
  // HTTP/1.0 may name no host.
  if (to.origin.host === "{host}" && head.hostname === "") return undefined;
  const origin = {
    scheme: to.origin.scheme === "{scheme}" ? scheme : to.origin.scheme,
    host: to.origin.host === "{host}" ? head.hostname : to.origin.host,
  };
  if (isSamePath && isSameOrigin(origin, { scheme, host: head.host }))
    return undefined;
  return `${origin.scheme}://${origin.host}${path}${query}`;
}

function isSameOrigin(
  one: { readonly scheme: string; readonly host: string },
  other: { readonly scheme: string; readonly host: string },
): boolean {
  return (
    one.scheme === other.scheme &&
    normal(one.host, one.scheme) === normal(other.host, other.scheme)
  );
}

function normal(host: string, scheme: string): string {
  const authority = parseAuthority(host);
  return authority === undefined ? host : authorityText(authority, scheme);
}

/** Two queries, each with its "?" or empty. */
function joined(one: string, other: string): string {
  if (one === "" || one === "?") return other === "" ? one : other;
  return other.length > 1 ? `${one}&${other.slice(1)}` : one;
}

/** What the client used, as far as those before us are believed. */
export function askedScheme(
  client: SchemeAsker,
  head: RequestHead,
): "http" | "https" {
  if (!client.facts.trusted) return client.scheme;
  const told = field(head.fields, "x-forwarded-proto")?.toLowerCase();
  return told === "http" || told === "https" ? told : client.scheme;
}

function readRedirect(definition: RedirectDefinition): readonly Redirect[] {
  const { scheme, host, path, to, status, query } = definition;
  const parts = TO.exec(to)?.groups;
  const pattern = PathPattern.parse(path);
  if (pattern.kind === "reject" || parts === undefined) return []; // the registry has checked it
  const template = PathTemplate.parse(
    parts["path"] ?? "",
    pattern.pattern.captures,
  );
  if (template.kind === "reject") return [];
  const origin =
    parts["scheme"] === undefined || parts["host"] === undefined
      ? undefined
      : { scheme: parts["scheme"], host: parts["host"] };
  return [
    {
      scheme,
      host,
      path: pattern.pattern,
      status,
      keepsQuery: query,
      to: { origin, path: template.pattern, query: parts["query"] ?? "" },
    },
  ];
}
