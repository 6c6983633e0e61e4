import { parseAuthority } from "./authority.ts";
import {
  splitAround,
  splitList,
  splitPlain,
  tokenOrQuoted,
  unquote,
} from "./fields.ts";
import { isToken } from "./characters.ts";
import { trimWhiteSpace } from "./white-space.ts";

/** One hop of `Forwarded` (RFC 7239 section 4); values without quotes. */
export interface ForwardedElement {
  readonly for: string | undefined;
  readonly by: string | undefined;
  readonly host: string | undefined;
  readonly proto: string | undefined;
}

/**
 * Reads a joined `Forwarded` value, the hop nearest to the client first.
 * Undefined when any part is malformed: then none of it can be believed.
 */
export function parseForwarded(
  value: string,
): readonly ForwardedElement[] | undefined {
  const list = splitList(value);
  if (list === undefined) return undefined;
  const elements: ForwardedElement[] = [];
  for (const element of list) {
    const hop = parseElement(element);
    if (hop === undefined) return undefined;
    elements.push(hop);
  }
  return elements;
}

function parseElement(element: string): ForwardedElement | undefined {
  const list = splitAround(element, 0x3b);
  if (list === undefined) return undefined;
  const pairs = new Map<string, string>();
  for (const pair of list) {
    const equals = pair.indexOf("=");
    const name = pair.slice(0, Math.max(equals, 0)).toLowerCase();
    const raw = pair.slice(equals + 1);
    const plain = isToken(raw) ? raw : unquote(raw);
    // RFC 7239 section 4: "Each parameter MUST NOT occur more than once".
    if (!isToken(name) || plain === undefined || pairs.has(name))
      return undefined;
    pairs.set(name, plain);
  }
  return {
    for: pairs.get("for"),
    by: pairs.get("by"),
    host: pairs.get("host"),
    proto: pairs.get("proto"),
  };
}

/** The address in a node of `Forwarded` or `X-Forwarded-For`: no port, no brackets. */
export function nodeAddress(node: string): string | undefined {
  // X-Forwarded-For carries IPv6 addresses without brackets.
  const bare = node.includes("::") || node.split(":").length > 2;
  const text = bare && !node.startsWith("[") ? `[${node}]` : node;
  const hostname = parseAuthority(text)?.hostname;
  return hostname?.startsWith("[") === true ? hostname.slice(1, -1) : hostname;
}

/** The addresses of `X-Forwarded-For`, the client's first. */
export function parseForwardedFor(value: string): string[] {
  return splitPlain(value).map(trimWhiteSpace);
}

/** `value` with one more address at its end. */
export function appendForwardedFor(
  value: string | undefined,
  address: string,
): string {
  return value === undefined || value === "" ? address : `${value}, ${address}`;
}

/** An element of `Forwarded`: an IPv6 address is put in brackets and quotes (RFC 7239 section 6.1). */
export function forwardedElement(element: Partial<ForwardedElement>): string {
  const parts: string[] = [];
  if (element.for !== undefined)
    parts.push(`for=${tokenOrQuoted(bracketed(element.for))}`);
  if (element.by !== undefined)
    parts.push(`by=${tokenOrQuoted(bracketed(element.by))}`);
  if (element.host !== undefined)
    parts.push(`host=${tokenOrQuoted(element.host)}`);
  if (element.proto !== undefined)
    parts.push(`proto=${tokenOrQuoted(element.proto)}`);
  return parts.join(";");
}

function bracketed(node: string): string {
  const isBareIpv6 = node.split(":").length > 2 && !node.startsWith("[");
  return isBareIpv6 ? `[${node}]` : node;
}
