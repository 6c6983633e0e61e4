/*
 * Structured fields (RFC 9651): a reader of dictionaries, for targeted cache
 * control (RFC 9213), and writers of items, for Cache-Status and Proxy-Status.
 */

/** A token, told apart from a string. */
export interface SfToken {
  readonly token: string;
}

/** A bare item, as far as we tell them apart; dates, bytes and display strings are `other`. */
export type SfValue =
  | boolean
  | number
  | string
  | SfToken
  | { readonly other: string }
  | { readonly list: readonly SfValue[] };

const MAX_MEMBERS = 64;

/**
 * Reads a dictionary (RFC 9651 section 4.2.2): the last of equal keys counts,
 * parameters are checked and dropped. Undefined when it does not parse: the
 * whole field is then to be ignored.
 */
export function parseSfDictionary(
  text: string,
): ReadonlyMap<string, SfValue> | undefined {
  const scanner = new Scanner(text);
  const members = new Map<string, SfValue>();
  scanner.skip(" ");
  while (!scanner.atEnd) {
    const key = scanner.take(KEY);
    if (key === undefined || members.size >= MAX_MEMBERS) return undefined;
    const value = scanner.accept("=") ? readMember(scanner) : true;
    if (value === undefined || !skipParameters(scanner)) return undefined;
    members.delete(key);
    members.set(key, value);
    scanner.skip(" \t");
    if (scanner.atEnd) break;
    if (!scanner.accept(",")) return undefined;
    scanner.skip(" \t");
    if (scanner.atEnd) return undefined; // a trailing comma
  }
  return members;
}

const KEY = /[a-z*][a-z0-9_\-.*]*/y;
const NUMBER = /-?[0-9]{1,15}(?:\.[0-9]{1,3})?(?![0-9.])/y;
const STRING = /"(?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"/y;
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y;
const BOOLEAN = /\?[01]/y;
const BYTES = /:[A-Za-z0-9+/=]*:/y;
const DATE = /@-?[0-9]{1,15}(?![0-9.])/y;
const DISPLAY = /%"(?:[\x20-\x21\x23-\x24\x26-\x7e]|%[0-9a-f][0-9a-f])*"/y;

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  skip(characters: string): void {
    while (!this.atEnd && characters.includes(this.#text.charAt(this.#at)))
      this.#at++;
  }

  accept(character: string): boolean {
    if (this.#text.charAt(this.#at) !== character) return false;
    this.#at++;
    return true;
  }

  take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }
}

function readMember(scanner: Scanner): SfValue | undefined {
  if (!scanner.accept("(")) return readBareItem(scanner);
  const list: SfValue[] = [];
  for (;;) {
    scanner.skip(" ");
    if (scanner.accept(")")) return { list };
    const item = readBareItem(scanner);
    if (item === undefined || !skipParameters(scanner)) return undefined;
    list.push(item);
  }
}

function readBareItem(scanner: Scanner): SfValue | undefined {
  const number = scanner.take(NUMBER);
  if (number !== undefined) return numberOf(number);
  const text = scanner.take(STRING);
  if (text !== undefined)
    return text.slice(1, -1).replaceAll(/\\(["\\])/g, "$1");
  const token = scanner.take(TOKEN);
  if (token !== undefined) return { token };
  const flag = scanner.take(BOOLEAN);
  if (flag !== undefined) return flag === "?1";
  const other =
    scanner.take(BYTES) ?? scanner.take(DATE) ?? scanner.take(DISPLAY);
  return other === undefined ? undefined : { other };
}

/** Decimals have at most 12 digits before the point (RFC 9651 section 3.3.2). */
function numberOf(text: string): number | undefined {
  const point = text.indexOf(".");
  const whole = point < 0 ? 0 : point - (text.startsWith("-") ? 1 : 0);
  return whole > 12 ? undefined : Number(text);
}

function skipParameters(scanner: Scanner): boolean {
  while (scanner.accept(";")) {
    scanner.skip(" ");
    if (scanner.take(KEY) === undefined) return false;
    if (scanner.accept("=") && readBareItem(scanner) === undefined)
      return false;
  }
  return true;
}

/** A string item; characters that it cannot hold become `?` (RFC 9651 section 4.1.6). */
export function sfString(text: string): string {
  let quoted = '"';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22 || code === 0x5c) quoted += "\\";
    quoted += code >= 0x20 && code <= 0x7e ? text.charAt(i) : "?";
  }
  return `${quoted}"`;
}

const WHOLE_TOKEN = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/;

/** A token when it can be one, else a string. */
export function sfTokenOrString(text: string): string {
  return WHOLE_TOKEN.test(text) ? text : sfString(text);
}

/** An integer item, kept within the 15 digits that it may have (RFC 9651 section 3.3.1). */
export function sfInteger(value: number): string {
  const limit = 999_999_999_999_999;
  return String(Math.min(limit, Math.max(-limit, Math.trunc(value))));
}
