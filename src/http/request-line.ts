import { parseAuthority } from "./authority.ts";
import { IN_PATH, IN_QUERY, TARGET, TOKEN } from "./characters.ts";
import type { HeadLimits } from "./options.ts";
import type { MutableRequestHead } from "./request-head.ts";
import type { HeadText } from "./field-lines.ts";
import type { WireFault } from "./wire-fault.ts";

/** Longer than any registered method (`UPDATEREDIRECTREF` has 17). */
export const MAX_METHOD_BYTES = 24;

const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;
const QUESTION_MARK = 0x3f;
const SLASH = 0x2f;

/** Reads a request line (RFC 9112 section 3) from the start of `source` into a head. */
export class RequestLineReader {
  /** Index into the buffer: of the fault, or after the line. */
  at: number;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #text: string;

  constructor(source: HeadText) {
    this.at = source.start;
    this.#bytes = source.bytes;
    this.#start = source.start;
    this.#text = source.text;
  }

  /** Fills method, target and version in; answers what is wrong. */
  read(head: MutableRequestHead, limits: HeadLimits): WireFault | undefined {
    return (
      this.#readMethod(head) ??
      this.#readTarget(head, limits) ??
      this.#readVersion(head)
    );
  }

  #slice(from: number, to: number): string {
    return this.#text.substring(from - this.#start, to - this.#start);
  }

  #readMethod(head: MutableRequestHead): WireFault | undefined {
    const bytes = this.#bytes;
    const from = this.#start;
    let at = from;
    while ((TOKEN[bytes[at] ?? 0] ?? 0) !== 0) at++;
    this.at = at + 1;
    if (bytes[at] !== SPACE || at === from) {
      this.at = at;
      return requestLineFault(bytes[at] ?? 0, "bad-method");
    }
    if (at - from > MAX_METHOD_BYTES) return "method-too-long";
    const isGet =
      at - from === 3 && bytes[from] === 0x47 && bytes[from + 1] === 0x45;
    head.method =
      isGet && bytes[from + 2] === 0x54 ? "GET" : this.#slice(from, at);
    return undefined;
  }

  #readTarget(
    head: MutableRequestHead,
    limits: HeadLimits,
  ): WireFault | undefined {
    const bytes = this.#bytes;
    const from = this.at;
    let at = from;
    let code = bytes[at] ?? 0;
    while (((TARGET[code] ?? 0) & IN_PATH) !== 0 && code !== QUESTION_MARK)
      code = bytes[++at] ?? 0;
    const pathEnd = at;
    if (code === QUESTION_MARK)
      while (((TARGET[code] ?? 0) & IN_QUERY) !== 0) code = bytes[++at] ?? 0;
    this.at = at;
    if (code !== SPACE || at === from)
      return requestLineFault(code, "bad-target");
    if (at - from > limits.maxTargetBytes) return "target-too-long";
    this.at = at + 1;
    const target = this.#slice(from, at);
    head.target = target;
    if (bytes[from] !== SLASH || head.method === "CONNECT")
      return readOtherForm(head);
    head.path = pathEnd === at ? target : this.#slice(from, pathEnd);
    if (pathEnd !== at) head.query = this.#slice(pathEnd, at);
    return undefined;
  }

  #readVersion(head: MutableRequestHead): WireFault | undefined {
    const bytes = this.#bytes;
    const { at } = this;
    const minor = bytes[at + 7];
    if (!isHttpName(bytes, at) || bytes[at + 6] !== 0x2e)
      return requestLineFault(bytes[at] ?? 0, "bad-version");
    if (bytes[at + 5] !== 0x31 || (minor !== 0x30 && minor !== 0x31))
      return isDigit(bytes[at + 5]) && isDigit(minor)
        ? "version-not-supported"
        : "bad-version";
    this.at = at + 8;
    if (bytes[at + 8] !== CR)
      return requestLineFault(bytes[at + 8] ?? 0, "bad-version");
    if (bytes[at + 9] !== LF) return "bare-cr";
    head.minorVersion = minor === 0x31 ? 1 : 0;
    this.at = at + 10;
    return undefined;
  }
}

/** `HTTP/`: RFC 9112 section 2.3, case-sensitive. */
export function isHttpName(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 0x48 &&
    bytes[at + 1] === 0x54 &&
    bytes[at + 2] === 0x54 &&
    bytes[at + 3] === 0x50 &&
    bytes[at + 4] === 0x2f
  );
}

function isDigit(code: number | undefined): boolean {
  return code !== undefined && code >= 0x30 && code <= 0x39;
}

/** What a byte that should not stand in a request line means. */
export function requestLineFault(
  code: number,
  otherwise: WireFault,
): WireFault {
  if (code === LF) return "bare-lf";
  return code === SPACE || code === 0x09 || code === CR
    ? "bad-request-line"
    : otherwise;
}

/** Absolute, authority and asterisk form (RFC 9112 section 3.2.2 to 3.2.4). */
function readOtherForm(head: MutableRequestHead): WireFault | undefined {
  const { method, target } = head;
  if (method === "CONNECT") {
    const authority = parseAuthority(target);
    if (authority === undefined || authority.port === 0) return "bad-target";
    head.form = "authority";
    head.targetAuthority = target;
    return undefined;
  }
  if (target === "*") {
    if (method !== "OPTIONS") return "bad-target";
    head.form = "asterisk";
    head.path = "*";
    return undefined;
  }
  return readAbsoluteForm(head);
}

function readAbsoluteForm(head: MutableRequestHead): WireFault | undefined {
  const { target } = head;
  const schemeEnd = target.indexOf("://");
  if (schemeEnd < 0) return "bad-target";
  const scheme = target.slice(0, schemeEnd).toLowerCase();
  if (scheme !== "http" && scheme !== "https") return "bad-target";
  const authorityStart = schemeEnd + 3;
  let authorityEnd = authorityStart;
  while (authorityEnd < target.length) {
    const code = target.charCodeAt(authorityEnd);
    if (code === SLASH || code === QUESTION_MARK) break;
    authorityEnd++;
  }
  head.form = "absolute";
  head.scheme = scheme;
  head.targetAuthority = target.slice(authorityStart, authorityEnd);
  const queryStart = target.indexOf("?", authorityEnd);
  const path = target.slice(
    authorityEnd,
    queryStart < 0 ? target.length : queryStart,
  );
  head.query = queryStart < 0 ? "" : target.slice(queryStart);
  // RFC 9112 section 3.2.4: OPTIONS without path or query asks the server.
  const emptyPath = head.method === "OPTIONS" && head.query === "" ? "*" : "/";
  head.path = path === "" ? emptyPath : path;
  return undefined;
}
