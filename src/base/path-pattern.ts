/*
 * Patterns of paths with captures, instead of regular expressions: those that
 * people write can be made to run for minutes by who sends the path. Here a
 * segment has one `*` at most, so a match looks at each character a fixed
 * number of times.
 */

/** Captures a pattern may have: `$1` to `$9`. */
const MAX_CAPTURES = 9;
const MAX_CHARACTERS = 1024;
/** What a path may hold as it stands, `*` and `$` being ours in their places. */
const PATH_TEXT =
  /^(?:[A-Za-z0-9/._~!&'()*+,;=:@|[\]{}^`-]|\$(?![0-9])|\$[1-9](?![0-9])|%[0-9A-Fa-f]{2})*$/;

/** One segment: literal, or literal text around one `*`. */
interface Segment {
  readonly before: string;
  readonly after: string;
  readonly captures: boolean;
}

export type PatternReading<T> =
  | { readonly kind: "pattern"; readonly pattern: T }
  /** `message` follows the pattern and "is no pattern". */
  | { readonly kind: "reject"; readonly message: string };

/**
 * A path in which `*` stands for a part of one segment, at least one character
 * of it, and a last segment `*` for all that is left, nothing included.
 */
export class PathPattern {
  /** How many `*` it has. */
  readonly captures: number;
  readonly #segments: readonly Segment[];
  readonly #takesRest: boolean;
  /** All up to the first `*`. */
  readonly #start: string;

  private constructor(text: string) {
    const segments = text.slice(1).split("/");
    this.#takesRest = segments.at(-1) === "*";
    if (this.#takesRest) segments.pop();
    this.#segments = segments.map((segment) => {
      const star = segment.indexOf("*");
      return star < 0
        ? { before: segment, after: "", captures: false }
        : {
            before: segment.slice(0, star),
            after: segment.slice(star + 1),
            captures: true,
          };
    });
    this.captures = text.split("*").length - 1;
    const star = text.indexOf("*");
    this.#start = star < 0 ? text : text.slice(0, star);
  }

  static parse(text: string): PatternReading<PathPattern> {
    const message = faultOf(text);
    if (message !== undefined) return { kind: "reject", message };
    const segments = text.split("/");
    if (text.includes("$"))
      return { kind: "reject", message: '"$" has no meaning here' };
    if (segments.some((segment) => segment.split("*").length > 2))
      return { kind: "reject", message: 'a segment has one "*" at most' };
    if (text.split("*").length - 1 > MAX_CAPTURES)
      return {
        kind: "reject",
        message: `it has more than ${MAX_CAPTURES} "*"`,
      };
    return { kind: "pattern", pattern: new PathPattern(text) };
  }

  /** What each `*` stands for in `path`; undefined when it does not match. */
  match(path: string): readonly string[] | undefined {
    if (!path.startsWith(this.#start)) return undefined;
    const captured: string[] = [];
    const segments = this.#segments;
    let at = 1;
    for (const [index, segment] of segments.entries()) {
      const slash = path.indexOf("/", at);
      const end = slash < 0 ? path.length : slash;
      const isLast = index === segments.length - 1 && !this.#takesRest;
      if (isLast !== slash < 0) return undefined;
      if (!matches(segment, path.slice(at, end), captured)) return undefined;
      at = end + 1;
    }
    if (!this.#takesRest) return captured;
    const rest = path.slice(at);
    if (endsInEscape(rest)) return undefined;
    captured.push(rest);
    return captured;
  }
}

function matches(segment: Segment, text: string, captured: string[]): boolean {
  const { before, after, captures } = segment;
  if (!captures) return text === before;
  const end = text.length - after.length;
  if (end <= before.length) return false;
  if (!text.startsWith(before) || !text.endsWith(after)) return false;
  const capture = text.slice(before.length, end);
  if (endsInEscape(capture)) return false;
  captured.push(capture);
  return true;
}

/**
 * Half of an escape at the end: what a template puts behind it could make it
 * whole. (`a*b` would capture it from `a%2b`.)
 */
function endsInEscape(text: string): boolean {
  return text.endsWith("%") || text.at(-2) === "%";
}

/** A path with places for what a {@link PathPattern} captured. */
export class PathTemplate {
  /** Literal text and numbers of captures in turn, text first. */
  readonly #texts: readonly string[];
  readonly #captures: readonly number[];

  private constructor(text: string) {
    const parts = text.split(/\$([1-9])/);
    this.#texts = parts.filter((_, index) => index % 2 === 0);
    this.#captures = parts
      .filter((_, index) => index % 2 === 1)
      .map((digit) => Number(digit) - 1);
  }

  /** Of `captures` captures, each may stand in it any number of times. */
  static parse(text: string, captures: number): PatternReading<PathTemplate> {
    const message = faultOf(text);
    if (message !== undefined) return { kind: "reject", message };
    if (text.includes("*"))
      return {
        kind: "reject",
        message: 'what a "*" stood for is "$1", "$2" and so on',
      };
    const template = new PathTemplate(text);
    const missing = template.#captures.find((index) => index >= captures);
    return missing === undefined
      ? { kind: "pattern", pattern: template }
      : {
          kind: "reject",
          message: `there is no "$${missing + 1}": the pattern has ${captures} "*"`,
        };
  }

  make(captured: readonly string[]): string {
    let text = this.#texts[0] ?? "";
    for (const [index, capture] of this.#captures.entries())
      text += (captured[capture] ?? "") + (this.#texts[index + 1] ?? "");
    return text;
  }
}

function faultOf(text: string): string | undefined {
  if (!text.startsWith("/")) return 'it should begin with "/"';
  if (text.length > MAX_CHARACTERS)
    return `it has more than ${MAX_CHARACTERS} characters`;
  if (text.includes("//")) return 'it has "//"';
  if (!PATH_TEXT.test(text))
    return "it should be a path without query, percent-encoded where need be";
  if (text.split("/").some((segment) => isDots(segment)))
    return 'it has a segment "." or ".."';
  return undefined;
}

function isDots(segment: string): boolean {
  const plain = segment.replaceAll(/%2e/gi, ".");
  return plain === "." || plain === "..";
}
