import { isToken } from "./characters.ts";
import { splitList, splitPlain, unquote } from "./fields.ts";
import { parseSfDictionary, type SfValue } from "./structured.ts";

/*
 * RFC 9111 section 5.2 leaves open what a malformed directive means. Here the
 * stricter reading wins: what forbids storing or reuse counts however it is
 * written (`no-store=1`, `private="unfinished`, `private; x`), what permits counts
 * only when it is written well, and a lifetime that cannot be read is 0 (section 4.2.1:
 * "Caches are encouraged to consider responses that have invalid freshness
 * information ... to be stale"). Of several lifetimes the shortest counts.
 */

/** A directive that may be limited to some fields: true without a (well-formed) list. */
export type FieldScope = boolean | readonly string[];

/** The directives of a request or an answer. Times are seconds. */
export interface CacheControl {
  readonly noStore: boolean;
  readonly noCache: FieldScope;
  readonly private: FieldScope;
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly noTransform: boolean;
  readonly immutable: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAgeS: number | undefined;
  readonly sMaxAgeS: number | undefined;
  /** RFC 5861. */
  readonly staleWhileRevalidateS: number | undefined;
  readonly staleIfErrorS: number | undefined;
  /** Infinity without a number: any staleness will do. */
  readonly maxStaleS: number | undefined;
  readonly minFreshS: number | undefined;
}

type Draft = { -readonly [Key in keyof CacheControl]: CacheControl[Key] };

function draft(): Draft {
  return {
    noStore: false,
    noCache: false,
    private: false,
    public: false,
    mustRevalidate: false,
    proxyRevalidate: false,
    mustUnderstand: false,
    noTransform: false,
    immutable: false,
    onlyIfCached: false,
    maxAgeS: undefined,
    sMaxAgeS: undefined,
    staleWhileRevalidateS: undefined,
    staleIfErrorS: undefined,
    maxStaleS: undefined,
    minFreshS: undefined,
  };
}

/** Without any directive. */
export const NO_CACHE_CONTROL: CacheControl = Object.freeze(draft());

/** RFC 9111 section 1.2.2: a larger number is taken as this one. */
const MAX_DELTA_S = 2_147_483_648;

/** A directive: its argument is undefined when there is none, null when malformed. */
interface Directive {
  readonly name: string;
  readonly argument: string | null | undefined;
}

/** RFC 9110 section 5.6.2: a run of anything else. */
const NOT_TOKEN = /[^!#$%&'*+.^_`|~0-9a-z-]+/;

/** Reads a joined `Cache-Control` value of a request or an answer. */
export function parseCacheControl(value: string): CacheControl {
  const control = draft();
  const elements = splitList(value);
  for (const element of elements ?? splitPlain(value))
    applyElement(control, element);
  if (elements === undefined) {
    // A quoted string without an end: nothing that permits can be believed.
    control.public = false;
    control.immutable = false;
    control.maxAgeS = 0;
    control.sMaxAgeS = 0;
    control.staleWhileRevalidateS = undefined;
    control.staleIfErrorS = undefined;
    control.maxStaleS = undefined;
  }
  return control;
}

function applyElement(control: Draft, element: string): void {
  const directive = directiveOf(element);
  if (directive !== undefined) apply(control, directive);
  else
    for (const name of element.toLowerCase().split(NOT_TOKEN))
      apply(control, { name, argument: null });
}

/** Undefined when it is malformed: then each word in it may be what was meant. */
function directiveOf(element: string): Directive | undefined {
  const equals = element.indexOf("=");
  const name = equals < 0 ? element : element.slice(0, equals);
  if (!isToken(name)) return undefined;
  const lowerName = name.toLowerCase();
  if (equals < 0) return { name: lowerName, argument: undefined };
  const raw = element.slice(equals + 1);
  const argument = isToken(raw) ? raw : unquote(raw);
  return argument === undefined ? undefined : { name: lowerName, argument };
}

function apply(control: Draft, directive: Directive): void {
  const { name, argument } = directive;
  const isBare = argument === undefined;
  switch (name) {
    case "no-store":
      control.noStore = true;
      return;
    case "no-cache":
      control.noCache = scopeOf(control.noCache, argument);
      return;
    case "private":
      control.private = scopeOf(control.private, argument);
      return;
    case "must-revalidate":
      control.mustRevalidate = true;
      return;
    case "proxy-revalidate":
      control.proxyRevalidate = true;
      return;
    case "no-transform":
      control.noTransform = true;
      return;
    case "only-if-cached":
      control.onlyIfCached = true;
      return;
    case "must-understand": // it lifts no-store, so it permits
      if (isBare) control.mustUnderstand = true;
      return;
    case "public":
      if (isBare) control.public = true;
      return;
    case "immutable":
      if (isBare) control.immutable = true;
      return;
    default:
      applyTime(control, directive);
  }
}

function applyTime(control: Draft, { name, argument }: Directive): void {
  const seconds = secondsOf(argument);
  switch (name) {
    case "max-age":
      control.maxAgeS = Math.min(control.maxAgeS ?? Infinity, seconds ?? 0);
      return;
    case "s-maxage":
      control.sMaxAgeS = Math.min(control.sMaxAgeS ?? Infinity, seconds ?? 0);
      return;
    case "stale-while-revalidate":
      control.staleWhileRevalidateS = Math.min(
        control.staleWhileRevalidateS ?? Infinity,
        seconds ?? 0,
      );
      return;
    case "stale-if-error":
      control.staleIfErrorS = Math.min(
        control.staleIfErrorS ?? Infinity,
        seconds ?? 0,
      );
      return;
    case "max-stale":
      control.maxStaleS = Math.min(
        control.maxStaleS ?? Infinity,
        argument === undefined ? Infinity : (seconds ?? 0),
      );
      return;
    case "min-fresh":
      // Here a larger number is the stricter one.
      control.minFreshS = Math.max(
        control.minFreshS ?? 0,
        seconds ?? MAX_DELTA_S,
      );
      return;
    default: // RFC 9111 section 5.2.3: unrecognised directives are ignored
  }
}

/** `1*DIGIT`; undefined when it is anything else. */
function secondsOf(argument: string | null | undefined): number | undefined {
  if (argument === undefined || argument === null || argument === "")
    return undefined;
  let seconds = 0;
  for (let i = 0; i < argument.length; i++) {
    const digit = argument.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    seconds = Math.min(MAX_DELTA_S, seconds * 10 + digit);
  }
  return seconds;
}

/** The wider of what was said before and what `argument` says now. */
function scopeOf(
  before: FieldScope,
  argument: string | null | undefined,
): FieldScope {
  if (before === true || argument === undefined || argument === null)
    return true;
  const names = splitPlain(argument.toLowerCase());
  if (names.length === 0) return true;
  return before === false ? names : [...before, ...names];
}

/**
 * Reads a targeted field such as `Zoogate-Cache-Control` (RFC 9213 section 2.1), a
 * structured dictionary. Undefined when it is empty or does not parse: it then
 * "MUST be ignored", and `Cache-Control` and `Expires` count.
 */
export function parseTargetedCacheControl(
  value: string,
): CacheControl | undefined {
  const members = parseSfDictionary(value);
  if (members === undefined || members.size === 0) return undefined;
  const control = draft();
  for (const [name, member] of members) {
    if (member === false) continue; // `no-store=?0` says that it is not set
    apply(control, { name, argument: argumentOf(member) });
  }
  return control;
}

function argumentOf(member: SfValue): string | null | undefined {
  if (member === true) return undefined;
  if (typeof member === "string") return member;
  if (typeof member === "number")
    return Number.isInteger(member) && member >= 0 ? String(member) : null;
  return typeof member === "object" && "token" in member ? member.token : null;
}
